//! The rim: one small async function for each call that we make, returning our types and our errors.
//! No SDK type leaves this module.

mod artifacts;
mod clients;
mod container;
mod ecs;
mod elb;
mod error;
mod gather;
mod ledger;
mod listing;
mod meter;
mod pace;
pub(crate) mod retry;

pub use artifacts::ArtifactStore;
pub use clients::{Aws, HttpSeam};
pub use container::{CompletionAnswer, SessionContainers, Witness};
pub use ecs::{Sighting, Tasks};
pub use elb::{TargetGroups, TargetHealth, TargetState, Unhealthy};
pub(crate) use error::answered_within;
pub use error::{CallError, Failure};
pub use gather::{Asked, Gather};
pub use ledger::{Ledger, Stored};
pub use meter::{ApiUse, Meter};
pub use pace::Pace;
