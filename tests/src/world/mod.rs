//! The simulated world: ECS, ELBv2, S3 and the session containers, as one deterministic state
//! machine behind their wire protocols.
//!
//! Tests build it with sentences, let the production code call it through an HTTP client, and ask
//! it what became of everything:
//!
//! ```no_run
//! # async fn story() {
//! use session_cleanup_tests::world::{Fault, Setup, World};
//! use session_cleanup_tests::world::Api;
//! let world = World::new(Setup::default());
//! let alice = world.session("alice").upload_fails(2).start();
//! world.fault(Fault::on(Api::DeregisterTargets).nth(1).throttled());
//! let client = world.caller("completion-1"); // goes into the SDK's configuration
//! // ... an invocation runs ...
//! assert_eq!(world.count(Api::StopTask), 1);
//! world.assert_unharmed();
//! # }
//! ```
//!
//! In reading order: [`Setup`] and [`SessionBuilder`] say what there is; `task`, `container`,
//! `targets`, `objects` and `state` are what it is and how time changes it; `wire` translates;
//! `exchange` is one HTTP call, `turn` what befalls it, and `client` the SDK's view of it; `faults` and
//! `invariants` are what goes wrong on purpose, and what must not.
//!
//! Nothing runs by itself: a task's life is a function of time, and what containers do is on an
//! agenda that is worked off whenever the world is looked at. So a world of 10,000 tasks costs
//! nothing until it is called.

mod api;
mod arrival;
mod body;
mod client;
mod clock;
mod connections;
mod container;
mod events;
mod exchange;
mod faults;
mod haste;
mod invariants;
mod journal;
mod leftovers;
mod limits;
mod missing_targets;
mod noteworthy;
mod objects;
mod on_record;
mod owner;
mod receipts;
mod remembered;
mod removals;
mod routes;
mod second_looks;
mod session;
mod session_container;
mod setup;
mod snapshots;
mod state;
mod suspected;
mod tags;
mod targets;
mod task;
mod turn;
mod untold;
mod view;
mod wire;

pub use api::{Api, Call, Outcome, Service};
pub use container::{Behaviour, BodyShape};
pub use faults::{Crash, Fault, FaultKind, Met, Origin, Scope, Weather};
pub use noteworthy::Noteworthy;
pub use routes::SUBNET;
pub use session::{SessionBuilder, TaskHandle};
pub use setup::{Absent, Dwell, HealthTimes, Latency, Limits, Rate, RegisteringWhatDrains, Setup};
pub use targets::{GroupSetup, Health};
pub use task::Phase;
pub use view::Truth;

pub(crate) use body::ReplyBody;
pub(crate) use connections::Line;
pub(crate) use objects::Written;
pub(crate) use wire::Incoming;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::Timestamp;

use state::State;

/// The simulated world. A clone is the same world.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("World")
    }
}

impl World {
    /// A world without sessions. Its time starts now; in virtual time, inside a paused runtime.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(setup))) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panics elsewhere must not hide its reason behind a poisoned lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the state as it is now.
    fn now_with<T>(&self, look: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let mut state = self.lock();
        let now = state.clock.now();
        state.settle(now);
        look(&mut state, now)
    }

    /// The setup, as it is now.
    #[must_use]
    pub fn setup(&self) -> Setup {
        self.lock().setup.clone()
    }

    /// Changes latency, limits, windows or names in the middle of a story.
    pub fn adjust(&self, change: impl FnOnce(&mut Setup)) {
        change(&mut self.lock().setup);
    }

    /// The world's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.lock().clock.now()
    }

    /// Our functions' clock, for the SDK's configuration and the code under test. It may be wrong by what the setup
    /// says now; what AWS and the judge write down is the world's own time.
    #[must_use]
    pub fn time_source(&self) -> SharedTimeSource {
        let state = self.lock();
        SharedTimeSource::new(state.clock.ahead_by(state.setup.functions_clock_is_ahead))
    }

    /// A new invocation of a warm caller begins: what it has seen and what was confirmed to it before counts no
    /// longer, since the invariants are judged within one invocation.
    pub fn begins(&self, caller: &str) {
        self.lock().judge.begins(caller);
    }

    /// The HTTP client of one invocation; what is seen by one caller is known to no other.
    #[must_use]
    pub fn caller(&self, name: &str) -> SharedHttpClient {
        let open = Arc::default();
        SharedHttpClient::new(client::Caller { world: self.clone(), name: name.to_owned(), open })
    }

    /// Begins a sentence about a session; it exists once `start` is called.
    pub fn session(&self, session_id: &str) -> SessionBuilder {
        SessionBuilder::new(self, &self.setup(), session_id)
    }
}
