//! What a sweep remembers, and says of itself, is what was so.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, Call};
use super::invariants::Asker;
use super::leftovers::{A_SWEEP_LASTS, is_past};
use super::state::State;
use super::task::{Task, TaskKey};
use super::untold::MEMORY;

/// Clocks are not to the second.
const ABOUT: Duration = Duration::from_secs(15);

/// What is judged of a memory, and of a report.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    failed_salvages: Vec<FailedSalvage>,
    reused: Vec<Value>,
    targets: Vec<Value>,
    unfinished: Value,
    problems: Value,
}

#[derive(Deserialize)]
struct FailedSalvage {
    task: String,
    since: Timestamp,
    last: Timestamp,
}

impl State {
    /// An object of the ledger is about to be written.
    pub(super) fn judge_what_is_remembered(
        &mut self,
        asker: &Asker,
        (bucket, key): (&str, &str),
        body: &[u8],
    ) {
        let is_seen = self.setup.sees_everything()
            && bucket == self.setup.ledger_bucket
            // Who configures other families sees other sessions.
            && self.families_since.is_none()
            && self.setup.functions_clock_is_ahead == SignedDuration::ZERO;
        if !is_seen || !(key == MEMORY || key.starts_with("sweeps/")) {
            return;
        }
        let Ok(document) = serde_json::from_slice::<Document>(body) else { return };
        let wrong = if key == MEMORY {
            let before = self.memory_before();
            let mut wrong = self.wrong_salvages(asker, &before, &document);
            wrong.extend(self.forgotten_403s(asker, &before, &document));
            wrong.extend(self.forgotten_salvages(asker, before, &document));
            wrong.extend(self.wrong_suspects(asker, &document.targets));
            wrong.extend(self.forgotten_stops(asker, &document));
            wrong.extend(self.tasks_before_targets(asker));
            wrong
        } else {
            self.wrong_blame(asker, &document).into_iter().collect()
        };
        for what in wrong {
            self.violation("sweeps", asker, &what);
        }
    }

    /// A sweep is about to stop a task: should it die, the next one must know what it was at.
    pub(super) fn judge_what_is_begun(&mut self, asker: &Asker, key: &TaskKey) {
        let of_the_memory = |api| {
            self.lately_by(asker).filter(move |call| call.api == api && call.is_about(MEMORY))
        };
        let read = of_the_memory(Api::GetObject).next_back().map(|call| call.number);
        let written = of_the_memory(Api::PutObject).next_back();
        let written = written.filter(|call| call.outcome.is_success()).map(|call| call.number);
        let is_written = read.is_some() && read < written;
        let is_stopped_now = self.task(key).is_some_and(Task::wanted_running);
        if !self.setup.sees_everything() || !is_stopped_now || !is_written {
            return;
        }
        // Its ARN may have two forms.
        if !self.memory_before().unfinished.to_string().contains(&key.id) {
            let what =
                format!("StopTask of {}, and the memory does not say that it is begun", key.id);
            self.violation("sweeps", asker, &what);
        }
    }

    /// What it has stopped, and could not write down.
    fn forgotten_stops(&self, asker: &Asker, memory: &Document) -> Vec<String> {
        // Since it began: of what a sweep before was at it may know nothing.
        let reads = self.journal.about(Api::GetObject, MEMORY);
        let mut own = reads.filter(|call| call.caller == asker.caller);
        let Some(begins) = own.next_back().filter(|call| call.outcome.is_success()) else {
            return Vec::new();
        };
        let by_it = |call: &&Call| call.caller == asker.caller && call.number > begins.number;
        let unfinished = memory.unfinished.to_string();
        let stops = self.journal.calls.iter().filter(|call| call.api == Api::StopTask);
        let stopped = stops.filter(by_it).filter(|call| call.outcome.is_success());
        let forgotten = stopped.filter_map(|stop| {
            let task = self.tasks().find(|task| stop.is_about(&task.arn))?;
            let receipt = format!("/{}.json", task.key.id);
            let mut calls = self.journal.calls.iter().filter(by_it);
            // One that was there already may say it all.
            let is_on_record = calls.any(|call| {
                let is_applied = match call.api {
                    Api::PutObject => call.outcome.may_be_applied(),
                    Api::GetObject => call.outcome.is_success(),
                    _ => false,
                };
                is_applied && call.is_about(&receipt) && stop.sent_at < call.sent_at
            });
            let is_forgotten = !is_on_record && !unfinished.contains(&task.key.id);
            is_forgotten.then(|| format!("{} is stopped, not on record, and forgotten", task.arn))
        });
        forgotten.collect()
    }

    /// It blames another sweep, and there was none.
    fn wrong_blame(&self, asker: &Asker, report: &Document) -> Option<String> {
        let blames = report.problems.to_string().contains("another sweep has written");
        let about_it = |api| {
            self.lately_by(asker).filter(move |call| call.api == api && call.is_about(MEMORY))
        };
        let first = about_it(Api::GetObject).next()?;
        let last = about_it(Api::GetObject).next_back()?;
        let mut writes = self.journal.about(Api::PutObject, MEMORY);
        let is_anothers = |call: &Call| {
            call.caller != asker.caller && first.sent_at <= call.sent_at + A_SWEEP_LASTS
        };
        // What is there is its own.
        let written_at = self.in_ledger(MEMORY).map(|there| there.modified);
        let is_own = about_it(Api::PutObject).any(|call| {
            call.outcome.may_be_applied() && written_at.is_some_and(|at| call.sent_at <= at)
        });
        let is_wrong = blames && is_own && last.outcome.is_success() && !writes.any(is_anothers);
        is_wrong.then(|| "another sweep is said to have written the memory".to_owned())
    }

    /// Nobody had asked it, or it is live.
    fn wrong_salvages(&self, asker: &Asker, before: &Document, memory: &Document) -> Vec<String> {
        let is_new = |arn: &str| !before.failed_salvages.iter().any(|known| known.task == arn);
        let wrong = memory.failed_salvages.iter().filter_map(|failed| {
            let arn = &failed.task;
            let task = self.tasks().find(|task| task.arn == *arn)?;
            let is_asked =
                !self.setup.containers_are_asked() || self.was_asked(task.address, failed.since);
            let why = if !is_asked && is_new(arn) {
                "nobody had asked it"
            } else if self.is_seen_live(asker, task) {
                "its session is live"
            } else if self.is_kept_by_a_broken_renewal(asker, task) {
                "renewal looks broken"
            } else {
                return None;
            };
            Some(format!("the salvage of {arn} is remembered to have failed, and {why}"))
        });
        wrong.collect()
    }

    /// What failed before, and has not been done since, is not known any longer.
    fn forgotten_salvages(
        &self,
        asker: &Asker,
        before: Document,
        memory: &Document,
    ) -> Vec<String> {
        let is_known = |arn: &str| memory.failed_salvages.iter().any(|known| known.task == arn);
        let is_still_to_be_done = |arn: &str| {
            let mut tasks = self.tasks().filter(|task| task.arn == arn);
            tasks.any(|task| self.is_still_to_be_salvaged(asker, task))
        };
        let failed = before.failed_salvages.into_iter();
        // What was seen too long ago counts no more.
        let counts =
            failed.filter(|failed| self.clock.now() <= failed.last + self.setup.sweep_interval * 2);
        let gone =
            counts.filter(|failed| !is_known(&failed.task) && is_still_to_be_done(&failed.task));
        gone.map(|failed| format!("that the salvage of {} has failed is forgotten", failed.task))
            .collect()
    }

    /// Its container has said that it runs another session: that stands as long as it is there.
    fn forgotten_403s(&self, asker: &Asker, before: &Document, memory: &Document) -> Vec<String> {
        let names = |said: &Value, arn: &str| said["task"].as_str() == Some(arn);
        let stands = |task: &&Task| {
            task.wanted_running()
                && before.reused.iter().any(|said| names(said, &task.arn))
                && self.is_well_seen(asker, task)
        };
        let gone = self
            .tasks()
            .filter(stands)
            .filter(|task| !memory.reused.iter().any(|said| names(said, &task.arn)));
        gone.map(|task| format!("that {} has answered 403 is forgotten", task.arn)).collect()
    }

    /// What is about to be replaced.
    fn memory_before(&self) -> Document {
        let before = self.in_ledger(MEMORY);
        before.and_then(|one| serde_json::from_slice(&one.body).ok()).unwrap_or_default()
    }

    /// Whoever starts after the tasks were listed, and is registered by then, has no holder.
    fn tasks_before_targets(&self, asker: &Asker) -> Option<String> {
        let begins = self.begins(asker)?;
        let since = self.lately_by(asker).filter(|call| call.number > begins);
        let mut looks = since
            .map(|call| call.api)
            .filter(|api| [Api::ListTasks, Api::DescribeTargetHealth].contains(api));
        let is_wrong = looks.next() == Some(Api::ListTasks)
            && looks.any(|api| api == Api::DescribeTargetHealth);
        is_wrong.then(|| "tasks are listed before targets".to_owned())
    }

    fn was_asked(&self, ip: Ipv4Addr, since: Timestamp) -> bool {
        let text = format!("{ip}:");
        let mut asked = self.journal.about(Api::ContainerComplete, &text);
        asked.any(|call| since <= call.sent_at + A_SWEEP_LASTS)
    }

    /// Whether a caller has seen it live: by a lease that runs, for want of one, or under protection.
    fn is_seen_live(&self, asker: &Asker, task: &Task) -> bool {
        let now = self.clock.now();
        let before = now - A_SWEEP_LASTS;
        let runs = self.lease_end(task).is_none_or(|end| {
            now + A_SWEEP_LASTS < end
                && end < now + self.setup.hard_age
                && end >= task.session_began()
        });
        (runs || self.is_protected(task))
            && task.arrived_at <= before
            && !task.tags.changed_after(before)
            && self.live(task, now)
            && self.live(task, before)
            && self.hangs_on_its_lease(asker, task)
    }

    /// Whether nothing but its lease says that it is over, and so many have lapsed that none says anything.
    fn is_kept_by_a_broken_renewal(&self, asker: &Asker, task: &Task) -> bool {
        let now = self.clock.now();
        let hangs_on_others = self.lease_end(task).is_some_and(|end| {
            end + A_SWEEP_LASTS < now && !is_past(end, self.setup.max_session_age, now + ABOUT)
        });
        // Those that have come since were not counted.
        hangs_on_others
            && self.leases_lapse(now)
            && self.leases_lapse(now - A_SWEEP_LASTS)
            && self.hangs_on_its_lease(asker, task)
    }

    /// Whether nothing else says that it is over, and its caller has seen that.
    fn hangs_on_its_lease(&self, asker: &Asker, task: &Task) -> bool {
        task.wanted_running()
            && task.container.completed_at.is_none()
            && !self.judge.forces(task)
            && !self.is_over_for_good(task, self.clock.now() + A_SWEEP_LASTS)
            && self.is_well_seen(asker, task)
    }

    /// Whether it is over, by its lease alone or for good, and its container has never said anything of its artifacts.
    fn is_still_to_be_salvaged(&self, asker: &Asker, task: &Task) -> bool {
        let now = self.clock.now();
        let behaviour = &task.container.behaviour;
        // One that ended before the session began was copied from another's.
        let lease = self.lease_end(task).filter(|end| *end >= task.session_began());
        let lapsed =
            lease.is_some_and(|end| is_past(end, self.setup.lease_grace, now - A_SWEEP_LASTS));
        task.wanted_running()
            && task.container.completed_at.is_none()
            && !task.container.uploading
            && !behaviour.forbids
            && !behaviour.answers_202
            && !self.judge.forces(task)
            && !self.is_kept(task)
            && (lapsed && !self.leases_may_look_lapsing(now)
                || self.is_over_for_good(task, now - A_SWEEP_LASTS))
            && self.is_well_seen(asker, task)
    }

    /// Whether its caller has lately seen it as it is, and every other task.
    fn is_well_seen(&self, asker: &Asker, task: &Task) -> bool {
        let looks = |api| self.lately_by(asker).filter(move |call| call.api == api);
        let all_succeed = |api| looks(api).all(|call| call.outcome.is_success());
        self.shows_what_is()
            && all_succeed(Api::ListTasks)
            && all_succeed(Api::DescribeTasks)
            && looks(Api::DescribeTasks).any(|call| call.is_about(&task.arn))
    }

    /// The number of the call with which a sweep begins: it may read its memory more than once, and the one before it has
    /// ended with its report.
    pub(super) fn begins(&self, asker: &Asker) -> Option<usize> {
        let is_report = |call: &&Call| call.api == Api::PutObject && call.is_about("/sweeps/");
        let report = self.lately_by(asker).rfind(is_report).map(|call| call.number);
        let mut calls = self.lately_by(asker).filter(|call| Some(call.number) > report);
        let reads = calls.find(|call| call.api == Api::GetObject && call.is_about(MEMORY))?;
        Some(reads.number)
    }

    /// The number of the call with which a sweep has seen everything and acts: its memory says so before.
    pub(super) fn acts(&self, asker: &Asker) -> Option<usize> {
        let begins = self.begins(asker)?;
        let mut sweep = self.lately_by(asker).filter(|call| call.number > begins);
        let writes = sweep.find(|call| call.api == Api::PutObject && call.is_about(MEMORY))?;
        Some(writes.number)
    }

    /// The calls of a sweep.
    pub(super) fn lately_by<'a>(
        &'a self,
        asker: &'a Asker,
    ) -> impl DoubleEndedIterator<Item = &'a Call> {
        let since = self.clock.now() - A_SWEEP_LASTS;
        let calls = &self.journal.calls;
        let lately = &calls[calls.partition_point(|call| call.sent_at < since)..];
        lately.iter().filter(move |call| call.caller == asker.caller)
    }
}
