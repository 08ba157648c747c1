//! A Fargate task: its life, as a function of time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::container::Container;
use super::setup::Dwell;
use super::tags::Tags;

/// Where a task lives, and its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskKey {
    pub(crate) cluster: String,
    pub(crate) id: String,
}

/// A task's `lastStatus`, in the order of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of AWS")]
pub enum Phase {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl Phase {
    /// As ECS writes it.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}").to_uppercase()
    }
}

/// Why and how a task comes to its end. Set when the end begins.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// `desiredStatus` is STOPPED from here on; SIGTERM comes with it.
    pub(crate) at: Timestamp,
    /// `lastStatus` leaves RUNNING; later than `at` for a Spot warning.
    pub(crate) leaves_running_at: Timestamp,
    /// The container's process is gone.
    pub(crate) process_ends: Timestamp,
    pub(crate) exit_code: Option<i32>,
    pub(crate) code: &'static str,
    pub(crate) reason: String,
}

impl Stop {
    /// Whether the functions have stopped it.
    pub(crate) fn is_ours(&self) -> bool {
        self.reason.starts_with("session-cleanup:")
    }
}

/// Another container of the task, with a state and an exit code of its own.
#[derive(Clone, Debug)]
pub(crate) struct Sidecar {
    pub(crate) name: String,
    /// `None`: its image is pulled for ever.
    pub(crate) runs_at: Option<Timestamp>,
    /// What it exits with when the task ends, or before; `None`: nobody could inspect it.
    pub(crate) exit_code: Option<i32>,
}

/// What an owner does about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Nothing: it ends when it ends.
    None,
    /// It keeps extending it.
    Works,
    /// It lives, and does not get to extend it.
    Broken,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) key: TaskKey,
    pub(crate) arn: String,
    pub(crate) family: String,
    pub(crate) group: String,
    pub(crate) started_by: Option<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) tags: Tags,
    pub(crate) address: Ipv4Addr,
    pub(crate) subnet: String,
    /// ECS shows it without what every task has.
    pub(crate) shapeless: bool,
    pub(crate) created_at: Timestamp,
    /// When it came into the world, and to its address: it may have been created before.
    pub(crate) arrived_at: Timestamp,
    /// ECS reads are eventually consistent: before this they don't show the task.
    pub(crate) visible_from: Timestamp,
    /// Some of them sooner than others: before this `DescribeTasks` does not know it.
    pub(crate) described_from: Timestamp,
    /// `None`: it never gets beyond PENDING.
    pub(crate) runs_at: Option<Timestamp>,
    pub(crate) dwell: Dwell,
    pub(crate) stop_timeout: Duration,
    pub(crate) stop: Option<Stop>,
    /// The target groups in which its owner registers it.
    pub(crate) registers_in: Vec<String>,
    /// The port at which its owner registers it, and at which it takes the group's requests.
    pub(crate) target_port: u16,
    pub(crate) container: Container,
    pub(crate) sidecars: Vec<Sidecar>,
    pub(crate) owner_ended_at: Option<Timestamp>,
    /// When a session has claimed it that it had waited for.
    pub(crate) claimed_at: Option<Timestamp>,
    /// Whether its owner extends its lease.
    pub(crate) renewal: Renewal,
    /// When its owner has extended it last.
    pub(crate) extended_at: Option<Timestamp>,
    /// When its session began, as its tag had said.
    pub(crate) had_begun_at: Option<Timestamp>,
    /// When its lease was to end when it was stopped: the stop deletes its tags.
    pub(crate) lease_at_stop: Option<Timestamp>,
    /// The test says that its artifacts may be lost.
    pub(crate) loss_allowed: bool,
    /// The first completion call that was sent to it in vain.
    pub(crate) salvage_failing_since: Option<Timestamp>,
    /// Since when those who looked saw it over, where nobody asks.
    pub(crate) over_since: Option<Timestamp>,
    /// When somebody was told last that its upload is under way.
    pub(crate) under_way_at: Option<Timestamp>,
}

impl Task {
    pub(crate) fn phase(&self, now: Timestamp) -> Phase {
        let Some(stop) = &self.stop else { return self.rising(now) };
        if self.ran() {
            if now < stop.leaves_running_at {
                return Phase::Running;
            }
            if now < stop.leaves_running_at + self.dwell.deactivating {
                return Phase::Deactivating;
            }
            if now < self.frees_address_at().unwrap_or(now) {
                return Phase::Stopping;
            }
        }
        if Some(now) < self.stopped_at() { Phase::Deprovisioning } else { Phase::Stopped }
    }

    fn rising(&self, now: Timestamp) -> Phase {
        match self.runs_at {
            // The least of its containers' states.
            Some(at) if now >= at && !self.sidecars_run(now) => Phase::Pending,
            Some(at) if now >= at => Phase::Running,
            Some(at) if now >= at - self.dwell.activating => Phase::Activating,
            _ if now >= self.created_at + self.dwell.provisioning => Phase::Pending,
            _ => Phase::Provisioning,
        }
    }

    pub(crate) fn sidecars_run(&self, now: Timestamp) -> bool {
        self.sidecars.iter().all(|sidecar| sidecar.runs_at.is_some_and(|at| at <= now))
    }

    /// Whether the container ever ran (a task that is stopped before it runs never does).
    pub(crate) fn ran(&self) -> bool {
        match (&self.stop, self.runs_at) {
            (Some(stop), Some(runs_at)) => stop.at >= runs_at,
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }

    /// Whether its environment names its session, from its start on.
    pub(crate) fn is_born_with_a_name(&self) -> bool {
        self.environment.contains_key("SESSION_ID")
    }

    /// Whether its session can be told, by what is configured.
    pub(crate) fn is_identified(&self) -> bool {
        self.is_born_with_a_name() || self.tags.contains_key("session-id")
    }

    /// When its session began: a task of a pool had waited for it.
    pub(crate) fn session_began(&self) -> Timestamp {
        self.says_it_began().or(self.had_begun_at).unwrap_or(self.created_at)
    }

    /// A call that stops a task deletes its tags.
    pub(crate) fn lose_tags(&mut self, now: Timestamp) {
        self.had_begun_at = self.had_begun_at.or(self.says_it_began());
        self.tags.clear(now);
    }

    /// A call of somebody else has deleted the tags by which a session had claimed it.
    pub(crate) fn has_lost_its_claim(&self) -> bool {
        self.claimed_at.is_some()
            && !self.tags.contains_key("session-id")
            && self.stop.as_ref().is_some_and(|stop| !stop.is_ours())
    }

    pub(crate) fn receipt_key(&self) -> String {
        format!("receipts/{}/{}.json", self.container.session_id, self.key.id)
    }

    /// When it began, as its owner says, if that can be.
    pub(crate) fn says_it_began(&self) -> Option<Timestamp> {
        let said = self.tags.get("session-started-at")?.parse::<Timestamp>().ok();
        said.filter(|at| *at >= self.created_at)
    }

    pub(crate) fn started(&self, now: Timestamp) -> bool {
        self.ran() && self.runs_at.is_some_and(|at| at <= now)
    }

    /// Whether it has not begun its session yet.
    pub(crate) fn starts_up(&self, now: Timestamp) -> bool {
        let takes = self.container.behaviour.starts_up_for;
        self.runs_at.is_some_and(|at| now < at + takes)
    }

    /// When DEPROVISIONING begins.
    fn frees_address_at(&self) -> Option<Timestamp> {
        let stop = self.stop.as_ref()?;
        if !self.ran() {
            return Some(stop.at);
        }
        Some(stop.process_ends.max(stop.leaves_running_at + self.dwell.deactivating))
    }

    pub(crate) fn stopped_at(&self) -> Option<Timestamp> {
        self.frees_address_at().map(|at| at + self.dwell.deprovisioning)
    }

    pub(crate) fn wanted_running(&self) -> bool {
        self.stop.is_none()
    }

    /// The same at another time.
    pub(crate) fn was_wanted_running(&self, then: Timestamp) -> bool {
        self.stop.as_ref().is_none_or(|stop| stop.at > then)
    }

    pub(crate) fn holds_address(&self, now: Timestamp) -> bool {
        self.frees_address_at().is_none_or(|at| now < at)
    }

    /// Whether the container's process is there to answer.
    pub(crate) fn process_runs(&self, now: Timestamp) -> bool {
        self.started(now) && self.stop.as_ref().is_none_or(|stop| now < stop.process_ends)
    }

    /// Whether something accepts connections for its container, which is not there to answer.
    pub(crate) fn only_accepts(&self, now: Timestamp) -> bool {
        self.container.behaviour.accepts_while_it_does_not_run && !self.process_runs(now)
    }

    /// Whether ECS reads show it.
    pub(crate) fn visible(&self, now: Timestamp) -> bool {
        let forgotten = self.stopped_at().is_some_and(|at| now >= at + self.dwell.remembered);
        now >= self.visible_from && !forgotten
    }

    /// The task as it was at this time: without what has happened to it since. What only time does to it is the
    /// same, since that is a function of time.
    pub(crate) fn as_of(&self, then: Timestamp) -> Cow<'_, Self> {
        let is_later = |at: Option<Timestamp>| at.is_some_and(|at| at > then);
        let stopped_later = is_later(self.stop.as_ref().map(|stop| stop.at));
        let completed_later = is_later(self.container.completed_at);
        let ended_later = is_later(self.owner_ended_at);
        let retagged_later = self.tags.changed_after(then);
        if !(stopped_later || completed_later || ended_later || retagged_later) {
            return Cow::Borrowed(self);
        }
        let mut task = self.clone();
        task.tags = self.tags.as_of(then);
        task.stop = task.stop.filter(|stop| stop.at <= then);
        task.owner_ended_at = task.owner_ended_at.filter(|at| *at <= then);
        task.container.completed_at = task.container.completed_at.filter(|at| *at <= then);
        Cow::Owned(task)
    }

    /// Rises with each change that ECS publishes.
    pub(crate) fn version(&self, now: Timestamp) -> u64 {
        1 + self.phase(now) as u64 + u64::from(!self.wanted_running())
    }

    /// SIGTERM now, SIGKILL after the stop timeout. `warned`: a Spot warning, which leaves
    /// `lastStatus` RUNNING until the process ends.
    pub(crate) fn terminate(
        &mut self,
        now: Timestamp,
        code: &'static str,
        reason: String,
        warned: bool,
    ) {
        if self.stop.is_some() {
            return;
        }
        let runs = self.started(now);
        let obeys = self.container.behaviour.dies_on_sigterm;
        let killed_at = now + self.stop_timeout;
        self.stop = Some(Stop {
            at: now,
            leaves_running_at: if warned && runs && !obeys { killed_at } else { now },
            process_ends: if runs && !obeys { killed_at } else { now },
            exit_code: runs.then_some(if obeys { 143 } else { 137 }),
            code,
            reason,
        });
    }

    /// The process ends by itself; one that has not started has no exit code.
    pub(crate) fn exit(&mut self, at: Timestamp, exit_code: i32) {
        if !self.started(at) {
            return;
        }
        match &mut self.stop {
            // What has ended does not end again.
            Some(stop) if stop.process_ends <= at && stop.exit_code.is_some() => {}
            Some(stop) => {
                stop.process_ends = stop.process_ends.min(at);
                stop.leaves_running_at = stop.leaves_running_at.min(at).max(stop.at);
                stop.exit_code = Some(exit_code);
            }
            None => {
                self.stop = Some(Stop {
                    at,
                    leaves_running_at: at,
                    process_ends: at,
                    exit_code: Some(exit_code),
                    code: "EssentialContainerExited",
                    reason: "Essential container in task exited".to_owned(),
                });
            }
        }
    }
}
