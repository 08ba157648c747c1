//! One HTTP exchange between a caller and the world: travel, faults, hooks, crashes, the answer.

use std::future::pending;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout_at};

use super::World;
use super::api::{Api, Outcome, Service};
use super::connections::Line;
use super::container::{Asks, JobId};
use super::faults::{Crash, Effect, FaultKind, Lot, When};
use super::invariants::Asker;
use super::setup::Absent;
use super::snapshots::Snapshot;
use super::state::State;
use super::task::TaskKey;
use super::turn::{Failure, Trouble, Turn};
use super::wire::{self, Incoming, Matter, Reply, Request};

/// What became of a request when it was applied.
pub(crate) enum Applied {
    Answer(Reply),
    /// The answer, and what its caller thereby learns of tasks.
    Snapshots(Reply, Vec<(TaskKey, Option<Snapshot>)>),
    Accepted(TaskKey, JobId),
    NoAnswer,
    Failed(Failure),
}

/// A request that has been sent, before anything else is known of it.
struct Sent {
    asker: Asker,
    /// Its number among its caller's.
    nth: usize,
    fault: Option<Effect>,
    lot: Lot,
    there: Duration,
    back: Duration,
}

impl World {
    /// Sends a request and waits for what comes back; `connect_timeout` bounds the wait for a
    /// peer that does not exist. Dropping the future is the caller's giving up: what has been
    /// applied stays so.
    pub(crate) async fn exchange(
        &self,
        caller: &str,
        incoming: Incoming,
        connect_timeout: Option<Duration>,
        line: Line,
    ) -> Result<Reply, Failure> {
        let request = wire::recognise(&incoming, &self.lock().setup);
        let sent = self.send(caller, &request, line);
        let number = sent.asker.number;
        self.live_on(caller, Crash::Before(sent.nth)).await;
        sleep(sent.there).await;
        let (seen_ago, trouble) = match Turn::of(sent.fault, request.service, sent.lot) {
            Turn::Fails(failure) => return self.fails(number, failure),
            Turn::Hangs => pending().await,
            Turn::Refused(reply) => {
                sleep(sent.back).await;
                self.live_on(caller, Crash::After(sent.nth)).await;
                self.lock().journal.came_to(number, reply.outcome());
                return Ok(reply.to(request.api));
            }
            Turn::Applied { seen_ago, trouble } => (seen_ago, trouble),
        };
        self.change(caller, &request, When::Before);
        self.live_on(caller, Crash::Before(sent.nth)).await;
        let applied = self.apply(&sent.asker, &request, seen_ago);
        let (mut reply, snapshots, completing) = match applied {
            Applied::Answer(reply) => (reply, Vec::new(), None),
            Applied::Snapshots(reply, snapshots) => (reply, snapshots, None),
            Applied::Accepted(task, job) => match self.served(&task, job).await {
                Some(reply) => {
                    let completing = request.completes().then_some(task);
                    (reply, Vec::new(), completing)
                }
                None => return self.fails(number, Failure::Reset),
            },
            Applied::NoAnswer => pending().await,
            Applied::Failed(Failure::Unreachable) => {
                match connect_timeout {
                    Some(limit) => sleep(limit.saturating_sub(sent.there)).await,
                    None => pending().await,
                }
                return self.fails(number, Failure::Unreachable);
            }
            Applied::Failed(failure) => return self.fails(number, failure),
        };
        self.change(caller, &request, When::After);
        self.live_on(caller, Crash::After(sent.nth)).await;
        match trouble {
            Trouble::None | Trouble::Truncated { .. } => {}
            Trouble::Late(by) => sleep(by).await,
            Trouble::Lost => {
                sleep(sent.back).await;
                self.lock().journal.came_to(number, Outcome::AnswerLost);
                return Err(Failure::Reset);
            }
            Trouble::Hangs => pending().await,
        }
        sleep(sent.back).await;
        if let Trouble::Truncated { breaks } = trouble {
            match reply.cut_short(breaks) {
                Ok(half) => {
                    self.half_delivered(&sent.asker, &half, completing);
                    return Ok(half);
                }
                Err(whole) => reply = whole,
            }
        }
        self.delivered(&sent.asker, &reply, snapshots, completing);
        Ok(reply.to(request.api))
    }

    fn send(&self, caller: &str, request: &Request, line: Line) -> Sent {
        let mut state = self.lock();
        let now = state.clock.now();
        let (number, nth) = state.journal.sent(caller, request.api, request.subjects.clone(), now);
        let state = &mut *state;
        let call = &state.journal.calls[number - 1];
        let lot = Lot::of(state.setup.seed, caller, nth);
        let fault = match line {
            Line::Alive => state.chaos.befalls(call, nth, lot, request),
            Line::Dead => Some(Effect::Kind(FaultKind::Reset)),
        };
        // Nothing answers, not even with an error, where nobody is reached.
        let reaches = match &request.matter {
            Matter::Container { address, .. } => {
                !state.is_cut_off(*address, now) && state.connects(*address, now)
            }
            Matter::Ecs(_) | Matter::Elb(_) | Matter::S3(_) => true,
        };
        let fault = fault.filter(|fault| reaches || !fault.takes_somebody());
        if let Matter::Container { address, asks: Some(Asks::Complete { session_id, .. }), .. } =
            &request.matter
            && fault != Some(Effect::NoDescriptor)
        {
            state.asked_without_success(*address, session_id, now);
        }
        let latency = &state.setup.latency;
        let latency = match request.service {
            Service::Ecs => latency.ecs,
            Service::Elb => latency.elb,
            Service::S3 => latency.s3,
            Service::Container => latency.container,
        };
        let (there, back) = travel(latency);
        Sent {
            asker: Asker { caller: caller.to_owned(), number, sent_at: now },
            nth,
            fault,
            lot,
            there,
            back,
        }
    }

    /// Returns unless the caller dies here: then it waits to be dropped.
    async fn live_on(&self, caller: &str, here: Crash) {
        let dead = {
            let mut state = self.lock();
            let dead = state.chaos.dies(caller, here);
            if dead {
                let now = state.clock.now();
                state.journal.died(caller, now);
            }
            dead
        };
        if dead {
            pending::<()>().await;
        }
    }

    /// Runs the hooks that are due, without holding the world.
    fn change(&self, caller: &str, request: &Request, when: When) {
        let due = self.lock().chaos.due(request.api, &request.subjects, when);
        for change in due {
            change(self, caller);
        }
    }

    fn apply(&self, asker: &Asker, request: &Request, seen_ago: Duration) -> Applied {
        let mut state = self.lock();
        let now = state.clock.now();
        state.settle(now);
        let state = &mut *state;
        if !state.throttle.admits(&state.setup.limits, request.service, request.api, now) {
            return Applied::Answer(wire::throttled(request.service));
        }
        // A session begins with a sentence, and a sentence knows its world.
        if let (Api::RunTask, Matter::Ecs(body)) = (request.api, &request.matter) {
            return Applied::Answer(self.run_task(state, body, now));
        }
        state.apply(asker, request, (now, now - seen_ago))
    }

    /// Waits until a container has served a request; `None` when it died before.
    async fn served(&self, task: &TaskKey, job: JobId) -> Option<Reply> {
        loop {
            let (changed, until) = {
                let mut state = self.lock();
                let now = state.clock.now();
                state.settle(now);
                if let Some((status, body)) =
                    state.jobs.get_mut(&job).and_then(|job| job.answer.take())
                {
                    state.jobs.remove(&job);
                    let behaviour = &state.task(task)?.container.behaviour;
                    let words =
                        behaviour.confirms_with.filter(|_| body["upload_completed"] == true);
                    let reply = match words {
                        Some(words) => Reply::new(status, "text/plain", words),
                        None => Reply::json(status, &body),
                    };
                    return Some(reply.shaped(behaviour.body));
                }
                let known = state.task(task).filter(|task| task.process_runs(now))?;
                let ends = known.stop.as_ref().map(|stop| stop.process_ends);
                let until =
                    known.container.free_at().filter(|at| *at > now).into_iter().chain(ends).min();
                (known.container.changed.clone(), until.map(|at| state.clock.instant(at)))
            };
            // A change between the look and the wait is impossible on one thread; in real time
            // (`served`) the ticking below bounds the loss.
            let tick = Instant::now() + Duration::from_secs(1);
            let _ = timeout_at(until.unwrap_or(tick), changed.notified()).await;
        }
    }

    fn fails(&self, number: usize, failure: Failure) -> Result<Reply, Failure> {
        let outcome = match failure {
            Failure::Refused | Failure::Unreachable | Failure::NoDescriptor => {
                Outcome::NotConnected
            }
            Failure::Reset => Outcome::Reset,
        };
        self.lock().journal.came_to(number, outcome);
        Err(failure)
    }

    fn delivered(
        &self,
        asker: &Asker,
        reply: &Reply,
        snapshots: Vec<(TaskKey, Option<Snapshot>)>,
        completing: Option<TaskKey>,
    ) {
        let mut state = self.lock();
        let now = state.clock.now();
        for (task, snapshot) in snapshots {
            state.judge.saw(&asker.caller, task, snapshot, now);
        }
        state.completion_answered(asker, completing, reply.status, now);
        state.journal.came_to(asker.number, reply.outcome());
    }

    /// The beginning of an answer has arrived: its status, and nothing that can be read. What was true before
    /// stays true: a session whose container says that it is complete is so.
    fn half_delivered(&self, asker: &Asker, reply: &Reply, completing: Option<TaskKey>) {
        let mut state = self.lock();
        let now = state.clock.now();
        state.completion_answered(asker, completing, reply.status, now);
        state.journal.came_to(asker.number, Outcome::BrokenOff);
    }
}

/// Half of a latency each way, in whole milliseconds: tokio's timer knows no finer ones.
fn travel(latency: Duration) -> (Duration, Duration) {
    let there = Duration::from_millis(u64::try_from((latency / 2).as_millis()).unwrap_or(u64::MAX));
    (there, latency.saturating_sub(there))
}

impl State {
    /// Applies a request now; a read is answered as of `seen`.
    fn apply(
        &mut self,
        asker: &Asker,
        request: &Request,
        (now, seen): (Timestamp, Timestamp),
    ) -> Applied {
        match &request.matter {
            Matter::Ecs(body) => self.ecs(asker, request.api, body, (now, seen)),
            Matter::Elb(form) => Applied::Answer(self.elb(asker, request.api, form, (now, seen))),
            Matter::S3(call) => Applied::Answer(self.s3(asker, request.api, call, now)),
            Matter::Container { address, port, asks } => {
                self.knock(asker, *address, *port, asks.as_ref(), now)
            }
        }
    }

    /// The status of a completion call has reached its caller. Only what is true is a confirmation.
    fn completion_answered(
        &mut self,
        asker: &Asker,
        completing: Option<TaskKey>,
        status: u16,
        now: Timestamp,
    ) {
        let Some(key) = completing else { return };
        let Some(task) = self.task_mut(&key) else { return };
        match status {
            200 if task.container.completed_at.is_some() => {
                self.judge.confirmed(&asker.caller, key);
            }
            202 => task.under_way_at = Some(now),
            403 => self.judge.was_forbidden(&asker.caller, key),
            _ => {}
        }
    }

    /// A request reaches an address, where a session container may or may not listen.
    fn knock(
        &mut self,
        asker: &Asker,
        ip: Ipv4Addr,
        port: u16,
        asks: Option<&Asks>,
        now: Timestamp,
    ) -> Applied {
        if self.is_cut_off(ip, now) {
            return Applied::Failed(Failure::Unreachable);
        }
        let holder = self.holder(ip, now).map(|task| task.key.clone());
        let there = holder.as_ref().and_then(|key| self.task(key));
        if there.is_some_and(|task| task.container.behaviour.deaf) {
            return Applied::Failed(match self.setup.absent {
                Absent::Unreachable => Failure::Unreachable,
                Absent::Refused => Failure::Refused,
            });
        }
        if there.is_some_and(|task| task.only_accepts(now)) {
            return Applied::NoAnswer;
        }
        let open = holder.as_ref().and_then(|key| self.task(key)).filter(|task| {
            port == self.setup.port && task.process_runs(now) && !task.container.behaviour.refuses
        });
        let silent = open.is_some_and(|task| task.container.behaviour.silent);
        let open = open.map(|task| task.key.clone());
        if let Some(Asks::Complete { session_id, .. }) = asks {
            let reached = open.as_ref().filter(|_| !silent);
            self.judge_completion(asker, ip, reached, session_id);
        }
        match (open, asks) {
            (Some(_), _) if silent => Applied::NoAnswer,
            (Some(key), Some(asks)) => {
                Applied::Accepted(key.clone(), self.accept(&key, asks.clone(), now))
            }
            (Some(_), None) => {
                Applied::Answer(Reply::json(404, &serde_json::json!({"error": "not found"})))
            }
            (None, _) if holder.is_none() && self.setup.absent == Absent::Unreachable => {
                Applied::Failed(Failure::Unreachable)
            }
            (None, _) => Applied::Failed(Failure::Refused),
        }
    }

    /// A completion call is under way to the task that holds an address; until a 200 it is without success,
    /// and its salvage window has begun. One that no route leads to is not asked.
    fn asked_without_success(&mut self, ip: Ipv4Addr, session_id: &str, now: Timestamp) {
        if self.is_cut_off(ip, now) {
            return;
        }
        let task = self.holder(ip, now).filter(|task| task.container.session_id == session_id);
        let key = task.map(|task| task.key.clone());
        if let Some(task) = key.and_then(|key| self.task_mut(&key)) {
            task.salvage_failing_since.get_or_insert(now);
        }
    }
}
