//! The stage: a world, who acts in it, and what is on its way to the functions.

use super::garbage::garbage;
use crate::functions::FUNCTION_TIMEOUT;
use crate::history::{
    Action, Addressed, Death, Function, History, Identity, Lease, Session, Stack, Start, Sweep,
    Upload,
};
use crate::queue::Queue;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use session_cleanup_tests::world::{Fault, Phase, TaskHandle, World};
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::Instant;

/// How long before it Lambda gives up an asynchronous invocation that has to wait (`template.yaml`).
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Who was given a session's number, and how it began.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) task: TaskHandle,
    pub(crate) session: Session,
    /// When an event of its owner came that names its task.
    pub(crate) ended_by_name: Option<Timestamp>,
    /// ECS has said that it is being stopped, and that it has.
    told: (bool, bool),
}

/// An order to the reaper.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) since: Instant,
    /// `None`: the schedule.
    pub(super) sweep: Option<Sweep>,
}

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) stack: Stack,
    /// The task that runs a session's number, and those that ran it before.
    pub(super) actors: BTreeMap<usize, Vec<Actor>>,
    pub(super) events: Queue,
    pub(super) ending: Queue,
    pub(super) orders: VecDeque<Order>,
    pub(super) variables: BTreeMap<String, String>,
    /// Calls at which their callers die.
    pub(super) deaths_at: Vec<Death>,
    /// Where the next invocations of a function die.
    pub(super) deaths: BTreeMap<Function, VecDeque<(usize, bool)>>,
    /// The functions whose connections are dead.
    pub(super) thawed: Vec<Function>,
    routes_back_at: Option<Instant>,
    /// For some time the functions were configured not to act on all of it.
    pub(super) looked_away: bool,
    /// What happened, a line each.
    pub(super) log: Vec<String>,
}

impl Stage {
    pub(super) fn new(history: &History) -> Self {
        let stack = history.stack.clone();
        let mut variables = stack.variables();
        variables.insert("REAPER_MODE".to_owned(), "enforce".to_owned());
        Self {
            world: World::new(stack.setup(history.seed)),
            actors: BTreeMap::new(),
            events: Queue::new(FUNCTION_TIMEOUT * 6, 100, stack.max_receives),
            ending: Queue::new(FUNCTION_TIMEOUT + Duration::from_secs(1), 10, stack.max_receives),
            orders: VecDeque::new(),
            variables,
            deaths_at: history.deaths.clone(),
            deaths: BTreeMap::new(),
            thawed: Vec::new(),
            routes_back_at: None,
            looked_away: false,
            log: Vec::new(),
            stack,
        }
    }

    /// Everyone who was ever there.
    pub(super) fn everyone(&self) -> impl Iterator<Item = &Actor> {
        self.actors.values().flatten()
    }

    pub(super) fn task(&self, session: usize) -> Option<TaskHandle> {
        self.actors.get(&session)?.last().map(|actor| actor.task.clone())
    }

    /// Something happens.
    pub(super) fn act(&mut self, action: &Action) {
        self.log.push(format!("{} {action}", self.world.now()));
        let world = self.world.clone();
        match action {
            Action::Begins(number, session) => self.begin(*number, session),
            Action::Ends(number, copies) => self.end(*number, *copies),
            Action::EndsAnother(number, other) => self.end_another(*number, *other),
            Action::SendsGarbage(kind) => self.events.send(garbage(*kind), Instant::now()),
            Action::Resumes(number) => {
                let last = self.actors.get(number).and_then(|actors| actors.last());
                // Two tasks of one session write the same marker: one that says 200 and writes nothing can't be told
                // from the other.
                let last = last.filter(|actor| actor.session.container.upload != Upload::Nothing);
                let fresh = last.map(|actor| Session {
                    entry: crate::history::Entry::Fresh,
                    addressed: Addressed::Fresh,
                    copied_end: None,
                    ..actor.session.clone()
                });
                if let Some(session) = fresh {
                    self.begin(*number, &session);
                }
            }
            Action::Claims(number, start) => self.claim(*number, *start),
            Action::SaysItsStart(number) => {
                let at = self.owners_clock();
                self.with(*number, |task| world.owner_says_its_start(task, &at));
            }
            Action::Exits(number, code) => {
                self.with(*number, |task| world.crash(task, *code));
            }
            Action::IsInterrupted(number) => self.with(*number, |task| world.interrupt(task)),
            Action::IsStopped(number) => {
                self.with(*number, |task| world.operator_stops(task, "someone else"));
            }
            Action::Completes(number) => {
                self.with(*number, |task| world.completes_by_itself(task));
            }
            Action::Behaves(number, container)
                if container.upload == Upload::Nothing && self.has_another_marker(*number) => {}
            Action::Behaves(number, container) => {
                let actors = self.actors.get_mut(number);
                if let Some(actor) = actors.and_then(|actors| actors.last_mut()) {
                    actor.session.container.upload = container.upload;
                }
                self.with(*number, |task| {
                    world.behaves(task, |now| {
                        // Who runs another session does not go back to its own.
                        let forbids = now.forbids;
                        container.applied_to(now);
                        now.forbids |= forbids;
                    });
                });
            }
            Action::RenewalBreaks(number) => self.renewal_breaks(Some(*number)),
            Action::AllRenewalsBreak => self.renewal_breaks(None),
            Action::IsLeased(number, left) => self.with(*number, |task| {
                let until = world.now() + Duration::from(*left);
                world.set_tag(task, "lease-expires-at", &until.to_string());
            }),
            Action::IsProtected(number, is_protected) => self.with(*number, |task| {
                world.set_tag(task, "cleanup-protection", &is_protected.to_string());
            }),
            Action::IsRegistered(number, true) => {
                self.with(*number, |task| world.owner_registers(task));
            }
            Action::IsRegistered(number, false) => {
                self.with(*number, |task| world.owner_deregisters(task));
            }
            Action::LeavesMarker(number) => self.leave_marker(*number),
            Action::LeavesZombie(group, number) => self.leave_zombie(*group, *number),
            Action::GroupIsDeleted(group) => world.delete_target_group(&Stack::group(*group)),
            Action::Outage(service, kind, time) => {
                let now = world.now();
                world.outage(*service, *kind, now, now + Duration::from(*time));
            }
            Action::RoutesAreLost(time) => {
                world.lose_every_route();
                self.routes_back_at = Some(Instant::now() + Duration::from(*time));
            }
            Action::Sweeps(sweep) => {
                self.orders.push_back(Order { since: Instant::now(), sweep: Some(*sweep) });
            }
            Action::Dies(function, nth, applied) => {
                self.deaths.entry(*function).or_default().push_back((*nth, *applied));
            }
            // Only at a call.
            Action::DiesHere => {}
            Action::Fails(whom, api, kind, times) => {
                if let Some(mark) = self.mark(*whom, *api) {
                    world.fault(Fault::on(*api).of(mark).times(*times).kind(*kind));
                }
            }
            Action::IsThawed(function) => self.thawed.push(*function),
            Action::IsConfigured(name, value) => self.configure(name, value),
        }
    }

    fn configure(&mut self, name: &str, value: &str) {
        self.looked_away |= value == "observe" || name == "FAMILIES";
        if name == "FAMILIES" {
            self.world.configure_families(&value.split(',').collect::<Vec<_>>());
        }
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Of this session, or of all.
    fn renewal_breaks(&self, number: Option<usize>) {
        let one = |number| self.actors.get(&number).and_then(|actors| actors.last());
        let whose: Vec<&Actor> = match number {
            Some(number) => one(number).into_iter().collect(),
            None => self.everyone().collect(),
        };
        for actor in whose.into_iter().filter(|actor| renews(actor)) {
            self.world.renewal_breaks(&actor.task);
        }
    }

    fn with(&self, session: usize, change: impl FnOnce(&TaskHandle)) {
        if let Some(task) = self.task(session).filter(|task| self.world.knows(task)) {
            change(&task);
        }
    }

    fn begin(&mut self, number: usize, session: &Session) {
        let world = self.world.clone();
        let address = match session.addressed {
            Addressed::Fresh => None,
            Addressed::After(other) => self.task(other).map(|task| task.address()),
            Addressed::LikeZombie(number) => Some(zombie(number)),
        };
        let address = address.filter(|address| world.is_free(*address));
        let sentence = session.sentence(&world, &format!("s-{number}"), &self.stack);
        let sentence = match address {
            Some(address) => sentence.at_address(address),
            None => sentence,
        };
        let (task, session) = (sentence.start(), session.clone());
        let actor = Actor { task, session, ended_by_name: None, told: (false, false) };
        self.actors.entry(number).or_default().push(actor);
    }

    fn claim(&mut self, number: usize, start: Start) {
        let world = self.world.clone();
        let at = self.owners_clock();
        let actors = self.actors.get_mut(&number).and_then(|actors| actors.last_mut());
        let waits = |actor: &&mut Actor| {
            // Nor is one claimed that is complete before it has a session.
            actor.session.identity == Identity::None
                && !actor.session.container.completed
                && world.knows(&actor.task)
                && world.runs_still(&actor.task)
        };
        if let Some(actor) = actors.filter(waits) {
            let at = match start {
                Start::Now => Some(&*at),
                Start::Unsaid => None,
                Start::Unreadable => Some("tomorrow"),
                Start::LongAgo => Some("2020-01-01T00:00:00Z"),
            };
            world.claims(&actor.task, at);
            actor.session.identity = Identity::Tag;
        }
    }

    fn owners_clock(&self) -> String {
        (self.world.now() + SignedDuration::from_secs(self.stack.owners_ahead)).to_string()
    }

    /// Somebody else writes the marker of this session, or it is there: by another task of it, or by an upload that
    /// failed behind it. Whoever says 200 now and writes nothing can't be told from one that has written it.
    fn has_another_marker(&self, number: usize) -> bool {
        let actors = self.actors.get(&number).into_iter().flatten();
        if actors.clone().count() > 1 {
            return true;
        }
        let markers = actors.map(|actor| actor.task.session_id());
        let mut markers = markers.map(|session| format!("{session}/debug/session_status.json"));
        markers.any(|marker| self.world.object("artifacts", &marker).is_some())
    }

    /// While the task of the next run waits.
    fn leave_marker(&self, number: usize) {
        let actor = self.actors.get(&number).and_then(|actors| actors.last());
        if actor.is_some_and(|actor| actor.session.identity == Identity::None) {
            let marker = format!("s-{number}/debug/session_status.json");
            self.world.put_object("artifacts", &marker, "{}");
        }
    }

    /// Who has its address registers itself.
    fn leave_zombie(&self, group: usize, number: u8) {
        let there = group < self.stack.groups && self.world.has_group(&Stack::group(group));
        if there && !self.world.has_owner(zombie(number)) {
            self.world.leave_target(&Stack::group(group), zombie(number));
        }
    }

    /// What ECS says of tasks that end, but for those that we stop: the rule leaves them out.
    pub(super) fn tell_ends(&mut self) {
        let (world, now) = (self.world.clone(), Instant::now());
        let mut told: Vec<(bool, Value)> = Vec::new();
        for actor in self.actors.values_mut().flatten() {
            let task = &actor.task;
            if actor.told.1 || !actor.session.is_in_scope() || !world.knows(task) {
                continue;
            }
            let Some(reason) = world.stopped_reason(task) else { continue };
            if reason.starts_with("session-cleanup:") {
                actor.told = (true, true);
                continue;
            }
            let is_over = world.phase(task) == Phase::Stopped;
            if is_over || !actor.told.0 {
                told.push((is_over, world.task_event(task)));
                actor.told = (true, is_over);
            }
        }
        for (is_over, event) in told {
            let queue = if is_over { &mut self.events } else { &mut self.ending };
            queue.send(event, now);
        }
    }

    /// Whether ECS has still something to say.
    pub(super) fn is_someone_ending(&self) -> bool {
        self.everyone().any(|actor| {
            !actor.told.1
                && actor.session.is_in_scope()
                && self.world.knows(&actor.task)
                && self.world.is_stopping(&actor.task)
        })
    }

    /// What was to last until now.
    pub(super) fn let_time_pass(&mut self) {
        if self.routes_back_at.is_some_and(|at| at <= Instant::now()) {
            self.world.routes_are_back();
            self.routes_back_at = None;
        }
    }

    /// Faults cease, and the stack is as it was deployed.
    pub(super) fn calm(&mut self) {
        self.log.push(format!("{} faults cease", self.world.now()));
        self.world.faults_cease();
        self.world.routes_are_back();
        self.routes_back_at = None;
        self.deaths_at.clear();
        self.deaths.clear();
        self.thawed.clear();
        self.variables = self.stack.variables();
        self.variables.insert("REAPER_MODE".to_owned(), "enforce".to_owned());
    }

    /// From one scheduled sweep to the next.
    pub(super) fn interval(&self) -> Duration {
        self.stack.every.into()
    }
}

/// Whether there is a renewal that could break.
fn renews(actor: &Actor) -> bool {
    matches!(actor.session.lease, Lease::Renewed(_))
}

/// The address of a target that nobody has.
pub(super) fn zombie(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 99, number)
}
