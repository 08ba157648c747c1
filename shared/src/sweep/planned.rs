//! A stored report as an order: what it would have acted on may be acted on, and nothing else.

use super::decide::Plan;
use super::report::{StoredReport, StoredTarget};
use crate::aws::{CallError, Ledger, Stored};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::event::ReportKey;
use crate::removal::ZombieTarget;
use crate::session::TaskArn;
use std::collections::BTreeSet;

/// The victims of a stored report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    tasks: BTreeSet<TaskArn>,
    targets: BTreeSet<ZombieTarget>,
}

/// What a report says of those that it acted on, or would have. Whoever it left alone, for whatever reason, is not
/// meant by whoever names it: least of all those that an order before had left out.
const VICTIMS: [&str; 6] = ["would_act", "would_wait", "acted", "tried", "waits", "out_of_time"];

impl Planned {
    /// Reads the report that an operator names.
    ///
    /// # Errors
    /// A sentence that says why nothing is done: it can't be read, or is no report of this stack.
    pub async fn read(
        ledger: &Ledger,
        key: &ReportKey,
        config: &Config,
        deadline: Deadline,
    ) -> Result<Self, String> {
        let reading = ledger.read::<StoredReport>(key.as_str());
        let read = CallError::answered_by(deadline, "GetObject", key.as_str(), reading).await;
        let Some(Stored { document, .. }) = read.map_err(|error| error.to_string())? else {
            return Err("there is no such report in the ledger".to_owned());
        };
        Self::of(document, config)
    }

    fn of(report: StoredReport, config: &Config) -> Result<Self, String> {
        let scope = &config.scope;
        let tasks =
            report.tasks.into_iter().filter(|task| VICTIMS.contains(&task.verdict.action.as_str()));
        let tasks: BTreeSet<TaskArn> = tasks.map(|task| task.task_arn).collect();
        let targets = report.targets.into_iter();
        let targets = targets.filter(|target| VICTIMS.contains(&target.verdict.action.as_str()));
        let targets: BTreeSet<ZombieTarget> = targets
            .map(|StoredTarget { group, address, .. }| ZombieTarget { group, address })
            .collect();
        if let Some(task) = tasks.iter().find(|task| !scope.clusters.contains(task.cluster())) {
            return Err(format!(
                "it is no report of this stack: {task} is of no configured cluster"
            ));
        }
        let foreign = |target: &&ZombieTarget| !scope.target_groups.contains(&target.group);
        if let Some(target) = targets.iter().find(foreign) {
            return Err(format!(
                "it is no report of this stack: {} is not configured",
                target.group
            ));
        }
        if tasks.is_empty() && targets.is_empty() {
            return Err("it names nothing that `enforce` would act on".to_owned());
        }
        Ok(Self { tasks, targets })
    }

    /// The part of a sweep's plan that it names.
    #[must_use]
    pub fn part_of(&self, plan: &Plan) -> Plan {
        let mut part = plan.clone();
        part.tasks.retain(|one| !one.judged.row.is_orphan() || self.tasks.contains(&one.task.arn));
        part.targets.retain(|one| self.targets.contains(&one.zombie()));
        part
    }
}
