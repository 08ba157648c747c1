//! The simulated world, seen through the real AWS SDK clients in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod adversity;
mod answers_403;
mod broken_answers;
mod clients;
mod clocks;
mod containers;
mod ecs;
mod elb;
mod haste;
mod invariants;
mod lags;
mod outages;
mod random_faults;
mod remembered;
mod removals;
mod run_task;
mod s3;
mod second_looks;
mod served;
mod stale_reads;
