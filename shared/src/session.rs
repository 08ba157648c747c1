//! What we know of a session, its task and its target: names that were checked once, where they
//! came in, and a snapshot of a task as ECS described it.

mod address;
mod arn;
mod container_state;
mod ecs_name;
mod family;
mod id;
mod identity;
mod neighbourhood;
mod review;
mod scope;
mod session_container;
mod session_task;
mod size;
mod start;
mod task;

pub use address::TargetAddress;
pub use arn::{ArnError, ClusterName, Home, TargetGroupArn, TaskArn};
pub use container_state::ContainerState;
pub(crate) use ecs_name::is_ecs_name;
pub use family::Families;
pub use id::{SessionId, SessionIdError};
pub use identity::IdentitySource;
pub use neighbourhood::Neighbourhood;
pub use review::Review;
pub use scope::{Scope, family_of_definition};
pub use session_container::session_exited_well;
pub use session_task::{EndedTag, LEASE_TAG, Lease, SessionTask};
pub use size::{TaskSize, Used};
pub use start::{
    SESSION_STARTED_TAG, claimed_at, end_seen, said_start, session_start, writes_from,
};
pub use task::{
    DesiredStatus, LastStatus, PROTECTION_TAG, SESSION_ENDED_TAG, Stage, StopNote, StoppedWith,
    Task,
};

#[cfg(test)]
mod tests;
