use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts requests to AWS, retries included, and those that AWS throttled.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    calls: Arc<AtomicU64>,
    throttles: Arc<AtomicU64>,
}

/// What a meter counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ApiUse {
    /// Requests sent.
    pub calls: u64,
    /// Requests that were answered by a throttle.
    pub throttles: u64,
}

impl Meter {
    /// What was counted since the process started.
    #[must_use]
    pub fn read(&self) -> ApiUse {
        ApiUse {
            calls: self.calls.load(Ordering::Relaxed),
            throttles: self.throttles.load(Ordering::Relaxed),
        }
    }
}

impl ApiUse {
    /// What was counted after `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            throttles: self.throttles.saturating_sub(earlier.throttles),
        }
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().is_some_and(is_throttle) {
            self.throttles.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Whether `response` is a throttle, in any of the three services' spellings.
fn is_throttle(response: &HttpResponse) -> bool {
    if !matches!(response.status().as_u16(), 400 | 429 | 503) {
        return false;
    }
    let body = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    ["Throttl", "SlowDown", "RequestLimitExceeded", "TooManyRequests"]
        .iter()
        .any(|word| body.contains(word))
}
