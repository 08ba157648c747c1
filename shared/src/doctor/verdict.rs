//! What an answer of AWS means for a check, where it is no answer to the question.

use super::report::{Check, CheckKind};
use crate::aws::{CallError, Failure};
use crate::deadline::Deadline;
use std::future::Future;
use std::time::Duration;

/// The longest that one question of a doctor may take: the others shall be answered, too.
const LONGEST: Duration = Duration::from_secs(10);

/// Asks AWS something, and not for ever.
pub(super) async fn asked<T>(
    deadline: Deadline,
    action: &'static str,
    of: &str,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    CallError::answered_by(deadline.at_most(LONGEST), action, of, call).await
}

/// A check whose question had an error for an answer. Whoever may not, and what does not exist, is red; anything
/// else says nothing, and is not taken for good.
#[must_use]
pub fn unanswered(name: CheckKind, of: &str, error: &CallError, fix: &str) -> Check {
    match error.failure {
        Failure::Denied | Failure::NotFound | Failure::Refused => {
            Check::red(name, of, format!("{error}."), fix)
        }
        Failure::Throttled
        | Failure::Conflict
        | Failure::Unreadable
        | Failure::NotSent
        | Failure::Unknown => unknown(name, of, &error.to_string()),
    }
}

/// A check that came to nothing.
pub(super) fn unknown(name: CheckKind, of: &str, why: &str) -> Check {
    let fix = "Ask again; where it stays so, look at the function's network (routes, endpoints, security groups).";
    Check::yellow(name, of, format!("It is not known: {why}."), fix)
}
