//! What a sweep must have seen before it acts: who has an address, and whether anybody's lease is extended.

use std::net::Ipv4Addr;

use super::api::{Api, Call, Outcome};
use super::invariants::Asker;
use super::leftovers::is_past;
use super::state::State;
use super::task::{Task, TaskKey};

impl State {
    /// A target is about to be removed.
    pub(super) fn judge_looks(&mut self, asker: &Asker, ip: Ipv4Addr) {
        let is_nobodys = self.tenants.get(&ip).is_none_or(Vec::is_empty);
        let is_judged = self.setup.sees_everything() && is_nobodys;
        if let Some(why) = is_judged.then(|| self.who_was_not_asked(asker)).flatten() {
            self.violation("I2", asker, &format!("the target {ip} is removed, and {why}"));
        }
    }

    /// Every cluster of the account may have who holds an address; and those that are configured are asked once more.
    fn who_was_not_asked(&self, asker: &Asker) -> Option<String> {
        let begins = self.begins(asker)?;
        let sweep = || {
            let calls = self.lately_by(asker).filter(|call| call.number > begins);
            calls.filter(|call| call.number < asker.number)
        };
        let asks_others = |call: &Call| call.api == Api::ListClusters && call.outcome.is_success();
        if !sweep().any(asks_others) {
            return Some("the account's other clusters were not asked who has it".to_owned());
        }
        let acts = self.acts(asker).filter(|acts| *acts < asker.number)?;
        let mut since = sweep().filter(|call| call.number > acts);
        // What is looked at after one removal says nothing of the look before it.
        if since.any(|call| call.api == Api::DeregisterTargets) {
            return None;
        }
        let is_intent = |call: &&Call| call.api == Api::PutObject && call.is_about("/intents/");
        let intends = sweep().filter(is_intent).rfind(|call| call.number > acts);
        let intends = intends.map_or(asker.number, |call| call.number);
        let clusters = self.setup.clusters.iter();
        let not_seen = { clusters }.find(|cluster| {
            let since = sweep().filter(|call| (acts..intends).contains(&call.number));
            // Another group's round may be looking again.
            let mut listings = since.filter(|call| {
                call.api == Api::ListTasks
                    && call.subjects.first() == Some(*cluster)
                    && call.outcome != Outcome::Unanswered
            });
            let last = listings.next_back().map(|call| &call.outcome);
            !last.is_some_and(is_listed)
        });
        not_seen.map(|cluster| format!("who has it by now was not seen in {cluster}"))
    }

    /// I1 for a sweep that takes a session for over because its lease has lapsed: that says nothing where it has not seen
    /// all the others.
    pub(super) fn judge_a_lapsed_lease(&mut self, asker: &Asker, key: &TaskKey) {
        let now = self.clock.now();
        let hangs_on_others = |task: &&Task| {
            let lapsed = self.lease_end(task).filter(|end| *end < now);
            let lapsed = lapsed.filter(|end| !is_past(*end, self.setup.max_session_age, now));
            lapsed.is_some_and(|end| task.session_began() <= end)
                && task.owner_ended_at.is_none()
                && task.wanted_running()
                && task.container.completed_at.is_none()
                && !self.judge.forces(task)
                && !self.is_tagged_ended(task)
                && !is_past(task.session_began(), self.setup.hard_age, now)
        };
        let is_clock_right = self.setup.functions_clock_is_ahead.is_zero();
        let Some(task) = self.task(key).filter(|_| is_clock_right).filter(hangs_on_others) else {
            return;
        };
        let Some(cluster) = self.cluster_that_was_not_listed(asker) else { return };
        let what = format!(
            "{} is taken for over because its lease has lapsed, and {cluster} was not listed",
            task.arn
        );
        self.violation("I1", asker, &what);
    }

    fn cluster_that_was_not_listed(&self, asker: &Asker) -> Option<String> {
        let begins = self.begins(asker)?;
        let sweep = || self.lately_by(asker).filter(|call| call.number > begins);
        let acts = self.acts(asker)?;
        let mut clusters = self.setup.clusters.iter();
        let not_listed = clusters.find(|cluster| {
            let mut its = sweep().filter(|call| call.api == Api::ListTasks && call.number < acts);
            let last = its.rfind(|call| *call.subjects == [(*cluster).clone()]);
            last.is_some_and(|call| !is_listed(&call.outcome))
        });
        not_listed.cloned()
    }
}

/// A cluster that does not exist has no task.
fn is_listed(came_to: &Outcome) -> bool {
    came_to.is_success()
        || matches!(came_to, Outcome::Answered(_, Some(code)) if code.contains("NotFound"))
}
