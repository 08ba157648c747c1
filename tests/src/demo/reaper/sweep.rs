//! One sweep: a direct invocation of the reaper as it is deployed, and what it reports.

use crate::demo::Failure;
use crate::demo::local_stack::LocalStack;
use crate::local_aws::Lambda;
use crate::world::TaskHandle;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

pub(super) struct Sweep(Value);

impl Sweep {
    pub(super) async fn run(local: &LocalStack, mode: &str) -> Result<Self, Failure> {
        Self::ordered(local, mode, &json!({ "mode": mode })).await
    }

    /// One that acts on what a stored report names, and on nothing else.
    pub(super) async fn by_plan(local: &LocalStack, plan: &Self) -> Result<Self, Failure> {
        let order = json!({ "mode": "enforce", "plan": plan.kept_as() });
        local.say(&format!("  {order}"));
        Self::ordered(local, "enforce", &order).await
    }

    async fn ordered(local: &LocalStack, mode: &str, order: &Value) -> Result<Self, Failure> {
        let report = local.stack.invoke(Lambda::Reaper, order).await?;
        if report["counts"].is_null() {
            return Err(format!("the reaper answered no report, but {report}").into());
        }
        let sweep = Self(report);
        local.say(&sweep.summary(mode));
        Ok(sweep)
    }

    fn summary(&self, mode: &str) -> String {
        let count = |name: &str| self.0["counts"][name].as_u64().unwrap_or_default();
        let milliseconds = self.0["duration_ms"].as_u64().unwrap_or_default();
        format!(
            "  {mode}: {} tasks and {} targets seen; {} suspected; {} orphans, {} stopped; {} zombies, \
             {} deregistered; {}.{} s",
            count("session_tasks"),
            count("targets"),
            self.with_action("suspected").len(),
            count("orphans"),
            count("reaped"),
            count("zombies"),
            count("deregistered"),
            milliseconds / 1000,
            milliseconds % 1000 / 100,
        )
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.0[name].as_array().into_iter().flatten()
    }

    /// What it says of a task; null when it is plainly fine, or none of ours.
    pub(super) fn task(&self, task: &TaskHandle) -> &Value {
        self.list("tasks").find(|finding| finding["task_arn"] == task.arn()).unwrap_or(&Value::Null)
    }

    /// What it says of a target; null when it is plainly fine.
    pub(super) fn target(&self, address: Ipv4Addr) -> &Value {
        let is_it = |finding: &&Value| finding["address"]["ip"] == address.to_string();
        self.list("targets").find(is_it).unwrap_or(&Value::Null)
    }

    /// The tasks and targets about which it did this.
    pub(super) fn with_action(&self, action: &str) -> BTreeSet<String> {
        let findings = self.list("tasks").chain(self.list("targets"));
        findings
            .filter(|finding| finding["action"] == action)
            .map(|finding| format!("{}{}", finding["task_arn"], finding["address"]))
            .collect()
    }

    /// What is wrong with the sweep itself: nothing, here.
    pub(super) fn is_whole(&self) -> bool {
        let lists = ["warnings", "not_decided", "problems"];
        lists.iter().all(|list| self.list(list).next().is_none())
    }

    /// Its report's key in the ledger.
    pub(super) fn kept_as(&self) -> &str {
        self.0["kept_as"].as_str().unwrap_or("none")
    }
}
