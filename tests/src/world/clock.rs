//! The world's one clock: tokio's time, counted from an epoch. Virtual where tokio's is paused. Our functions may be
//! given one that is wrong.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use jiff::{SignedDuration, Timestamp};
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

    /// One that is so much ahead.
    pub(crate) fn ahead_by(self, by: SignedDuration) -> Self {
        Self { epoch: self.epoch + by, ..self }
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
