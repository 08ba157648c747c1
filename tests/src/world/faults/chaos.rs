//! All that is set to go wrong in a world, and all that did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;

use super::lot::Lot;
use super::met::{Met, Origin};
use super::outage::Outage;
use super::sentence::{Effect, Fault, Matching, Place};
use super::weather::Weather;
use crate::world::World;
use crate::world::api::{Api, Call};
use crate::world::wire::Request;

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

/// What happens there; it is told who makes the call.
pub(super) type Change = Box<dyn FnOnce(&World, &str) + Send>;

/// Which calls of an operation are counted, by what they are about.
pub(super) type IsAbout = Box<dyn Fn(&[String]) -> bool + Send>;

struct Hook {
    api: Api,
    when: When,
    is_about: IsAbout,
    left: usize,
    change: Change,
}

/// All that is set to go wrong, and what calls have met of it.
#[derive(Default)]
pub(crate) struct Chaos {
    faults: Vec<(Matching, Effect)>,
    /// Of single calls, by their callers and their numbers.
    single: BTreeMap<String, BTreeMap<usize, Effect>>,
    outages: Vec<Outage>,
    weather: Option<Weather>,
    met: Vec<Met>,
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
    pub(super) fn add(&mut self, fault: Fault) {
        match fault.place {
            Place::Matching(calls) => self.faults.push((calls, fault.effect)),
            Place::Call(caller, nth) => {
                self.single.entry(caller).or_default().insert(nth, fault.effect);
            }
        }
    }

    pub(super) fn set_weather(&mut self, weather: Weather) {
        self.weather = Some(weather);
    }

    pub(super) fn add_outage(&mut self, outage: Outage) {
        self.outages.push(outage);
    }

    pub(crate) fn met(&self) -> &[Met] {
        &self.met
    }

    pub(super) fn cease(&mut self) {
        self.faults.clear();
        self.single.clear();
        self.outages.clear();
        self.hooks.clear();
        self.weather = None;
    }

    /// What befalls a call, its caller's `nth`. Every sentence counts it, the first that hits decides; then
    /// what is set for this very call; then an outage; then the weather.
    pub(crate) fn befalls(
        &mut self,
        call: &Call,
        nth: usize,
        lot: Lot,
        request: &Request,
    ) -> Option<Effect> {
        let hits = self.faults.iter_mut();
        let hits = hits.filter_map(|(calls, effect)| calls.hits(call).then_some(*effect));
        let said = hits.fold(None, |first, effect| first.or(Some(effect)));
        let single = || self.single.get(&call.caller)?.get(&nth).copied();
        let mut outages = self.outages.iter();
        let (effect, origin) = if let Some(effect) = said.or_else(single) {
            (effect, Origin::Set)
        } else if let Some(outage) = outages.find(|outage| outage.hits(request, call.sent_at)) {
            (Effect::Kind(outage.kind), Origin::Outage)
        } else {
            let kind = self.weather?.strikes(lot, |kind| kind.fits(request))?;
            (Effect::Kind(kind), Origin::Weather)
        };
        match effect {
            Effect::Kind(kind) => {
                if !kind.fits(request) {
                    return None;
                }
                let (caller, api) = (call.caller.clone(), call.api);
                self.met.push(Met { caller, nth, api, kind, origin });
            }
            Effect::Invalid
            | Effect::Impossible
            | Effect::NoDescriptor
            | Effect::Delayed(_)
            | Effect::OutOfDate(_) => {}
        }
        Some(effect)
    }

    pub(super) fn hook(
        &mut self,
        (api, when, nth): (Api, When, usize),
        is_about: IsAbout,
        change: Change,
    ) {
        self.hooks.push(Hook { api, when, is_about, left: nth, change });
    }

    /// The changes that are due at this call.
    pub(crate) fn due(&mut self, api: Api, subjects: &[String], when: When) -> Vec<Change> {
        let mut due = Vec::new();
        for mut hook in std::mem::take(&mut self.hooks) {
            if hook.api == api && hook.when == when && (hook.is_about)(subjects) {
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

    pub(super) fn crash(&mut self, caller: &str, crash: Crash) -> Arc<Notify> {
        let signal = Arc::new(Notify::new());
        self.crashes.insert(caller.to_owned(), (crash, signal.clone()));
        signal
    }

    /// This caller dies where it is, if it is one that can.
    pub(super) fn dies_now(&mut self, caller: &str) {
        if let Some((_, signal)) = self.crashes.remove(caller) {
            signal.notify_one();
            self.dead.insert(caller.to_owned());
        }
    }

    /// The invocation that was to die is over, and has not come that far.
    pub(super) fn lives(&mut self, caller: &str) {
        self.crashes.remove(caller);
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
