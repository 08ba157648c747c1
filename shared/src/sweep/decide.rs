//! What a sweep decides: the two tables of `docs/architecture.md`, as pure functions. No I/O, no
//! clock; an unknown is never read as a no.

mod leases;
mod limit;
mod plan;
mod remember;
mod targets;
mod tasks;

pub use leases::Leases;
pub use limit::Allowance;
pub use plan::{Grounds, Judged, Plan, TargetDecision, TaskDecision, decide, to_be_witnessed};
pub use targets::{Owner, TargetEvidence, TargetRow, TargetVerdict, target_row};
pub use tasks::{Circumstances, Routed, TaskEvidence, TaskRow, TaskVerdict, task_row};

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Whether more than `limit` has passed from `since` to `now`.
fn is_longer_ago(since: Timestamp, limit: Duration, now: Timestamp) -> bool {
    let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    now.duration_since(since) > limit
}
