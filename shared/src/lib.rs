//! Cleans up after platforms that start one Fargate task per session, put its address behind a load
//! balancer and throw it away at the end.
//!
//! Three promises, in this order: **no live session is ever harmed, no artifact is ever lost,
//! nothing is left behind.**
//!
//! Two flows lead to the one cleanup function, [`cleanup::clean_up`]. Both begin in [`event`], where
//! whatever a function is invoked with is parsed once.
//!
//! [`completion`] acts on the word of a session's owner or of ECS: each event becomes a
//! [`cleanup::Request`], and all of an invocation run side by side.
//!
//! ```text
//! identify ──┬── artifacts: POST complete → marker in S3 ────────────────┬── stop task ──┬── receipt
//!            └── target: intent → deregister → was it still ours? ───────┴── verify ─────┘
//! ```
//!
//! [`reaper`] acts on our own inference: each invocation is one [`sweep`], for tasks that no one will
//! end and targets that nobody stands behind.
//!
//! ```text
//! observe: targets, then tasks → recover intents → decide ──┬── orphans: clean_up ───────┬── report
//!                                                           └── zombies, group by group ──┘
//! ```
//!
//! [`inspector`] answers people who ask why: it looks, decides by the same tables, and changes nothing.
//!
//! To read it, go down the list below: each module knows only those after it, and a test holds them to
//! that. Decisions are pure functions: `may_stop` in `cleanup/stop.rs`, `outcome` in
//! `cleanup/outcome.rs`, and the two tables in `sweep/decide/`. Every request, to AWS and to a session's
//! container, goes through one HTTP client, which is all that tests replace.

pub mod completion;
pub mod inspector;
pub mod reaper;

pub mod doctor;

pub mod sweep;

pub mod spawned_cleanup;

pub mod cleanup;

pub mod removal;

pub mod context;
pub mod task_snapshots;

pub mod metrics;

pub mod container;

pub mod aws;

pub mod event;

pub mod config;

pub mod session;

pub mod clock;
pub mod deadline;
pub mod page;
pub mod telemetry;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

/// Runs a function until it ends.
///
/// # Errors
/// Its own, or the system's where it gives us no event loop.
pub fn run_function<E: From<std::io::Error>>(
    function: impl Future<Output = Result<(), E>>,
) -> Result<(), E> {
    let ended = telemetry::event_loop()?.block_on(function);
    telemetry::StandardOutput::write_out();
    ended
}

/// What a function does once, when it starts: logs, configuration, clients.
///
/// # Errors
/// [`config::ConfigError`] names the environment variable that keeps it from starting.
pub async fn start_up(
    pace: impl FnOnce(&config::Config) -> aws::Pace,
) -> Result<Arc<context::Context>, config::ConfigError> {
    let config = config::Config::from_environment()?;
    telemetry::start(config.log_level);
    let pace = pace(&config);
    Ok(Arc::new(context::Context::connect(config, pace).await?))
}
