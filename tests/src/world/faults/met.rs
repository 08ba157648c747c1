//! The record of the faults that calls have met.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::kind::FaultKind;
use super::sentence::Fault;
use crate::world::api::Api;

/// A fault that a call has met. It sets the same one again: `world.faults(met.iter().map(Fault::from))`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Met {
    /// Who sent the call.
    pub caller: String,
    /// Which of its calls, counted from its first.
    pub nth: usize,
    /// What was called.
    pub api: Api,
    /// What befell it.
    pub kind: FaultKind,
    /// Where the fault came from.
    pub origin: Origin,
}

/// Where a fault came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Origin {
    /// A test has set it.
    Set,
    /// An outage.
    Outage,
    /// It was the weather.
    Weather,
}

impl From<&Met> for Fault {
    fn from(met: &Met) -> Self {
        Self::at(&met.caller, met.nth, met.kind)
    }
}

impl fmt::Display for Met {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, nth, api, kind, origin: _ } = self;
        write!(formatter, "call {nth} of {caller}, {api}: {kind}")
    }
}
