//! Faults on certain calls, set by sentences.

use std::time::Duration;

use super::kind::FaultKind;
use crate::world::api::{Api, Call};

/// A fault on some calls, read as a sentence:
/// `Fault::on(Api::StopTask).of("alice").nth(2).times(3).throttled()`.
/// Without `nth` and `times` it hits the first matching call after it was set, once.
///
/// Or on one call that is known by its number: `Fault::at("sweep-1", 12, FaultKind::Reset)`.
#[derive(Clone, Debug)]
pub struct Fault {
    pub(super) place: Place,
    pub(super) effect: Effect,
}

/// Where a fault strikes.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Matching(Matching),
    /// The n-th call of a caller, from its first.
    Call(String, usize),
}

/// Calls, by what they are like.
#[derive(Clone, Debug)]
pub(super) struct Matching {
    api: Option<Api>,
    caller: Option<String>,
    subject: Option<String>,
    first: usize,
    times: usize,
    seen: usize,
}

/// What a fault does to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Kind(FaultKind),
    Invalid,
    Impossible,
    NoDescriptor,
    Delayed(Duration),
    OutOfDate(Duration),
}

impl Effect {
    /// Whether somebody must be there for it, or something in front: to answer, to refuse, or to take a connection.
    pub(crate) fn takes_somebody(self) -> bool {
        match self {
            Self::Invalid
            | Self::Impossible
            | Self::Kind(
                FaultKind::Throttled
                | FaultKind::Denied
                | FaultKind::ServerError
                | FaultKind::Refused
                | FaultKind::Reset
                | FaultKind::Hangs
                | FaultKind::ExpiredPage
                | FaultKind::Conflict
                | FaultKind::Unready
                | FaultKind::Garbage,
            ) => true,
            Self::NoDescriptor
            | Self::Delayed(_)
            | Self::OutOfDate(_)
            | Self::Kind(
                FaultKind::AnswerLost
                | FaultKind::AnswerHangs
                | FaultKind::Slow
                | FaultKind::Truncated
                | FaultKind::Stale,
            ) => false,
        }
    }
}

impl Fault {
    /// On calls of one operation. Resets the connection, unless the sentence says otherwise.
    #[must_use]
    pub fn on(api: Api) -> Self {
        Self::anywhere().matching(|calls| calls.api = Some(api))
    }

    /// On calls of any operation.
    #[must_use]
    pub fn anywhere() -> Self {
        let calls =
            Matching { api: None, caller: None, subject: None, first: 1, times: 1, seen: 0 };
        Self { place: Place::Matching(calls), effect: Effect::Kind(FaultKind::Reset) }
    }

    /// On the n-th call that a caller ever sends, counted from 1, as [`World::faults_met`] tells it. A call
    /// that the kind does not fit passes unharmed.
    ///
    /// [`World::faults_met`]: crate::World::faults_met
    #[must_use]
    pub fn at(caller: impl Into<String>, nth: usize, kind: FaultKind) -> Self {
        Self { place: Place::Call(caller.into(), nth), effect: Effect::Kind(kind) }
    }

    fn matching(mut self, change: impl FnOnce(&mut Matching)) -> Self {
        match &mut self.place {
            Place::Matching(calls) => change(calls),
            Place::Call(caller, nth) => panic!("call {nth} of {caller} is one call already"),
        }
        self
    }

    /// Only where a subject (ARN, cluster, `ip:port`, `bucket/key`, session id) contains this.
    #[must_use]
    pub fn of(self, subject: impl Into<String>) -> Self {
        self.matching(|calls| calls.subject = Some(subject.into()))
    }

    /// Only calls of this caller.
    #[must_use]
    pub fn by(self, caller: impl Into<String>) -> Self {
        self.matching(|calls| calls.caller = Some(caller.into()))
    }

    /// From the n-th matching call on, counted from 1.
    #[must_use]
    pub fn nth(self, n: usize) -> Self {
        self.matching(|calls| calls.first = n)
    }

    /// So many matching calls.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        self.matching(|calls| calls.times = times)
    }

    /// Every matching call from the first (or n-th) on.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    const fn comes_to(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Of any kind. A call that the kind does not fit passes unharmed.
    #[must_use]
    pub const fn kind(self, kind: FaultKind) -> Self {
        self.comes_to(Effect::Kind(kind))
    }

    /// See [`FaultKind::Throttled`].
    #[must_use]
    pub const fn throttled(self) -> Self {
        self.kind(FaultKind::Throttled)
    }

    /// Refused as a wrong call (HTTP 400).
    #[must_use]
    pub const fn invalid(self) -> Self {
        self.comes_to(Effect::Invalid)
    }

    /// Refused for good (HTTP 400), whatever is asked: not for a target that is not there.
    #[must_use]
    pub const fn impossible(self) -> Self {
        self.comes_to(Effect::Impossible)
    }

    /// See [`FaultKind::Denied`].
    #[must_use]
    pub const fn denied(self) -> Self {
        self.kind(FaultKind::Denied)
    }

    /// See [`FaultKind::ServerError`].
    #[must_use]
    pub const fn server_error(self) -> Self {
        self.kind(FaultKind::ServerError)
    }

    /// See [`FaultKind::Reset`].
    #[must_use]
    pub const fn reset(self) -> Self {
        self.kind(FaultKind::Reset)
    }

    /// See [`FaultKind::Refused`].
    #[must_use]
    pub const fn refused(self) -> Self {
        self.kind(FaultKind::Refused)
    }

    /// Never sent: the caller has no descriptor left for it.
    #[must_use]
    pub const fn without_descriptor(self) -> Self {
        self.comes_to(Effect::NoDescriptor)
    }

    /// See [`FaultKind::Hangs`].
    #[must_use]
    pub const fn hangs(self) -> Self {
        self.kind(FaultKind::Hangs)
    }

    /// See [`FaultKind::AnswerLost`].
    #[must_use]
    pub const fn answer_lost(self) -> Self {
        self.kind(FaultKind::AnswerLost)
    }

    /// See [`FaultKind::AnswerHangs`].
    #[must_use]
    pub const fn answer_hangs(self) -> Self {
        self.kind(FaultKind::AnswerHangs)
    }

    /// Applied in time, answered this much later.
    #[must_use]
    pub const fn delayed(self, by: Duration) -> Self {
        self.comes_to(Effect::Delayed(by))
    }

    /// A read, answered from what was true this long ago.
    #[must_use]
    pub const fn out_of_date(self, by: Duration) -> Self {
        self.comes_to(Effect::OutOfDate(by))
    }
}

impl Matching {
    fn matches(&self, call: &Call) -> bool {
        self.api.is_none_or(|api| api == call.api)
            && self.caller.as_ref().is_none_or(|caller| *caller == call.caller)
            && self.subject.as_ref().is_none_or(|subject| call.is_about(subject))
    }

    /// Counts a call and tells whether it is hit.
    pub(super) fn hits(&mut self, call: &Call) -> bool {
        if !self.matches(call) {
            return false;
        }
        self.seen += 1;
        self.seen >= self.first && self.seen - self.first < self.times
    }
}
