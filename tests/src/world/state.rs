//! All that the world is, and how time changes it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::clock::Clock;
use super::container::{Asks, Job, JobId};
use super::faults::Chaos;
use super::invariants::Judge;
use super::journal::Journal;
use super::limits::Throttle;
use super::objects::{Bucket, Object, Written};
use super::routes::Routes;
use super::setup::{RegisteringWhatDrains, Setup};
use super::targets::TargetGroup;
use super::task::{Phase, Renewal, Task, TaskKey};

pub(crate) struct State {
    pub(crate) setup: Setup,
    pub(crate) clock: Clock,
    pub(crate) rng: fastrand::Rng,
    pub(crate) clusters: BTreeMap<String, BTreeMap<String, Task>>,
    /// Who was given an address, the last one last.
    pub(crate) tenants: BTreeMap<Ipv4Addr, Vec<TaskKey>>,
    pub(crate) groups: BTreeMap<String, TargetGroup>,
    pub(crate) buckets: BTreeMap<String, Bucket>,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    /// What containers have written and an external S3 has not received yet; `None`: our own S3.
    pub(crate) outbox: Option<Vec<Written>>,
    pub(crate) throttle: Throttle,
    pub(crate) journal: Journal,
    /// The most connections that each caller had open at once.
    pub(crate) most_open: BTreeMap<String, usize>,
    /// How often each caller has been frozen.
    pub(crate) freezes: BTreeMap<String, usize>,
    pub(crate) chaos: Chaos,
    pub(crate) routes: Routes,
    pub(crate) judge: Judge,
    /// The families of functions that are configured anew.
    pub(crate) families_since: Option<Vec<String>>,
    agenda: BTreeMap<(Timestamp, u64), Due>,
    sequence: u64,
}

/// What will happen at a certain time, unless the container's process has ended before.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// The owner registers the running task in its target groups.
    Register,
    /// Half of the upload is done.
    UploadsMore,
    /// The upload ends, well or badly.
    UploadEnds(JobId),
    /// The container has time for the next request.
    Serve,
    /// The process exits by itself.
    Exit(i32),
    /// The owner extends the lease, to end this much later.
    Renew(Duration),
}

#[derive(Debug)]
struct Due {
    task: TaskKey,
    effect: Effect,
}

impl State {
    pub(crate) fn new(setup: Setup) -> Self {
        let clock = Clock::new(setup.epoch);
        let clusters = setup.clusters.iter().map(|name| (name.clone(), BTreeMap::new())).collect();
        let groups = setup
            .target_groups
            .iter()
            .map(|name| (setup.target_group_arn(name), TargetGroup::new(name)))
            .collect();
        let buckets = [&setup.artifact_bucket, &setup.ledger_bucket];
        Self {
            clock,
            rng: fastrand::Rng::with_seed(setup.seed),
            clusters,
            tenants: BTreeMap::new(),
            groups,
            buckets: buckets.into_iter().map(|name| (name.clone(), Bucket::new())).collect(),
            jobs: BTreeMap::new(),
            outbox: None,
            throttle: Throttle::default(),
            journal: Journal::default(),
            most_open: BTreeMap::new(),
            freezes: BTreeMap::new(),
            chaos: Chaos::default(),
            routes: Routes::default(),
            judge: Judge::default(),
            families_since: None,
            agenda: BTreeMap::new(),
            sequence: 0,
            setup,
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn task(&self, key: &TaskKey) -> Option<&Task> {
        self.clusters.get(&key.cluster)?.get(&key.id)
    }

    pub(crate) fn task_mut(&mut self, key: &TaskKey) -> Option<&mut Task> {
        self.clusters.get_mut(&key.cluster)?.get_mut(&key.id)
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.clusters.values().flat_map(BTreeMap::values)
    }

    /// The task whose network interface has this address now.
    pub(crate) fn holder(&self, address: Ipv4Addr, now: Timestamp) -> Option<&Task> {
        let key = self.tenants.get(&address)?.last()?;
        self.task(key).filter(|task| task.holds_address(now) && task.phase(now) >= Phase::Pending)
    }

    pub(crate) fn schedule(&mut self, at: Timestamp, task: &TaskKey, effect: Effect) {
        let number = self.next();
        self.agenda.insert((at, number), Due { task: task.clone(), effect });
    }

    /// Lets everything happen that is due by now, each at its own time.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        while let Some(entry) = self.agenda.first_entry() {
            let (at, _) = *entry.key();
            if at > now {
                break;
            }
            let Due { task, effect } = entry.remove();
            self.happen(&task, &effect, at);
        }
    }

    /// An owner that lives extends the lease of a session that it has not ended.
    pub(crate) fn renew(&mut self, key: &TaskKey, left: Duration, at: Timestamp) {
        let name = self.setup.lease_tag.clone();
        let renews =
            |task: &&mut Task| task.renewal == Renewal::Works && task.owner_ended_at.is_none();
        let task = self.task_mut(key).filter(renews);
        if let Some(task) = task {
            task.tags.set(name, (at + left).to_string(), at);
            task.extended_at = Some(at);
            let next = at + self.setup.renews_every;
            self.schedule(next, key, Effect::Renew(left));
        }
    }

    fn happen(&mut self, key: &TaskKey, effect: &Effect, at: Timestamp) {
        // An owner extends the lease of a task that has not started yet, too.
        let by_owner = matches!(effect, Effect::Renew(_));
        let goes_on =
            |task: &Task| if by_owner { task.wanted_running() } else { task.process_runs(at) };
        if !self.task(key).is_some_and(goes_on) {
            return;
        }
        match effect {
            Effect::Register => self.owner_registers(key, at),
            Effect::UploadsMore => {
                self.upload(key, "debug/execution_1.json", json!({"execution": 1}), at);
            }
            Effect::UploadEnds(job) => self.upload_ends(key, *job, at),
            Effect::Serve => self.serve(key, at),
            Effect::Renew(left) => self.renew(key, *left, at),
            Effect::Exit(code) => {
                if let Some(task) = self.task_mut(key) {
                    task.exit(at, *code);
                    task.container.changed.notify_waiters();
                }
            }
        }
    }

    pub(crate) fn owner_registers(&mut self, key: &TaskKey, at: Timestamp) {
        let Some(task) = self.task(key) else { return };
        let (address, groups) = ((task.address, task.target_port), task.registers_in.clone());
        let delay = self.setup.health.draining;
        let drains_on = match self.setup.health.registering_what_drains {
            RegisteringWhatDrains::Works => false,
            RegisteringWhatDrains::IsRefused | RegisteringWhatDrains::IsIgnored => true,
        };
        for name in groups {
            self.drain(&name, at);
            let Some(group) = self.groups.get_mut(&name) else { continue };
            match group.targets.get(&address).map(|target| target.deregistered_at) {
                // Whoever had the address has left it registered: it stays as it is.
                Some(None) => self.judge.registered(&name, address),
                // The owner tries again until it is registered.
                Some(Some(since)) if drains_on => {
                    self.schedule(since + delay, key, Effect::Register);
                }
                Some(Some(_)) | None => {
                    group.register(address, at);
                    self.judge.registered(&name, address);
                }
            }
        }
    }

    /// A request reaches a container that listens.
    pub(crate) fn accept(&mut self, key: &TaskKey, asks: Asks, now: Timestamp) -> JobId {
        let id = self.next();
        self.jobs.insert(id, Job { asks, answer: None });
        let Some(task) = self.task_mut(key) else { return id };
        task.container.queue.push_back(id);
        match task.container.free_at().filter(|at| *at > now) {
            // While a request is served, its end looks after the next.
            Some(at) if task.container.serving.is_none() => self.schedule(at, key, Effect::Serve),
            Some(_) => {}
            None => self.serve(key, now),
        }
        id
    }

    /// Serves waiting requests until one takes time.
    fn serve(&mut self, key: &TaskKey, at: Timestamp) {
        loop {
            let Some(container) = self.task_mut(key).map(|task| &mut task.container) else {
                return;
            };
            if container.free_at().is_some_and(|until| until > at) {
                return;
            }
            container.serving = None;
            let Some(id) = container.queue.pop_front() else { return };
            let Some(asks) = self.jobs.get(&id).map(|job| job.asks.clone()) else { continue };
            if let Some(answer) = self.answer_now(key, &asks) {
                self.answer(key, id, answer);
            } else {
                self.begin_upload(key, id, at);
                // Behind a 202 it has time for others.
                if self.task(key).is_none_or(|task| !task.container.uploading) {
                    return;
                }
            }
        }
    }

    /// The answer to what needs no upload.
    fn answer_now(&mut self, key: &TaskKey, asks: &Asks) -> Option<(u16, serde_json::Value)> {
        let starts_up = self.task(key)?.starts_up(self.clock.now());
        let container = &mut self.task_mut(key)?.container;
        let own = &container.session_id;
        let named = container.behaviour.health_names.as_ref().unwrap_or(own);
        match asks {
            Asks::Health if container.behaviour.unready.is_some() => {
                Some((503, container.behaviour.unready.clone().unwrap_or_default()))
            }
            Asks::Health if container.completed_at.is_some() || starts_up => {
                Some((503, json!({"session_id": named, "status": "complete"})))
            }
            Asks::Health => Some((200, json!({"session_id": named, "status": "active"}))),
            Asks::Complete { authorization, .. }
                if container.behaviour.authorization.is_some()
                    && *authorization != container.behaviour.authorization =>
            {
                let status = container.behaviour.refuses_with;
                Some((status, json!({"error": "unauthorized", "authorization": authorization})))
            }
            Asks::Complete { session_id, authorization } if container.behaviour.quotes_requests => {
                let request = json!({"authorization": authorization, "session_id": session_id});
                Some((500, json!({"error": "broken", "request": request})))
            }
            Asks::Complete { session_id, .. }
                if session_id != own || container.behaviour.forbids =>
            {
                Some((403, json!({"error": "this container serves another session"})))
            }
            Asks::Complete { .. } if container.completed_at.is_some() => {
                Some((200, json!({"session_id": own, "upload_completed": true})))
            }
            Asks::Complete { .. } if container.uploading => Some(under_way(own)),
            Asks::Complete { .. } => None,
        }
    }

    fn begin_upload(&mut self, key: &TaskKey, job: JobId, at: Timestamp) {
        let Some(container) = self.task_mut(key).map(|task| &mut task.container) else { return };
        container.attempts = container.attempts.saturating_add(1);
        let behaviour = container.behaviour.clone();
        let fails = container.attempts <= behaviour.failing_uploads;
        let until = at + behaviour.uploads_in;
        let session_id = container.session_id.clone();
        container.upload = Some(behaviour.clone());
        if behaviour.answers_202 {
            container.uploading = true;
        } else {
            container.serving = Some((job, until));
        }
        if !behaviour.uploads_nothing && (!fails || behaviour.marker_before_failure) {
            let marker = self.setup.marker.clone();
            let body = json!({"session_id": session_id, "task_id": key.id, "status": "completed"});
            self.upload(key, &marker, body, at);
        }
        if !behaviour.uploads_nothing && !fails {
            self.schedule(at + behaviour.uploads_in / 2, key, Effect::UploadsMore);
        }
        self.schedule(until, key, Effect::UploadEnds(job));
        if behaviour.answers_202 {
            self.answer(key, job, under_way(&session_id));
        }
    }

    fn upload_ends(&mut self, key: &TaskKey, job: JobId, at: Timestamp) {
        let Some(container) = self.task_mut(key).map(|task| &mut task.container) else { return };
        let answered = std::mem::take(&mut container.uploading);
        if !answered {
            container.serving = None;
        }
        let session_id = container.session_id.clone();
        let begun = container.upload.take().unwrap_or_else(|| container.behaviour.clone());
        if container.attempts <= begun.failing_uploads {
            let failed = (500, json!({"session_id": session_id, "upload_completed": false}));
            self.answer(key, job, failed);
        } else {
            if !begun.uploads_nothing {
                container.saved_at = Some(at);
                self.upload(
                    key,
                    "artifacts/report.txt",
                    json!(format!("report of {session_id}")),
                    at,
                );
            }
            self.complete(key, at);
            let uploaded = (200, json!({"session_id": session_id, "upload_completed": true}));
            self.answer(key, job, uploaded);
        }
        self.serve(key, at);
    }

    /// The container's work is done; it may exit by itself some time after.
    pub(crate) fn complete(&mut self, key: &TaskKey, at: Timestamp) {
        let Some(container) = self.task_mut(key).map(|task| &mut task.container) else { return };
        container.completed_at.get_or_insert(at);
        if let Some(after) = container.behaviour.exits_after {
            self.schedule(at + after, key, Effect::Exit(0));
        }
    }

    fn answer(&mut self, key: &TaskKey, job: JobId, answer: (u16, serde_json::Value)) {
        if let Some(job) = self.jobs.get_mut(&job) {
            job.answer.get_or_insert(answer);
        }
        if let Some(task) = self.task(key) {
            task.container.changed.notify_waiters();
        }
    }

    /// Writes one of a session's objects, as its container.
    pub(crate) fn upload(
        &mut self,
        key: &TaskKey,
        name: &str,
        body: serde_json::Value,
        at: Timestamp,
    ) {
        let Some(task) = self.task(key) else { return };
        let path = format!("{}{}/{name}", self.setup.prefix, task.container.session_id);
        let body = Bytes::from(match body {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        });
        let encrypted = task.container.behaviour.encrypts;
        if let Some(outbox) = &mut self.outbox {
            outbox.push(Written { key: path, body, encrypted });
        } else if let Some(bucket) = self.buckets.get_mut(&self.setup.artifact_bucket) {
            bucket.insert(path, Object { encrypted, ..Object::new(body, at) });
        }
    }

    /// Everything a finished upload leaves behind, at once.
    pub(crate) fn upload_all(&mut self, key: &TaskKey, at: Timestamp) {
        let marker = self.setup.marker.clone();
        let session_id =
            self.task(key).map(|task| task.container.session_id.clone()).unwrap_or_default();
        let body = json!({"session_id": session_id, "task_id": key.id, "status": "completed"});
        self.upload(key, &marker, body, at);
        self.upload(key, "debug/execution_1.json", json!({"execution": 1}), at);
        self.upload(key, "artifacts/report.txt", json!(format!("report of {session_id}")), at);
        if let Some(task) = self.task_mut(key) {
            task.container.saved_at = Some(at);
        }
    }
}

fn under_way(session_id: &str) -> (u16, serde_json::Value) {
    (202, json!({"session_id": session_id, "upload_completed": false}))
}
