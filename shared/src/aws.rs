//! The rim: one small async function for each call that we make, returning our types and our errors.
//! No SDK type leaves this module.

mod artifacts;
mod authorities;
mod clients;
mod ecs;
mod elb;
mod error;
mod gather;
mod ledger;
mod listing;
mod meter;
mod pace;
pub(crate) mod retry;
mod stop_turns;
mod target_groups;
mod tries;

pub use artifacts::{ArtifactStore, ArtifactsSeen, Marker};
pub use clients::{Aws, HttpSeam};
pub use ecs::{TaskSnapshot, Tasks};
pub use elb::{TargetGroups, TargetHealth, TargetState, Unhealthy};
pub(crate) use error::chain;
pub use error::{CallError, Failure};
pub use gather::{Asked, Gather};
#[cfg(test)]
pub(crate) use ledger::parse_of_any_version;
pub use ledger::{Ledger, Stored, parse_document};
pub use meter::{ApiUse, Meter};
pub use pace::Pace;
pub(crate) use stop_turns::Turn;
pub use target_groups::GroupFacts;
pub use tries::Folder;
