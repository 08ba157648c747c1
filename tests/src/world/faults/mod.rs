//! What goes wrong on purpose: faults on certain calls, random weather, hooks between two calls,
//! and crashes at a call.
//!
//! What chance does to a call depends on the world's seed, its caller and its number among that caller's calls,
//! and on nothing else (`lot`). So a history whose faults were met by chance can be played again with the list of
//! them ([`World::faults_met`]) and without weather; and from that list, as from the history, one after another can
//! be taken out without changing the others.

mod chaos;
mod fits;
mod kind;
mod lot;
mod met;
mod outage;
mod sentence;
mod weather;

pub use chaos::Crash;
pub use kind::FaultKind;
pub use met::{Met, Origin};
pub use outage::Scope;
pub use sentence::Fault;
pub use weather::Weather;

pub(crate) use chaos::{Chaos, When};
pub(crate) use lot::Lot;
pub(crate) use sentence::Effect;

use jiff::Timestamp;

use super::World;
use super::api::Api;
use outage::Outage;

impl World {
    /// Lets a fault loose.
    pub fn fault(&self, fault: Fault) {
        self.lock().chaos.add(fault);
    }

    /// Lets many faults loose, such as those that another run has met. However many of single calls there are,
    /// a call is not slower for them.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut state = self.lock();
        for fault in faults {
            state.chaos.add(fault);
        }
    }

    /// Faults at random from now on.
    pub fn weather(&self, weather: Weather) {
        self.lock().chaos.set_weather(weather);
    }

    /// Every call of a service, or of one operation, that is sent from one instant until before another meets this
    /// kind of fault, if it fits.
    pub fn outage(
        &self,
        scope: impl Into<Scope>,
        kind: FaultKind,
        from: Timestamp,
        until: Timestamp,
    ) {
        let outage = Outage { scope: scope.into(), kind, from, until };
        self.lock().chaos.add_outage(outage);
    }

    /// The faults that calls have met so far, in the order of sending. Those that are no [`FaultKind`] are not
    /// among them.
    #[must_use]
    pub fn faults_met(&self) -> Vec<Met> {
        self.lock().chaos.met().to_vec()
    }

    /// No more faults, no more outages, no more weather, and nothing more that happens between two calls. Crashes stay.
    pub fn faults_cease(&self) {
        self.lock().chaos.cease();
    }

    /// Changes the world right before it applies the n-th call (from now, counted from 1) of an
    /// operation.
    pub fn before(&self, api: Api, nth: usize, change: impl FnOnce(&World) + Send + 'static) {
        let change = |world: &World, _: &str| change(world);
        self.lock().chaos.hook((api, When::Before, nth), Box::new(|_| true), Box::new(change));
    }

    /// Changes the world right after it has applied the n-th call (from now, counted from 1) of
    /// an operation, while the answer is under way. For a container call: once it is served.
    pub fn after(&self, api: Api, nth: usize, change: impl FnOnce(&World) + Send + 'static) {
        let change = |world: &World, _: &str| change(world);
        self.lock().chaos.hook((api, When::After, nth), Box::new(|_| true), Box::new(change));
    }

    /// The same, at the n-th call of an operation whose subjects fit, before or after it `is_applied`; what happens is
    /// told who makes the call.
    pub fn at_call(
        &self,
        (api, nth, is_applied): (Api, usize, bool),
        is_about: impl Fn(&[String]) -> bool + Send + 'static,
        change: impl FnOnce(&World, &str) + Send + 'static,
    ) {
        let when = if is_applied { When::After } else { When::Before };
        self.lock().chaos.hook((api, when, nth), Box::new(is_about), Box::new(change));
    }

    /// A caller that runs until it crashes does so at the call that it is making.
    pub fn dies_now(&self, caller: &str) {
        self.lock().chaos.dies_now(caller);
    }

    /// Runs an invocation that dies at one of its caller's HTTP calls: its future is dropped
    /// there, and whatever it spawned is never answered again. `None` when it died; a caller that
    /// is dead stays so, the next invocation is another caller. One that ends before it comes that far lives on.
    ///
    /// An uncrashed run's [`World::count_by`] is the number of boundaries.
    pub async fn run_until_crash<T>(
        &self,
        caller: &str,
        crash: Crash,
        invocation: impl Future<Output = T>,
    ) -> Option<T> {
        let signal = self.lock().chaos.crash(caller, crash);
        tokio::select! {
            biased;
            () = signal.notified() => None,
            output = invocation => {
                self.lock().chaos.lives(caller);
                Some(output)
            }
        }
    }
}
