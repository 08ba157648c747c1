//! What can befall a call by itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Refused with the service's throttling error.
    Throttled,
    /// Refused for want of a permission (an IAM policy that someone has changed).
    Denied,
    /// Answered with a 500 of the service, not applied.
    ServerError,
    /// The connection is refused.
    Refused,
    /// The connection is reset before the call is applied.
    Reset,
    /// Never applied, never answered.
    Hangs,
    /// Applied; then the connection is reset instead of an answer.
    AnswerLost,
    /// Applied, never answered.
    AnswerHangs,
    /// Applied, and answered late: by half a second to a minute.
    Slow,
    /// Applied; then the connection breaks in the middle of the body of a 2xx. A container's may also just end.
    Truncated,
    /// A read is answered as the world was 1 to 10 seconds before.
    Stale,
    /// A page of a listing is refused, though the one before it was answered.
    ExpiredPage,
    /// A conditional write to S3 meets another one (409) and is not applied.
    Conflict,
    /// A proxy answers 503 in a container's place, and names no session.
    Unready,
    /// Something else answers 200 in a container's place.
    Garbage,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Throttled,
        Self::Denied,
        Self::ServerError,
        Self::Refused,
        Self::Reset,
        Self::Hangs,
        Self::AnswerLost,
        Self::AnswerHangs,
        Self::Slow,
        Self::Truncated,
        Self::Stale,
        Self::ExpiredPage,
        Self::Conflict,
        Self::Unready,
        Self::Garbage,
    ];

    /// Its name in records of histories: one word, which never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::ServerError => "server_error",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Hangs => "hangs",
            Self::AnswerLost => "answer_lost",
            Self::AnswerHangs => "answer_hangs",
            Self::Slow => "slow",
            Self::Truncated => "truncated",
            Self::Stale => "stale",
            Self::ExpiredPage => "expired_page",
            Self::Conflict => "conflict",
            Self::Unready => "unready",
            Self::Garbage => "garbage",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or_else(|| format!("no kind of fault: {text:?}"))
    }
}
