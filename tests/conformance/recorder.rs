//! Runs functions whose every exchange with AWS is kept. It is told what to run as the simulation's recorder is.

use crate::invoke::{FUNCTION_TIMEOUT, batch, function_over, invoke_reaper, report};
use crate::tape::{Exchange, Stack, Tape};
use serde_json::{Value, json};
use session_cleanup::aws::HttpSeam;
use session_cleanup::context::Context;
use session_cleanup::deadline::Deadline;
use session_cleanup::{completion, inspector, reaper};
use session_cleanup_tests::world::World;
use std::sync::Arc;
use std::time::Duration;

/// What was sent and answered.
pub(crate) type Printed = Vec<Exchange>;

/// Keeps what functions send until it is asked for it.
#[derive(Default)]
pub(crate) struct Recorder {
    tape: Tape,
}

/// The stack whose functions fit a world's setup.
fn stack(world: &World) -> Stack {
    let setup = world.setup();
    let arns = |names: &[String], arn: &dyn Fn(&str) -> String| {
        names.iter().map(|name| arn(name)).collect::<Vec<_>>().join(",")
    };
    Stack {
        clusters: arns(&setup.clusters, &|name| setup.cluster_arn(name)),
        target_group_arns: arns(&setup.target_groups, &|name| setup.target_group_arn(name)),
        artifact_bucket: setup.artifact_bucket.clone(),
        artifact_prefix: setup.prefix.clone(),
    }
}

impl Recorder {
    pub(crate) fn start() -> Self {
        Self::default()
    }

    fn function(
        &self,
        world: &World,
        function: &'static str,
        changes: &[(&str, &str)],
    ) -> Arc<Context> {
        let client = self.tape.between(world.caller(function), function, stack(world));
        function_over(world, &HttpSeam::new(client), function, changes).0
    }

    /// Delivers a batch to the completion function, each event for the `received`th time.
    pub(crate) async fn deliver(
        &mut self,
        world: &World,
        events: &[Value],
        received: u32,
        changes: &[(&str, &str)],
    ) {
        let context = self.function(world, "completion", changes);
        let bodies: Vec<String> = events.iter().map(Value::to_string).collect();
        let mut payload = batch(&bodies);
        for record in payload["Records"].as_array_mut().unwrap() {
            record["attributes"] = json!({"ApproximateReceiveCount": received.to_string()});
        }
        let deadline = Deadline::after(FUNCTION_TIMEOUT);
        completion::handle(&context, payload, deadline, "request").await.unwrap();
    }

    /// Invokes the completion function by hand.
    pub(crate) async fn invoke(&mut self, world: &World, event: &Value) {
        let context = self.function(world, "completion", &[]);
        let (Ok(_) | Err(_)) = report(&context, event).await;
    }

    /// Invokes the reaper; the answer is the sweep's report.
    pub(crate) async fn sweep(
        &mut self,
        world: &World,
        order: &Value,
        changes: &[(&str, &str)],
    ) -> Value {
        invoke_reaper(&self.function(world, "reaper", changes), order).await
    }

    /// The same with so much time.
    pub(crate) async fn sweep_within(&mut self, world: &World, order: &Value, time: Duration) {
        let context = self.function(world, "reaper", &[]);
        reaper::handle(&context, order, Deadline::after(time), "request").await.unwrap();
    }

    /// Asks the inspector.
    pub(crate) async fn ask(&mut self, world: &World, question: &Value) {
        let context = self.function(world, "inspector", &[]);
        inspector::handle(&context, question, Deadline::after(FUNCTION_TIMEOUT)).await;
    }

    /// All of it.
    pub(crate) fn printed(self) -> Printed {
        self.tape.exchanges()
    }
}
