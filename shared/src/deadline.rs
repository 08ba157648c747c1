//! Bounded time: the moment by which something must have ended, and running things until then.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// The moment by which something must have ended: an invocation, or one step of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

/// A step did not end within its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("gave up after {} ms", .after.as_millis())]
pub struct TimedOut {
    /// How long the step had.
    pub after: Duration,
}

impl Deadline {
    /// At `end`.
    #[must_use]
    pub fn at(end: Instant) -> Self {
        Self(end)
    }

    /// So long from now.
    #[must_use]
    pub fn after(limit: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(limit).unwrap_or(now))
    }

    /// This much earlier: it leaves time for what comes after.
    #[must_use]
    pub fn earlier(self, by: Duration) -> Self {
        Self(self.0.checked_sub(by).unwrap_or(self.0))
    }

    /// The same, and not later than `limit` from now.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        Self(Instant::now().checked_add(limit).map_or(self.0, |end| end.min(self.0)))
    }

    /// What is left.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether a pause of this length would still end before it.
    #[must_use]
    pub fn leaves_time_for(self, pause: Duration) -> bool {
        pause < self.left()
    }

    /// Runs `step` until then.
    ///
    /// # Errors
    /// [`TimedOut`] when it did not end by then; the step is dropped.
    pub async fn run<T>(self, step: impl Future<Output = T>) -> Result<T, TimedOut> {
        let after = self.left();
        tokio::time::timeout_at(self.0, step).await.map_err(|_| TimedOut { after })
    }

    /// Runs a call until then.
    ///
    /// # Errors
    /// One sentence that says what kept it from its answer.
    pub async fn answer<T, E: Display>(
        self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, String> {
        match self.run(call).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(timed_out) => Err(timed_out.to_string()),
        }
    }
}
