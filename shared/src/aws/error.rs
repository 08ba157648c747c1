use crate::deadline::Deadline;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;
use std::future::Future;

/// A call that did not succeed, in one line: what was attempted, on what, and what came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} of {resource} failed: {answer}")]
pub struct CallError {
    /// The API operation.
    pub action: &'static str,
    /// What it was called for.
    pub resource: String,
    /// What came back, or what kept an answer from coming.
    pub answer: String,
    /// What can be concluded.
    pub failure: Failure,
}

/// What a failed call lets us conclude. An error is never read as "it isn't there": only
/// [`Failure::NotFound`], which AWS says in so many words, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// AWS throttled it: it was not done.
    Throttled,
    /// AWS refused it as wrong: it was not done, and trying it again as it is won't help.
    Refused,
    /// We may not do it, or our credentials have expired: it was not done. That says nothing of what
    /// was asked for.
    Denied,
    /// AWS says that the thing doesn't exist.
    NotFound,
    /// A condition of a conditional write does not hold: something is there already, or has changed.
    Conflict,
    /// AWS answered, and what it says of this one thing can't be read: it is unknown by itself.
    Unreadable,
    /// It never left us, for want of a descriptor, a port or memory: it was not done. That says nothing
    /// of what was asked for.
    NotSent,
    /// No usable answer (5xx, reset, time-out): it may have been done or not.
    Unknown,
}

impl Failure {
    /// Whether the same call may well succeed a moment later.
    #[must_use]
    pub fn is_passing(self) -> bool {
        match self {
            Self::Throttled | Self::Conflict | Self::Unreadable | Self::NotSent | Self::Unknown => {
                true
            }
            Self::Refused | Self::Denied | Self::NotFound => false,
        }
    }
}

impl CallError {
    /// An answer that can't be used.
    pub(crate) fn unusable(
        action: &'static str,
        resource: impl Into<String>,
        answer: impl Into<String>,
    ) -> Self {
        Self { action, resource: resource.into(), answer: answer.into(), failure: Failure::Unknown }
    }

    /// What AWS says of one thing can't be read.
    pub(crate) fn unreadable(
        action: &'static str,
        resource: impl Into<String>,
        answer: impl Into<String>,
    ) -> Self {
        Self { failure: Failure::Unreadable, ..Self::unusable(action, resource, answer) }
    }

    /// Whether only what AWS says of this one thing can't be read.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.failure == Failure::Unreadable
    }

    /// A step that was given up for lack of time, or whose work ended without an answer.
    pub(crate) fn unanswered(
        action: &'static str,
        resource: impl Into<String>,
        answer: impl Into<String>,
    ) -> Self {
        Self::unusable(action, resource, answer)
    }

    /// Runs a call until `deadline`.
    ///
    /// # Errors
    /// The call's own, or that it was not answered in time: it may have been done or not.
    pub(crate) async fn answered_by<T>(
        deadline: Deadline,
        action: &'static str,
        resource: &str,
        call: impl Future<Output = Result<T, Self>>,
    ) -> Result<T, Self> {
        deadline.run(call).await.unwrap_or_else(|timed_out| {
            Err(Self::unanswered(action, resource, timed_out.to_string()))
        })
    }

    pub(super) fn from_sdk<E>(
        action: &'static str,
        resource: impl Into<String>,
        error: &SdkError<E, Response>,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (failure, answer) = match error {
            SdkError::ServiceError(answered) => {
                let status = answered.raw().status().as_u16();
                let code = answered.err().code().unwrap_or("no code");
                let message = answered.err().message().unwrap_or("no message");
                (classify(status, code), format!("{code} (HTTP {status}): {message}"))
            }
            // Construction, time-out, dispatch, unreadable response; the SDK's enum is open.
            _ => (Failure::Unknown, chain(error)),
        };
        Self { action, resource: resource.into(), answer, failure }
    }
}

fn classify(status: u16, code: &str) -> Failure {
    const THROTTLES: [&str; 6] = [
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestLimitExceeded",
        "SlowDown",
        "TooManyRequestsException",
    ];
    const DENIALS: [&str; 6] = [
        "AccessDenied",
        "ExpiredToken",
        "InvalidClientTokenId",
        "InvalidSignature",
        "UnrecognizedClient",
        "UnauthorizedOperation",
    ];
    const ABSENCES: [&str; 2] = ["ClusterNotFoundException", "TargetGroupNotFound"];
    match status {
        _ if ABSENCES.contains(&code) => Failure::NotFound,
        _ if THROTTLES.contains(&code) => Failure::Throttled,
        _ if DENIALS.iter().any(|denial| code.starts_with(denial)) => Failure::Denied,
        401 | 403 => Failure::Denied,
        404 => Failure::NotFound,
        412 => Failure::Conflict,
        // Another write was under way: whether the condition holds is not known.
        409 => Failure::Unknown,
        400..=499 => Failure::Refused,
        _ => Failure::Unknown,
    }
}

/// An error and its causes on one line, each once.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = next.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_explicit_404_reads_as_not_there() {
        assert_eq!(classify(404, "NoSuchKey"), Failure::NotFound);
        for (status, code) in [(403, "AccessDenied"), (500, "InternalError"), (503, "SlowDown")] {
            assert_ne!(classify(status, code), Failure::NotFound);
        }
    }

    #[test]
    fn a_cluster_and_a_target_group_that_are_not_there_are_facts() {
        for code in ["ClusterNotFoundException", "TargetGroupNotFound"] {
            assert_eq!(classify(400, code), Failure::NotFound, "both are HTTP 400");
        }
    }

    #[test]
    fn a_throttle_is_told_from_a_refusal_by_its_code() {
        assert_eq!(classify(400, "ThrottlingException"), Failure::Throttled);
        assert_eq!(classify(400, "InvalidParameterException"), Failure::Refused);
        assert_eq!(classify(400, "AccessDeniedException"), Failure::Denied);
        assert_eq!(classify(412, "PreconditionFailed"), Failure::Conflict);
        assert_eq!(classify(409, "ConditionalRequestConflict"), Failure::Unknown);
    }
}
