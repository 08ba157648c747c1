//! Scenes made of sentences: one thing that is wrong, and what is seen of it.

use super::fixtures::{HOUR, address, ago, group, policy, task};
use super::scene::Scene;
use crate::aws::{TargetHealth, Unhealthy};
use crate::cleanup::SalvageWindow;
use crate::container::Probe;
use crate::session::{LEASE_TAG, Task};
use crate::session::{TargetAddress, TargetGroupArn};
use crate::sweep::decide::{TargetRow, TaskRow, to_be_probed};
use crate::sweep::suspects::{SeenSince, Suspects};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) const UNANSWERED: TargetHealth = TargetHealth::Unhealthy(Unhealthy::Timeout);
pub(super) const INTERVAL: Duration = Duration::from_mins(5);

/// All is listed, and nothing is there.
pub(super) fn nothing() -> Scene {
    Scene {
        tasks: Vec::new(),
        targets: BTreeMap::new(),
        unlisted: BTreeSet::new(),
        others: Some(true),
        answers: BTreeMap::new(),
        whole_routes: BTreeSet::new(),
        words: BTreeMap::new(),
        suspects: Suspects::default(),
        force: None,
        policy: policy(),
    }
}

/// A task without traffic whose container says that it is done; suspect for one interval.
pub(super) fn done_twice() -> Scene {
    let mut scene = nothing().with(task("x"));
    scene.words.insert(task("x").arn, Probe::Done);
    scene.suspects.tasks.insert(task("x").arn, since(INTERVAL));
    scene
}

/// A target that nobody has and nobody answers at; suspect for one interval.
pub(super) fn zombie() -> Scene {
    let mut scene = nothing().registered("a", UNANSWERED);
    scene.answers.insert(address(1), Probe::Silent);
    scene.suspects.targets.insert(target("a"), since(INTERVAL));
    scene
}

/// An orphan whose lease has lapsed, asked without success an interval ago.
pub(super) fn failed_salvage() -> Scene {
    let mut scene = nothing().with(tagged("x", LEASE_TAG, ago(HOUR * 3)));
    scene.suspects.failed_salvages.insert(task("x").arn, since(INTERVAL));
    scene
}

impl Scene {
    pub(super) fn with(mut self, task: Task) -> Self {
        self.tasks.push(task);
        self
    }

    /// A target at the first address.
    pub(super) fn registered(mut self, name: &str, health: TargetHealth) -> Self {
        self.targets.insert(target(name), health);
        self
    }

    pub(super) fn unlisted(mut self, name: &'static str) -> Self {
        self.unlisted.insert(name);
        self
    }

    pub(super) fn answered(mut self, probe: Probe) -> Self {
        self.answers.insert(address(1), probe);
        self
    }

    pub(super) fn row(&self) -> TaskRow {
        self.plan().tasks.first().map_or(TaskRow::Live, |decision| decision.judged.row)
    }

    pub(super) fn target_row(&self) -> Option<TargetRow> {
        self.plan().targets.first().map(|decision| decision.row)
    }

    /// What is remembered of the one task that was suspect.
    pub(super) fn suspicion(&self) -> Option<SeenSince> {
        self.plan().suspects.tasks.get(&task("x").arn).copied()
    }

    pub(super) fn target_suspicion(&self) -> Option<SeenSince> {
        self.plan().suspects.targets.get(&target("a")).copied()
    }

    pub(super) fn salvage_failing_since(&self) -> Option<SeenSince> {
        self.plan().suspects.failed_salvages.get(&task("x").arn).copied()
    }

    pub(super) fn salvage(&self) -> SalvageWindow {
        self.plan().tasks.first().unwrap().judged.salvage
    }

    pub(super) fn asked(&self) -> usize {
        self.on_known(|known| to_be_probed(known).len())
    }
}

pub(super) fn target(name: &str) -> (TargetGroupArn, TargetAddress) {
    (group(name), address(1))
}

pub(super) fn since(age: Duration) -> SeenSince {
    SeenSince { since: ago(age), last: ago(INTERVAL) }
}

pub(super) fn tagged(id: &str, tag: &str, at: Timestamp) -> Task {
    let plain = task(id);
    // The session had begun by then.
    let created_at = plain.created_at.min(at - HOUR);
    Task { tags: BTreeMap::from([(tag.to_owned(), at.to_string())]), created_at, ..plain }
}
