//! How an invocation is bounded: one moment by which it must have answered, and from it a time
//! limit for each step, so that the receipt is still written before that moment.

use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// The moment by which an invocation must have answered: Lambda's deadline minus a margin.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

/// A step did not end within its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("gave up after {} ms", .after.as_millis())]
pub struct TimedOut {
    /// How long the step had.
    pub after: Duration,
}

impl Deadline {
    /// `end` minus `margin`.
    #[must_use]
    pub fn new(end: Instant, margin: Duration) -> Self {
        Self(end.checked_sub(margin).unwrap_or(end))
    }

    /// A deadline this much earlier: it leaves time for what comes after.
    #[must_use]
    pub fn earlier(&self, by: Duration) -> Self {
        Self::new(self.0, by)
    }

    /// The limit of a step that may take `limit` and must leave `reserve` for what follows it.
    #[must_use]
    pub fn limit(&self, limit: Duration, reserve: Duration) -> Duration {
        limit.min(self.left().saturating_sub(reserve))
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Runs `step` for at most `limit`.
///
/// # Errors
/// [`TimedOut`] when it did not end by then; the step is dropped.
pub async fn within<T>(limit: Duration, step: impl Future<Output = T>) -> Result<T, TimedOut> {
    tokio::time::timeout(limit, step).await.map_err(|_| TimedOut { after: limit })
}
