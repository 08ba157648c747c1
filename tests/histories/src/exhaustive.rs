//! Small worlds, each with every kind of fault at every call: in the end all is as if it had not been.

mod stories;

pub use stories::{Story, stories};

use crate::history::{Death, Faults, History};
use crate::play::{Played, Trace, play};
use session_cleanup_tests::world::{FaultKind, Met};

/// What happens to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// It fails, or its answer does.
    Fault(Met),
    /// The function that makes it dies.
    Death(Death),
}

/// A call that was disturbed, and what came of it.
#[derive(Clone, Debug)]
pub struct Disturbed {
    /// The history, disturbance included.
    pub history: History,
    /// How it ended otherwise than without the disturbance, and the promises that it broke.
    pub differences: Vec<String>,
}

/// One fault of each kind: it fails before its effect, its answer is lost, it is denied, it is answered by what
/// was true before.
const KINDS: [FaultKind; 5] = [
    FaultKind::ServerError,
    FaultKind::Reset,
    FaultKind::AnswerLost,
    FaultKind::Denied,
    FaultKind::Stale,
];

/// Every disturbance of a story: each kind at each call that was made before faults cease.
#[must_use]
pub fn disturbances(story: &History) -> Vec<Disturbance> {
    let Played { called, .. } = play(story, Trace::OfViolations);
    let mut all = Vec::new();
    for (caller, nth, api) in called {
        for kind in KINDS {
            if kind.strikes(api) {
                all.push(Disturbance::Fault(Met { caller: caller.clone(), nth, api, kind }));
            }
        }
        for applied in [false, true] {
            all.push(Disturbance::Death(Death { caller: caller.clone(), nth, applied }));
        }
    }
    all
}

/// Plays a story with a disturbance, and holds its end against that of the story without.
#[must_use]
pub fn disturbed(story: &History, disturbance: &Disturbance) -> Disturbed {
    let mut history = story.clone();
    match disturbance {
        Disturbance::Fault(met) => history.faults = Faults::Listed(vec![met.clone()]),
        Disturbance::Death(death) => history.deaths = vec![death.clone()],
    }
    let (undisturbed, played) = (play(story, Trace::OfViolations), play(&history, Trace::OfViolations));
    let mut differences: Vec<String> =
        played.violations.iter().map(ToString::to_string).collect();
    for line in &undisturbed.ends {
        if !played.ends.contains(line) {
            differences.push(format!("without it: {line}"));
        }
    }
    for line in &played.ends {
        if !undisturbed.ends.contains(line) {
            differences.push(format!("with it: {line}"));
        }
    }
    Disturbed { history, differences }
}
