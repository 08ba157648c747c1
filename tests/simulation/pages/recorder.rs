//! Keeps all that functions print, answer and write down.

use crate::invoke::{
    FUNCTION_TIMEOUT, MetricLines, ask, batch, function_with, invoke_reaper, report,
};
use serde_json::{Value, json};
use session_cleanup::deadline::Deadline;
use session_cleanup::{completion, reaper, telemetry};
use session_cleanup_tests::world::World;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level, callsite};

/// What was said.
pub(super) struct Printed {
    /// The lines of the logs, metrics among them.
    pub(super) lines: Vec<Value>,
    /// Reports, receipts and other documents of the ledger, and answers.
    pub(super) documents: Vec<Value>,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens until it is asked what it heard.
pub(super) struct Recorder {
    log: Log,
    metrics: Vec<MetricLines>,
    documents: Vec<Value>,
    _listens: DefaultGuard,
    /// Where there is one subscriber alone, whether a line is of interest is asked of the thread that comes to
    /// it first, and other tests' threads have none.
    _another: Dispatch,
}

impl Recorder {
    /// Hears what is logged in this thread from now on, as deployed functions log it.
    pub(super) fn start() -> Self {
        let log = Log::default();
        let writer = log.clone();
        let another = Dispatch::new(telemetry::subscriber(Level::INFO, io::sink));
        let subscriber = telemetry::subscriber(Level::INFO, move || writer.clone());
        let listens = tracing::subscriber::set_default(subscriber);
        Self {
            log,
            metrics: Vec::new(),
            documents: Vec::new(),
            _listens: listens,
            _another: another,
        }
    }

    /// Delivers a batch to the completion function, each event for the `received`th time.
    pub(super) async fn deliver(
        &mut self,
        world: &World,
        events: &[Value],
        received: u32,
        changes: &[(&str, &str)],
    ) {
        callsite::rebuild_interest_cache();
        let (context, metrics) = function_with(world, "completion", changes);
        self.documents.extend_from_slice(events);
        let bodies: Vec<String> = events.iter().map(Value::to_string).collect();
        let mut payload = batch(&bodies);
        for record in payload["Records"].as_array_mut().unwrap() {
            record["attributes"] = json!({"ApproximateReceiveCount": received.to_string()});
        }
        let deadline = Deadline::after(FUNCTION_TIMEOUT);
        let answer = completion::handle(&context, payload, deadline, "request").await;
        self.documents.push(answer.unwrap());
        self.metrics.push(metrics);
        self.read_ledger(world);
    }

    /// Invokes the completion function by hand.
    pub(super) async fn invoke(&mut self, world: &World, event: &Value) {
        let (context, metrics) = function_with(world, "by-hand", &[]);
        let (Ok(answer) | Err(answer)) = report(&context, event).await;
        self.documents.push(answer);
        self.metrics.push(metrics);
    }

    /// Invokes the reaper; the answer is the sweep's report.
    pub(super) async fn sweep(
        &mut self,
        world: &World,
        order: &Value,
        changes: &[(&str, &str)],
    ) -> Value {
        callsite::rebuild_interest_cache();
        let (context, metrics) = function_with(world, "reaper", changes);
        let report = invoke_reaper(&context, order).await;
        self.documents.push(report.clone());
        self.metrics.push(metrics);
        self.read_ledger(world);
        report
    }

    /// The same with so much time.
    pub(super) async fn sweep_within(&mut self, world: &World, order: &Value, time: Duration) {
        let (context, metrics) = function_with(world, "reaper", &[]);
        let report = reaper::handle(&context, order, Deadline::after(time), "request").await;
        self.documents.push(report.unwrap());
        self.metrics.push(metrics);
    }

    /// Asks the inspector.
    pub(super) async fn ask(&mut self, world: &World, question: &Value) {
        self.documents.push(ask(world, question).await);
    }

    fn read_ledger(&mut self, world: &World) {
        let objects = world.keys("ledger");
        let objects = objects.iter().filter_map(|key| world.object("ledger", key));
        let documents = objects.filter_map(|object| serde_json::from_slice(&object).ok());
        self.documents.extend(documents);
    }

    /// All of it.
    pub(super) fn printed(self) -> Printed {
        let log = String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap();
        let metrics = self.metrics.iter().flat_map(|lines| lines.lock().unwrap().clone());
        let lines: Vec<Value> = log
            .lines()
            .map(str::to_owned)
            .chain(metrics)
            .map(|line| serde_json::from_str(&line).expect("a line is JSON"))
            .collect();
        assert!(lines.len() > 500, "only {} lines are heard: the test can't tell", lines.len());
        Printed { lines, documents: self.documents }
    }
}
