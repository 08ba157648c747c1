//! Wall-clock time.

use aws_smithy_async::time::SharedTimeSource;
use jiff::{SignedDuration, Timestamp};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The one source of wall-clock time, shared with the AWS clients. Durations and deadlines are
/// measured on tokio's clock instead, which never jumps.
#[derive(Debug, Clone, Default)]
pub struct Clock(SharedTimeSource);

impl Clock {
    /// A clock that reads `source`.
    #[must_use]
    pub fn new(source: SharedTimeSource) -> Self {
        Self(source)
    }

    /// The source, for the AWS clients.
    #[must_use]
    pub fn source(&self) -> SharedTimeSource {
        self.0.clone()
    }

    /// Now. A clock outside of what [`Timestamp`] can hold (the year 9999) reads as its limit.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::try_from(self.0.now()).unwrap_or(Timestamp::MAX)
    }

    /// The moment on tokio's clock at which the wall clock will read `at`.
    #[must_use]
    pub fn instant_of(&self, at: SystemTime) -> Instant {
        let left = at.duration_since(self.0.now()).unwrap_or(Duration::ZERO);
        Instant::now() + left
    }
}

/// In whole milliseconds, as logs, receipts and reports have it.
#[must_use]
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether more than `limit` has passed from `since` to `now`.
#[must_use]
pub fn is_longer_ago(since: Timestamp, limit: Duration, now: Timestamp) -> bool {
    let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    now.duration_since(since) > limit
}
