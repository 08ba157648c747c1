//! What a history is: a stack, and a list of what happens to it and when. All of it is data: it is generated,
//! kept, shortened and played again.

mod action;
mod container;
mod sentences;
mod session;
mod stack;

pub use action::{Action, EventCopies, Function, Start, Sweep};
pub use container::{Body, Container, Upload};
pub use session::{
    Addressed, Entry, Identity, Lease, OTHER_ACCOUNT, OTHER_CLUSTER, Session, Sidecar, Where,
};
pub use stack::{Artifacts, Draining, Stack};

use serde::{Deserialize, Serialize};
use session_cleanup_tests::world::{Api, FaultKind, Met, Weather};
use std::collections::BTreeMap;
use std::time::Duration;

/// A history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// What it was made from; also the seed of what is random in the world and in the SDK.
    pub seed: u64,
    /// What there is before anything happens.
    pub stack: Stack,
    /// What happens, in the order of its time.
    pub steps: Vec<Step>,
    /// What befalls calls until faults cease.
    pub faults: Faults,
    /// Calls at which the function that makes them dies.
    #[serde(default)]
    pub deaths: Vec<Death>,
    /// From the beginning until faults cease.
    pub lasts: Seconds,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub when: When,
    /// What.
    pub action: Action,
}

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// So long after the beginning.
    At(Seconds),
    /// Right before the world applies the n-th call of an operation.
    Before(Api, usize),
    /// Right after it has applied it, while the answer is under way.
    After(Api, usize),
    /// Around a call about somebody.
    About(About),
}

/// A call about somebody: the n-th of an operation that is about them, and, where tasks are described, about them alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Whom.
    pub whom: Whom,
    /// The operation.
    pub api: Api,
    /// Which of these calls, from 1.
    pub nth: usize,
    /// Once the world has applied it, or right before.
    pub is_applied: bool,
}

/// Whom a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whom {
    /// A session, by its number.
    Session(usize),
    /// A target that nobody has, by its number.
    Zombie(u8),
    /// A configured cluster.
    Cluster(usize),
    /// The one that nobody configured.
    OtherCluster,
    /// The target groups.
    Groups,
    /// What sweeps remember.
    Memory,
    /// The intents.
    Intents,
    /// The receipts.
    Receipts,
    /// Which session each task ran.
    Names,
}

impl Whom {
    /// The parts of the ledger.
    pub const LEDGER: [Self; 4] = [Self::Memory, Self::Intents, Self::Receipts, Self::Names];
}

/// What befalls calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Faults {
    /// At random, each kind with a share of its own.
    Random(BTreeMap<FaultKind, f64>),
    /// Just these.
    Listed(Vec<Met>),
}

impl Faults {
    /// The weather of random ones.
    #[must_use]
    pub fn weather(shares: &BTreeMap<FaultKind, f64>) -> Weather {
        shares.iter().fold(Weather::none(), |weather, (kind, share)| weather.with(*kind, *share))
    }
}

/// A call at which the function that makes it dies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// Whose call it is.
    pub caller: String,
    /// Which of its calls, from 1.
    pub nth: usize,
    /// Whether the world has applied it.
    pub applied: bool,
}

/// A time, in whole seconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seconds(pub u64);

impl Seconds {
    /// So many minutes.
    #[must_use]
    pub const fn minutes(minutes: u64) -> Self {
        Self(minutes * 60)
    }
}

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(seconds.0)
    }
}
