//! One session's plan. There is **one** cleanup function, [`clean_up`], and both Lambda functions
//! call it: the completion function on the owner's word, the reaper for an orphan.
//!
//! ```text
//! identify ──┬── artifacts: POST complete → marker in S3 ────────────────┬── stop task ──┬── receipt
//!            └── target: intent → deregister → was it still ours? ───────┴── verify ─────┘
//! ```
//!
//! Nothing waits for what it does not need. A failure of one branch never cancels the other.

mod artifacts;
mod deregistration;
mod end;
mod identify;
mod intent;
mod invocation;
mod outcome;
mod plan;
mod receipt;
mod request;
mod running;
mod setting;
mod settle;
mod sightings;
mod steps;
mod stop;
mod subject;
mod taking;
mod target;
mod zombie;

pub use artifacts::Artifacts;
pub use intent::{Ground, Intent, IntentEntry, TakenFrom};
pub use invocation::Invocation;
pub use outcome::Outcome;
pub use plan::clean_up;
pub use receipt::Report;
pub use request::{Cause, OrphanCause, Request, Review, SalvageWindow};
pub use running::Running;
pub use setting::Setting;
pub use settle::SettledIntents;
pub(crate) use settle::{LeftBehind, Owners};
pub(crate) use sightings::Sightings;
pub use steps::{Step, Steps};
pub use stop::TaskFate;
pub use target::TargetFate;
pub(crate) use zombie::take_zombies_away;
pub use zombie::{Zombie, ZombieFate};
