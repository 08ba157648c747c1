use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whether a sweep acts, when something is an orphan or a zombie, and how much is done at once.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Whether a scheduled sweep acts.
    pub mode: SweepMode,
    /// Whether tasks wait, without a session, until one claims them.
    pub warm_pool: bool,
    /// The time between two scheduled sweeps.
    pub interval: Duration,
    /// A session without a lease may get this old.
    pub max_session_age: Duration,
    /// No session gets older, whatever its lease says.
    pub hard_age: Duration,
    /// How long after its end a lease may still be renewed.
    pub lease_grace: Duration,
    /// How long a session may take until its target is healthy.
    pub start_up_grace: Duration,
    /// How long artifacts are waited for before they are given up.
    pub salvage_window: Duration,
    /// The most that one sweep stops or deregisters.
    pub blast_radius: BlastRadius,
    /// The share of AWS's request rates that a sweep uses.
    pub rate_share: Percent,
    /// The longest that an invocation of either function may take: an intent that is older was left
    /// behind.
    pub longest_invocation: Duration,
}

/// Whether a sweep acts on what it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepMode {
    /// It says what it would do.
    Report,
    /// It does it.
    Enforce,
}

/// The most that one sweep does to a fleet: so many, or so large a part of it, whichever is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlastRadius {
    /// So many in any case.
    pub at_least: usize,
    /// So large a part.
    pub part: Percent,
}

impl BlastRadius {
    /// The most for a fleet of `size`.
    #[must_use]
    pub fn of(self, size: usize) -> usize {
        self.at_least.max(self.part.of(size))
    }
}

/// From 1 to 100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(u8);

impl Percent {
    /// All of it.
    pub const WHOLE: Self = Self(100);
    /// A tenth.
    pub const TENTH: Self = Self(10);

    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let percent = text.parse().ok().filter(|percent| (1..=100).contains(percent));
        percent.map(Self).ok_or("a whole number from 1 to 100 is needed")
    }

    fn of(self, size: usize) -> usize {
        size.saturating_mul(self.0.into()) / 100
    }

    /// As a factor, from 0.01 to 1.
    #[must_use]
    pub fn factor(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}
