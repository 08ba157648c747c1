//! The production functions played over the simulated world, in histories that are data.
//!
//! - [`functions`]: one function over a world, with its configuration, clients and metrics.
//! - [`history`]: what a history is: a stack, sessions, and what happens to them, as a list.
//! - [`generate`]: a history from a seed.
//! - [`queue`] and [`triggers`]: what is in front of the functions.
//! - [`play`]: plays one, with queues, a schedule and sandboxes as Lambda has them.
//! - [`verdict`]: whether all promises were kept, by the world's own truth.
//! - [`exhaustive`]: small histories, with every kind of fault at every call.
//! - [`shrink`]: the shortest history that still breaks a promise.
//! - [`search`]: many of them, on all cores.
//! - [`floor`]: what as many calls cost without the functions.
//! - [`drain`]: very many sessions that end at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    reason = "test apparatus: a broken stage must stop the test"
)]

pub mod drain;
pub mod exhaustive;
pub mod floor;
pub mod functions;
pub mod generate;
pub mod history;
pub mod play;
pub mod queue;
pub mod search;
pub mod shrink;
pub mod triggers;
pub mod verdict;
