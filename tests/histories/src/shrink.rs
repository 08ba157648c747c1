//! The shortest history that still breaks the same promise: delta debugging over its steps and faults, then over
//! what each session and the stack are like.

use crate::history::{
    Action, Addressed, Body, Container, Entry, Faults, History, Identity, Lease, Seconds, Session,
    Step,
};
use crate::play::{Trace, play};
use session_cleanup_tests::world::{Met, Origin};

/// So many histories are played at most to shorten one.
const MOST_PLAYS: usize = 2_000;

/// A history that was shortened.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The shortest one found.
    pub history: History,
    /// How many were played to find it.
    pub plays: usize,
}

/// Whether a history breaks a promise.
#[must_use]
pub fn breaks(history: &History, promise: &str) -> bool {
    let violations = play(history, Trace::OfViolations).violations;
    violations.iter().any(|violation| violation.promise == promise)
}

/// Shortens a history that `breaks`. `met` is what befell its calls: from then on faults are a list.
pub fn shrink(history: &History, met: &[Met], breaks: impl FnMut(&History) -> bool) -> Shrunk {
    let mut search = Search { breaks, plays: 0 };
    // What an outage did is done again by the outage.
    let by_chance = met.iter().filter(|met| met.origin == Origin::Weather).cloned().collect();
    let listed = History { faults: Faults::Listed(by_chance), ..history.clone() };
    if !search.breaks(&listed) {
        // Only what is random breaks it; then nothing can be taken out one by one.
        return Shrunk { history: history.clone(), plays: search.plays };
    }
    let mut shortest = listed;
    loop {
        let before = shortest.clone();
        shortest = search.without_parts(&shortest);
        shortest = search.simpler(&shortest);
        if shortest == before || search.is_tired() {
            return Shrunk { history: shortest, plays: search.plays };
        }
    }
}

struct Search<B> {
    breaks: B,
    plays: usize,
}

/// What can be taken out.
#[derive(Clone)]
enum Part {
    Step(Step),
    Fault(Met),
}

impl<B: FnMut(&History) -> bool> Search<B> {
    fn is_tired(&self) -> bool {
        self.plays >= MOST_PLAYS
    }

    fn breaks(&mut self, history: &History) -> bool {
        self.plays += 1;
        (self.breaks)(history)
    }

    /// Takes out ever smaller parts of the list, as long as the promise stays broken.
    fn without_parts(&mut self, history: &History) -> History {
        let faults = match &history.faults {
            Faults::Listed(met) => met.clone(),
            Faults::Random(_) => Vec::new(),
        };
        let steps = history.steps.iter().cloned().map(Part::Step);
        let mut parts: Vec<Part> = steps.chain(faults.into_iter().map(Part::Fault)).collect();
        let mut size = parts.len().div_ceil(2);
        while size > 0 && !self.is_tired() {
            let mut at = 0;
            while at < parts.len() && !self.is_tired() {
                let mut rest = parts.clone();
                rest.drain(at..(at + size).min(rest.len()));
                if self.breaks(&of_parts(history, &rest)) {
                    parts = rest;
                } else {
                    at += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        of_parts(history, &parts)
    }

    /// Makes each session, and the stack, as plain as they can be.
    fn simpler(&mut self, history: &History) -> History {
        let mut simplest = history.clone();
        for nth in 0..simplest.steps.len() {
            for simplify in SIMPLER_SESSIONS {
                let mut changed = simplest.clone();
                match &mut changed.steps[nth].action {
                    Action::Begins(_, session) => simplify(session),
                    Action::Behaves(_, container) => {
                        let mut session =
                            Session { container: (**container).clone(), ..Session::default() };
                        simplify(&mut session);
                        **container = session.container;
                    }
                    _ => break,
                }
                self.take_if_it_breaks(&mut simplest, changed);
            }
        }
        for simplify in SIMPLER_STACKS {
            let mut changed = simplest.clone();
            simplify(&mut changed);
            self.take_if_it_breaks(&mut simplest, changed);
        }
        simplest
    }

    fn take_if_it_breaks(&mut self, simplest: &mut History, changed: History) {
        if changed != *simplest && !self.is_tired() && self.breaks(&changed) {
            *simplest = changed;
        }
    }
}

fn of_parts(history: &History, parts: &[Part]) -> History {
    let (mut steps, mut faults) = (Vec::new(), Vec::new());
    for part in parts {
        match part.clone() {
            Part::Step(step) => steps.push(step),
            Part::Fault(met) => faults.push(met),
        }
    }
    History { steps, faults: Faults::Listed(faults), ..history.clone() }
}

const SIMPLER_SESSIONS: [fn(&mut Session); 14] = [
    |session| *session = Session { entry: session.entry, ..Session::default() },
    |session| session.container = Container::default(),
    |session| session.container.upload = Container::default().upload,
    |session| session.container.uploads_in = Container::default().uploads_in,
    |session| session.container.busy_for = Seconds(0),
    |session| session.container.exits_after = None,
    |session| session.container.dies_on_sigterm = false,
    |session| session.container.body = Body::Whole,
    |session| session.identity = Identity::Environment,
    |session| session.lease = Lease::None,
    |session| session.addressed = Addressed::Fresh,
    |session| session.sidecar = None,
    |session| session.entry = Entry::Running(Seconds::minutes(1)),
    |session| {
        *session = Session {
            place: session.place,
            identity: session.identity,
            entry: session.entry,
            lease: session.lease,
            addressed: session.addressed,
            container: session.container.clone(),
            ..Session::default()
        };
    },
];

const SIMPLER_STACKS: [fn(&mut History); 15] = [
    |history| history.stack.throttled = false,
    |history| history.stack.connections = 1_024,
    |history| history.stack.page = 100,
    |history| history.stack.owners_ahead = 0,
    |history| history.stack.functions_ahead = 0,
    |history| history.stack.pending = Seconds(10),
    |history| history.stack.tasks_lag = Seconds(0),
    |history| history.stack.lists_lag = Seconds(0),
    |history| history.stack.health_lags = Seconds(0),
    |history| {
        history.stack.clusters = 1;
        for step in &mut history.steps {
            if let Action::Begins(_, session) = &mut step.action {
                session.place = session.place.in_the_first_cluster();
            }
        }
    },
    |history| history.stack.groups = history.stack.groups.min(1),
    |history| history.stack.groups = 0,
    |history| history.stack.draining = crate::history::Draining::Works,
    |history| history.stack.blast_radius_at_least = 10,
    |history| history.lasts = Seconds(history.lasts.0 / 2),
];
