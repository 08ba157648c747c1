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
//! observe: targets, then tasks → settle intents → decide ──┬── orphans: clean_up ───────┬── report
//!                                                          └── zombies, group by group ──┘
//! ```
//!
//! To read it, start with [`cleanup`], then [`sweep`]; what they know is in [`session`] and
//! [`config`], what they call in [`aws`]. Decisions are pure functions: `may_stop` in
//! `cleanup/stop.rs`, `outcome` in `cleanup/outcome.rs`, and the two tables in `sweep/decide/`. Every
//! effect goes through [`aws`], and every request through one HTTP client, which is all that tests
//! replace.

pub mod aws;
pub mod cleanup;
pub mod clock;
pub mod completion;
pub mod config;
pub mod deadline;
pub mod event;
pub mod metrics;
pub mod reaper;
pub mod session;
pub mod sweep;
pub mod telemetry;

use std::sync::Arc;

/// What a function does once, when it starts: logs, configuration, clients.
///
/// # Errors
/// [`config::ConfigError`] names the environment variable that keeps it from starting.
pub async fn start_up(
    pace: impl FnOnce(&config::Config) -> aws::Pace,
) -> Result<Arc<cleanup::Setting>, config::ConfigError> {
    let config = config::Config::from_environment()?;
    telemetry::start(config.log_level);
    let clock = clock::Clock::default();
    let aws = aws::Aws::connect(&config, &clock, pace(&config)).await?;
    let metrics = metrics::Metrics::to_stdout(&clock);
    Ok(Arc::new(cleanup::Setting { config, aws, clock, metrics }))
}
