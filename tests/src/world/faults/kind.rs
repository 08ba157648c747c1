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
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Throttled,
        Self::Denied,
        Self::ServerError,
        Self::Refused,
        Self::Reset,
        Self::Hangs,
        Self::AnswerLost,
        Self::AnswerHangs,
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
