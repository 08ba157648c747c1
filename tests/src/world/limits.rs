//! AWS's request throttling: token buckets.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::api::{Api, Service};
use super::setup::{Limits, Rate};

#[derive(Debug, Default)]
pub(crate) struct Throttle {
    buckets: BTreeMap<&'static str, (f64, Timestamp)>,
}

impl Throttle {
    /// Takes a token for a call; false when there is none.
    pub(crate) fn admits(
        &mut self,
        limits: &Limits,
        service: Service,
        api: Api,
        now: Timestamp,
    ) -> bool {
        let (name, rate) = match (service, api) {
            (Service::Ecs, Api::RunTask | Api::StopTask) => ("ecs-stop", limits.ecs_stop),
            (Service::Ecs, Api::TagResource | Api::UntagResource) => ("ecs-tag", limits.ecs_tag),
            (Service::Ecs, _) => ("ecs-read", limits.ecs_read),
            (Service::Elb, _) => ("elb", limits.elb),
            (Service::S3, _) => ("s3", limits.s3),
            (Service::Container, _) => return true,
        };
        let Some(Rate { burst, refill }) = rate else { return true };
        let (tokens, since) = self.buckets.entry(name).or_insert((burst, now));
        *tokens = (*tokens + now.duration_since(*since).as_secs_f64() * refill).min(burst);
        *since = now;
        // A token that is due now must not be missed by a rounding error.
        let admitted = *tokens > 1.0 - 1e-6;
        if admitted {
            *tokens -= 1.0;
        }
        admitted
    }
}
