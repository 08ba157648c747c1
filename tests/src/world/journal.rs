//! The record of every call.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::api::{Api, Call, Outcome};

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) calls: Vec<Call>,
    counts: BTreeMap<Api, usize>,
    callers: BTreeMap<String, usize>,
    deaths: Vec<(String, Timestamp)>,
}

impl Journal {
    /// Notes that a call is sent; answers its number among all, and among its caller's.
    pub(crate) fn sent(
        &mut self,
        caller: &str,
        api: Api,
        subjects: Vec<String>,
        now: Timestamp,
    ) -> (usize, usize) {
        let number = self.calls.len() + 1;
        *self.counts.entry(api).or_default() += 1;
        let own = self.callers.entry(caller.to_owned()).or_default();
        *own += 1;
        let outcome = Outcome::Unanswered;
        self.calls.push(Call {
            number,
            caller: caller.to_owned(),
            api,
            subjects,
            sent_at: now,
            outcome,
        });
        (number, *own)
    }

    pub(crate) fn came_to(&mut self, number: usize, outcome: Outcome) {
        self.calls[number - 1].outcome = outcome;
    }

    /// Notes that a caller dies between two of its calls.
    pub(crate) fn died(&mut self, caller: &str, at: Timestamp) {
        self.deaths.push((caller.to_owned(), at));
    }

    /// Whether a caller died within so much time after it sent a call.
    pub(crate) fn is_followed_by_death(&self, call: &Call, within: Duration) -> bool {
        let mut deaths = self.deaths.iter().filter(|(caller, _)| *caller == call.caller);
        deaths.any(|(_, at)| call.sent_at <= *at && *at <= call.sent_at + within)
    }

    /// The calls of an operation about something, in the order in which they were sent.
    pub(crate) fn about<'a>(
        &'a self,
        api: Api,
        subject: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Call> + 'a {
        self.calls.iter().filter(move |call| call.api == api && call.is_about(subject))
    }

    pub(crate) fn count(&self, api: Api) -> usize {
        self.counts.get(&api).copied().unwrap_or_default()
    }

    pub(crate) fn count_by(&self, caller: &str) -> usize {
        self.callers.get(caller).copied().unwrap_or_default()
    }
}
