use super::error::CallError;
use backon::{ExponentialBuilder, Retryable};
use std::future::Future;
use std::time::Duration;

/// Growing pauses with jitter, from `first` to `longest`, without end: the caller's time limit ends
/// them.
///
/// The jitter comes from `fastrand`'s thread generator, which tests can seed.
pub(crate) fn pauses(first: Duration, longest: Duration) -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
}

/// Repeats `attempt` while its failure is a passing one, with jittered pauses. The caller's time
/// limit ends it.
pub(super) async fn passing<T, F>(attempt: impl FnMut() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    attempt
        .retry(pauses(Duration::from_millis(300), Duration::from_secs(5)).with_max_times(6))
        .when(|error: &CallError| error.failure.is_passing())
        .notify(|error, _pause| tracing::warn!(%error, "trying again"))
        .await
}
