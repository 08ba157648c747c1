//! The doctor: what it finds, and that nobody is worse off for being looked at.

mod findings;
mod harm;
mod sweeps;

use crate::invoke::{MetricLines, function_with, invoke_reaper, report};
use serde_json::{Value, json};
use session_cleanup::context::Context;
use session_cleanup_tests::world::{Fault, TaskHandle, World};
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Who may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Completion,
    Reaper,
}

const BOTH: [Function; 2] = [Function::Completion, Function::Reaper];

impl Function {
    async fn examined(self, context: &Arc<Context>) -> Value {
        let asked = json!({"doctor": {}});
        match self {
            Self::Completion => report(context, &asked).await.unwrap(),
            Self::Reaper => invoke_reaper(context, &asked).await,
        }
    }

    /// Examined by a fresh function with variables of its own.
    async fn examined_with(self, world: &World, variables: &[(&str, &str)]) -> Value {
        let (context, _metrics): (_, MetricLines) =
            function_with(world, &format!("{self:?}"), variables);
        self.examined(&context).await
    }
}

/// A fleet of living sessions, one of which has uploaded before; all is as it should be.
fn fleet(world: &World) -> Vec<TaskHandle> {
    world.put_object("artifacts", "earlier/debug/session_status.json", "{}");
    let session = |number: u64| {
        let session = world.session(&format!("living-{number}")).started_ago(MINUTE * 20);
        if number.is_multiple_of(2) { session.leased_for(HOUR) } else { session }.start()
    };
    (0..6).map(session).collect()
}

/// The lights of the checks with this name and a subject that contains this.
fn lights(report: &Value, name: &str, subject: &str) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("no report: {report:#}"));
    let of_it = |check: &&Value| {
        check["name"] == name && check["subject"].as_str().unwrap().contains(subject)
    };
    checks.iter().filter(of_it).map(|check| check["light"].as_str().unwrap().to_owned()).collect()
}

/// Asserts that some check of this name and subject has this light, and what to do beside it.
fn assert_light(report: &Value, name: &str, subject: &str, light: &str) {
    let lights = lights(report, name, subject);
    assert!(
        lights.iter().any(|known| known == light),
        "{name} {subject}: {lights:?}\n{}",
        text(report)
    );
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| (check["light"] == "green") == check["fix"].is_null()));
}

fn text(report: &Value) -> &str {
    report["text"].as_str().unwrap()
}

/// A fault on each call of an operation.
fn always(world: &World, fault: Fault) {
    world.fault(fault.always());
}
