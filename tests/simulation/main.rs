//! The production code, through the real AWS SDK clients, in the simulated world and in virtual
//! time. Each file is one kind of trouble; each test's name is what it shows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::large_futures,
    clippy::type_complexity,
    reason = "a test that can't go on must stop"
)]

mod alarms;
mod authorization;
mod batches;
mod connections;
mod crashes;
mod doctor;
mod drain;
mod endings;
mod families;
mod garbage;
mod inspector;
mod invoke;
mod last_attempts;
mod load_balancer;
mod looks;
mod missing;
mod no_load_balancer;
mod notes;
mod observe;
mod older_ledger;
mod pages;
mod races;
mod receipts;
mod reused;
mod sessions;
mod sidecars;
mod storms;
mod sweep;
mod timing;
mod under_way;
mod unnamed;
mod unreadable;
mod uploads;
