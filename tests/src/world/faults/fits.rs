//! Which kinds of fault a call can meet.

use super::kind::FaultKind;
use crate::world::api::{Api, Service};
use crate::world::wire::Request;

impl FaultKind {
    /// Whether a call like this can meet it: each service has ways of its own to fail.
    pub(crate) fn fits(self, request: &Request) -> bool {
        match self {
            Self::Throttled
            | Self::Denied
            | Self::ServerError
            | Self::Refused
            | Self::Reset
            | Self::Hangs
            | Self::AnswerLost
            | Self::AnswerHangs
            | Self::Slow => true,
            Self::Truncated => answers_with_a_body(request.api),
            Self::Stale => is_eventually_consistent(request.api),
            Self::ExpiredPage => request.asks_for_a_later_page(),
            Self::Conflict => request.writes_on_a_condition(),
            Self::Unready | Self::Garbage => request.service == Service::Container,
        }
    }
}

fn answers_with_a_body(api: Api) -> bool {
    match api {
        Api::PutObject | Api::HeadObject | Api::DeleteObject => false,
        Api::ListClusters
        | Api::ListTasks
        | Api::DescribeTasks
        | Api::RunTask
        | Api::StopTask
        | Api::TagResource
        | Api::UntagResource
        | Api::DescribeTargetGroups
        | Api::DescribeTargetHealth
        | Api::RegisterTargets
        | Api::DeregisterTargets
        | Api::GetObject
        | Api::ListObjects
        | Api::ContainerComplete
        | Api::ContainerHealth
        | Api::Unknown => true,
    }
}

/// S3 is not: what it has acknowledged is what it shows. Simplified: clusters and target groups are not, either.
fn is_eventually_consistent(api: Api) -> bool {
    match api {
        Api::ListTasks | Api::DescribeTasks | Api::DescribeTargetHealth => true,
        Api::ListClusters
        | Api::RunTask
        | Api::StopTask
        | Api::TagResource
        | Api::UntagResource
        | Api::DescribeTargetGroups
        | Api::RegisterTargets
        | Api::DeregisterTargets
        | Api::PutObject
        | Api::GetObject
        | Api::HeadObject
        | Api::DeleteObject
        | Api::ListObjects
        | Api::ContainerComplete
        | Api::ContainerHealth
        | Api::Unknown => false,
    }
}
