//! Small worlds, each with every kind of fault at every call: in the end all is as if it had not been.

mod stories;

pub use stories::{Story, stories};

use crate::history::{Death, Faults, History};
use crate::play::{Played, Trace, play};
use crate::search::on_all_cores;
use session_cleanup_tests::world::{Api, FaultKind, Met, Origin};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Mutex;

/// What happens to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// It fails, or its answer does.
    Fault(Met),
    /// The function that makes it dies.
    Death(Death),
}

/// A story that was disturbed in every way.
#[derive(Clone, Debug)]
pub struct Told {
    /// The story's name.
    pub name: &'static str,
    /// How many disturbances it had.
    pub count: usize,
    /// Those after which only the record is another, as is known of them: see [`is_known`].
    pub known: usize,
    /// Those that made another difference in the end, or broke a promise.
    pub differ: Vec<Differs>,
}

/// A disturbance that made a difference.
#[derive(Clone, Debug)]
pub struct Differs {
    /// What was disturbed, and how.
    pub disturbance: Disturbance,
    /// The story with it.
    pub history: History,
    /// How it ended otherwise, and the promises that it broke.
    pub differences: Vec<String>,
}

impl fmt::Display for Disturbance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(met) => met.fmt(formatter),
            Self::Death(death) => death.fmt(formatter),
        }
    }
}

/// One fault of each kind: it fails before its effect, its answer is lost, it is denied, it is answered by what
/// was true before.
const KINDS: [FaultKind; 4] =
    [FaultKind::ServerError, FaultKind::Reset, FaultKind::AnswerLost, FaultKind::Denied];

/// Every disturbance of a story: each kind at each call that was made before faults cease.
#[must_use]
pub fn disturbances(story: &History) -> Vec<Disturbance> {
    let Played { called, .. } = play(story, Trace::Always);
    let mut all = Vec::new();
    for (caller, nth, api) in called {
        for kind in KINDS {
            let origin = Origin::Set;
            all.push(Disturbance::Fault(Met { caller: caller.clone(), nth, api, kind, origin }));
        }
        for applied in [false, true] {
            all.push(Disturbance::Death(Death { caller: caller.clone(), nth, applied }));
        }
    }
    all
}

/// Tells every story with each of its disturbances, or with each `stride`-th of them, on all cores.
#[must_use]
pub fn exhaust(stride: usize) -> Vec<Told> {
    let stories = stories();
    let all: Vec<(usize, Disturbance)> = stories
        .iter()
        .enumerate()
        .flat_map(|(nth, story)| {
            disturbances(&story.history).into_iter().map(move |one| (nth, one))
        })
        .step_by(stride)
        .collect();
    let undisturbed: Vec<Played> =
        stories.iter().map(|story| play(&story.history, Trace::OfViolations)).collect();
    let told = stories.iter().map(|story| Told {
        name: story.name,
        count: 0,
        known: 0,
        differ: Vec::new(),
    });
    let told = Mutex::new(told.collect::<Vec<_>>());
    on_all_cores(all.len(), |at| {
        let (nth, disturbance) = &all[at];
        let history = disturbed(&stories[*nth].history, disturbance);
        let differences = differences(&undisturbed[*nth], &play(&history, Trace::OfViolations));
        let mut told = told.lock().unwrap();
        told[*nth].count += 1;
        if is_known(disturbance, &differences) {
            told[*nth].known += 1;
        } else if !differences.is_empty() {
            told[*nth].differ.push(Differs {
                disturbance: disturbance.clone(),
                history,
                differences,
            });
        }
        ControlFlow::Continue(())
    });
    told.into_inner().unwrap()
}

/// A story with a disturbance.
#[must_use]
pub fn disturbed(story: &History, disturbance: &Disturbance) -> History {
    match disturbance.clone() {
        Disturbance::Fault(met) => History { faults: Faults::Listed(vec![met]), ..story.clone() },
        Disturbance::Death(death) => History { deaths: vec![death], ..story.clone() },
    }
}

/// What may not be read when it is given up is no loss: another word for the same artifacts.
fn is_known(disturbance: &Disturbance, differences: &[String]) -> bool {
    let is_unread = match disturbance {
        Disturbance::Death(_) => false,
        Disturbance::Fault(met) => met.api == Api::HeadObject,
    };
    let ends = |from: &str, with: &str| {
        differences.iter().any(|line| line.starts_with(from) && line.ends_with(with))
    };
    is_unread
        && differences.len() == 2
        && ends("not: receipt of", ": artifacts_lost")
        && ends("but: receipt of", ": artifacts_unverified")
}

/// How the end of one differs from that of the other, and the promises that were broken.
fn differences(undisturbed: &Played, played: &Played) -> Vec<String> {
    let broken = played.violations.iter().map(ToString::to_string);
    let (before, after) = (&undisturbed.ends, &played.ends);
    let gone = before.iter().filter(|line| !after.contains(line));
    let new = after.iter().filter(|line| !before.contains(line));
    let gone = gone.map(|line| format!("not: {line}"));
    broken.chain(gone).chain(new.map(|line| format!("but: {line}"))).collect()
}
