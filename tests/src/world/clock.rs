//! The world's one clock: tokio's time, counted from an epoch. Virtual where tokio's is paused.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use jiff::Timestamp;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Timestamp,
    start: Instant,
}

impl Clock {
    pub(crate) fn new(epoch: Option<Timestamp>) -> Self {
        Self { epoch: epoch.unwrap_or_else(Timestamp::now), start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.epoch + self.start.elapsed()
    }

    /// The tokio instant of a timestamp; the past is the start.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.start + Duration::try_from(at.duration_since(self.epoch)).unwrap_or_default()
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        let since_1970 = Clock::now(self).duration_since(Timestamp::UNIX_EPOCH);
        SystemTime::UNIX_EPOCH + since_1970.unsigned_abs()
    }
}
