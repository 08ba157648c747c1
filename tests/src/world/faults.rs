//! What goes wrong on purpose: faults on certain calls, random weather, hooks between two calls,
//! and crashes at a call.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::World;
use super::api::{Api, Call};

/// A fault on some calls, read as a sentence:
/// `Fault::on(Api::StopTask).of("alice").nth(2).times(3).throttled()`.
/// Without `nth` and `times` it hits the first matching call after it was set, once.
#[derive(Clone, Debug)]
pub struct Fault {
    api: Option<Api>,
    caller: Option<String>,
    subject: Option<String>,
    first: usize,
    times: usize,
    effect: Effect,
    seen: usize,
}

/// What a fault does to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Throttled,
    Invalid,
    Denied,
    ServerError,
    Reset,
    Refused,
    NoDescriptor,
    Hangs,
    AnswerLost,
    AnswerHangs,
    Delayed(Duration),
}

impl Fault {
    /// On calls of one operation. Resets the connection, unless the sentence says otherwise.
    #[must_use]
    pub fn on(api: Api) -> Self {
        Self { api: Some(api), ..Self::anywhere() }
    }

    /// On calls of any operation.
    #[must_use]
    pub fn anywhere() -> Self {
        Self {
            api: None,
            caller: None,
            subject: None,
            first: 1,
            times: 1,
            effect: Effect::Reset,
            seen: 0,
        }
    }

    /// Only where a subject (ARN, cluster, `ip:port`, `bucket/key`, session id) contains this.
    #[must_use]
    pub fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Only calls of this caller.
    #[must_use]
    pub fn by(mut self, caller: impl Into<String>) -> Self {
        self.caller = Some(caller.into());
        self
    }

    /// From the n-th matching call on, counted from 1.
    #[must_use]
    pub const fn nth(mut self, n: usize) -> Self {
        self.first = n;
        self
    }

    /// So many matching calls.
    #[must_use]
    pub const fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Every matching call from the first (or n-th) on.
    #[must_use]
    pub const fn always(self) -> Self {
        self.times(usize::MAX)
    }

    const fn comes_to(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Refused with the service's throttling error.
    #[must_use]
    pub const fn throttled(self) -> Self {
        self.comes_to(Effect::Throttled)
    }

    /// Refused as a wrong call (HTTP 400).
    #[must_use]
    pub const fn invalid(self) -> Self {
        self.comes_to(Effect::Invalid)
    }

    /// Refused for want of a permission (an IAM policy that someone has changed).
    #[must_use]
    pub const fn denied(self) -> Self {
        self.comes_to(Effect::Denied)
    }

    /// Answered with a 500 of the service, not applied.
    #[must_use]
    pub const fn server_error(self) -> Self {
        self.comes_to(Effect::ServerError)
    }

    /// The connection is reset before the call is applied.
    #[must_use]
    pub const fn reset(self) -> Self {
        self.comes_to(Effect::Reset)
    }

    /// The connection is refused.
    #[must_use]
    pub const fn refused(self) -> Self {
        self.comes_to(Effect::Refused)
    }

    /// Never sent: the caller has no descriptor left for it.
    #[must_use]
    pub const fn without_descriptor(self) -> Self {
        self.comes_to(Effect::NoDescriptor)
    }

    /// Never applied, never answered.
    #[must_use]
    pub const fn hangs(self) -> Self {
        self.comes_to(Effect::Hangs)
    }

    /// Applied; then the connection is reset instead of an answer.
    #[must_use]
    pub const fn answer_lost(self) -> Self {
        self.comes_to(Effect::AnswerLost)
    }

    /// Applied, never answered.
    #[must_use]
    pub const fn answer_hangs(self) -> Self {
        self.comes_to(Effect::AnswerHangs)
    }

    /// Applied in time, answered this much later.
    #[must_use]
    pub const fn delayed(self, by: Duration) -> Self {
        self.comes_to(Effect::Delayed(by))
    }

    fn matches(&self, call: &Call) -> bool {
        self.api.is_none_or(|api| api == call.api)
            && self.caller.as_ref().is_none_or(|caller| *caller == call.caller)
            && self.subject.as_ref().is_none_or(|subject| call.is_about(subject))
    }

    /// Counts a call and tells whether it is hit.
    fn hits(&mut self, call: &Call) -> bool {
        if !self.matches(call) {
            return false;
        }
        self.seen += 1;
        self.seen >= self.first && self.seen - self.first < self.times
    }
}

/// Faults at random, from the world's seed: each field is the share of calls that it hits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// See [`Fault::throttled`].
    pub throttled: f64,
    /// See [`Fault::denied`].
    pub denied: f64,
    /// See [`Fault::server_error`].
    pub server_error: f64,
    /// See [`Fault::reset`].
    pub reset: f64,
    /// See [`Fault::refused`].
    pub refused: f64,
    /// See [`Fault::hangs`].
    pub hangs: f64,
    /// See [`Fault::answer_lost`].
    pub answer_lost: f64,
    /// See [`Fault::answer_hangs`].
    pub answer_hangs: f64,
}

impl Weather {
    /// Every kind of fault with this share.
    #[must_use]
    pub const fn stormy(share: f64) -> Self {
        Self {
            throttled: share,
            denied: share,
            server_error: share,
            reset: share,
            refused: share,
            hangs: share,
            answer_lost: share,
            answer_hangs: share,
        }
    }

    fn strikes(&self, rng: &mut fastrand::Rng) -> Option<Effect> {
        let kinds = [
            (self.throttled, Effect::Throttled),
            (self.denied, Effect::Denied),
            (self.server_error, Effect::ServerError),
            (self.reset, Effect::Reset),
            (self.refused, Effect::Refused),
            (self.hangs, Effect::Hangs),
            (self.answer_lost, Effect::AnswerLost),
            (self.answer_hangs, Effect::AnswerHangs),
        ];
        let mut die = rng.f64();
        kinds.into_iter().find_map(|(share, effect)| {
            die -= share;
            (die < 0.0).then_some(effect)
        })
    }
}

/// Where an invocation dies: at its n-th HTTP call, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Before the world has applied it.
    Before(usize),
    /// After the world has applied it, before the answer.
    After(usize),
}

/// When a hook runs, relative to the world's applying the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

type Change = Box<dyn FnOnce(&World) + Send>;

struct Hook {
    api: Api,
    when: When,
    left: usize,
    change: Change,
}

/// All that is set to go wrong.
#[derive(Default)]
pub(crate) struct Chaos {
    faults: Vec<Fault>,
    weather: Option<Weather>,
    hooks: Vec<Hook>,
    crashes: BTreeMap<String, (Crash, Arc<Notify>)>,
    dead: BTreeSet<String>,
}

impl fmt::Debug for Chaos {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Chaos").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl Chaos {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(crate) fn set_weather(&mut self, weather: Weather) {
        self.weather = Some(weather);
    }

    pub(crate) fn cease(&mut self) {
        self.faults.clear();
        self.hooks.clear();
        self.weather = None;
    }

    /// What befalls a call; every fault counts it, the first that hits decides.
    pub(crate) fn befalls(&mut self, call: &Call, rng: &mut fastrand::Rng) -> Option<Effect> {
        let hits =
            self.faults.iter_mut().filter_map(|fault| fault.hits(call).then_some(fault.effect));
        let hit = hits.fold(None, |first, effect| first.or(Some(effect)));
        hit.or_else(|| self.weather.and_then(|weather| weather.strikes(rng)))
    }

    pub(crate) fn hook(&mut self, api: Api, when: When, nth: usize, change: Change) {
        self.hooks.push(Hook { api, when, left: nth, change });
    }

    /// The changes that are due at this call.
    pub(crate) fn due(&mut self, api: Api, when: When) -> Vec<Change> {
        let mut due = Vec::new();
        for mut hook in std::mem::take(&mut self.hooks) {
            if hook.api == api && hook.when == when {
                hook.left = hook.left.saturating_sub(1);
                if hook.left == 0 {
                    due.push(hook.change);
                    continue;
                }
            }
            self.hooks.push(hook);
        }
        due
    }

    pub(crate) fn crash(&mut self, caller: &str, crash: Crash) -> Arc<Notify> {
        let signal = Arc::new(Notify::new());
        self.crashes.insert(caller.to_owned(), (crash, signal.clone()));
        signal
    }

    /// Whether this caller is dead, or dies now; a dead caller never sends or learns anything.
    pub(crate) fn dies(&mut self, caller: &str, here: Crash) -> bool {
        if let Some((crash, signal)) = self.crashes.get(caller)
            && *crash == here
        {
            signal.notify_one();
            self.crashes.remove(caller);
            self.dead.insert(caller.to_owned());
        }
        self.dead.contains(caller)
    }
}
