//! What happened, as the judges of alarms look at it.

use super::super::Ended;
use crate::history::{Action, Step};
use crate::play::logbook::Invoked;
use jiff::Timestamp;
use session_cleanup_tests::world::{Call, FaultKind, Met};
use std::collections::BTreeMap;
use std::ops::Deref;

pub(super) struct Facts<'a> {
    ended: &'a Ended<'a>,
    /// For some time the functions were configured not to act on all of it.
    pub(super) looked_away: bool,
    pub(super) calls: Vec<Call>,
    pub(super) met: Vec<Met>,
    by_caller: BTreeMap<String, Vec<usize>>,
}

impl<'a> Deref for Facts<'a> {
    type Target = Ended<'a>;

    fn deref(&self) -> &Ended<'a> {
        self.ended
    }
}

impl<'a> Facts<'a> {
    pub(super) fn of(ended: &'a Ended<'a>, looked_away: bool) -> Self {
        let calls = ended.world.calls();
        let mut by_caller: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (nth, call) in calls.iter().enumerate() {
            match by_caller.get_mut(&call.caller) {
                Some(numbers) => numbers.push(nth),
                None => drop(by_caller.insert(call.caller.clone(), vec![nth])),
            }
        }
        Self { ended, looked_away, calls, met: ended.world.faults_met(), by_caller }
    }

    /// The calls of an invocation, in their order.
    pub(super) fn calls_of(&self, invoked: &Invoked) -> impl DoubleEndedIterator<Item = &Call> {
        let (from, to) = (invoked.began, invoked.ended);
        let numbers = self.by_caller.get(&invoked.caller).into_iter().flatten();
        let calls = numbers.map(|nth| &self.calls[*nth]);
        calls.filter(move |call| from <= call.sent_at && call.sent_at <= to)
    }

    /// Whether a fault of this kind befell a call.
    pub(super) fn befell(&self, call: &Call, kind: FaultKind) -> bool {
        let numbers = self.by_caller.get(&call.caller);
        let nth = numbers.and_then(|numbers| {
            numbers.iter().position(|nth| self.calls[*nth].number == call.number)
        });
        let is_it = |met: &Met| {
            met.caller == call.caller
                && met.kind == kind
                && nth.is_some_and(|nth| met.nth == nth + 1)
        };
        self.met.iter().any(is_it)
    }

    /// Whether something of this kind happens.
    pub(super) fn any_step(&self, holds: impl Fn(&Action) -> bool) -> bool {
        self.steps().any(|step| holds(&step.action))
    }

    /// Whether a variable was given another value for a time.
    pub(super) fn is_configured(&self, variable: &str) -> bool {
        self.any_step(|action| matches!(action, Action::IsConfigured(name, _) if name == variable))
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = &'a Step> {
        self.ended.history.steps.iter()
    }

    /// Sweeps that came to their ends, each with the one before, where they are more than half an interval apart: what
    /// is just that may be taken for less, by the time that it takes to begin.
    pub(super) fn two_in_a_row(&self) -> Vec<(&'a Invoked, &'a Invoked)> {
        let half = self.history.stack.every.0 / 2;
        let half = jiff::SignedDuration::from_secs(i64::try_from(half + 5).expect("a short time"));
        let sweeps: Vec<&Invoked> = self.ended.logbook.sweeps().collect();
        let pairs = sweeps.windows(2).map(|pair| (pair[0], pair[1]));
        pairs.filter(|(one, other)| other.began.duration_since(one.began) >= half).collect()
    }

    /// Between which two times no sweep came to its end, the longest first.
    pub(super) fn silences(&self) -> Vec<(Timestamp, Timestamp)> {
        let ends = self.ended.logbook.sweeps().map(|sweep| sweep.ended);
        let ends: Vec<Timestamp> = [self.began].into_iter().chain(ends).collect();
        let mut silences: Vec<_> = ends.windows(2).map(|pair| (pair[0], pair[1])).collect();
        silences.sort_by_key(|(from, to)| std::cmp::Reverse(to.duration_since(*from)));
        silences
    }
}
