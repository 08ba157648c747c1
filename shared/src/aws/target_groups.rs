//! What a target group is made for.

use super::elb::{TargetGroups, resource};
use super::error::CallError;
use crate::session::TargetGroupArn;
use aws_sdk_elasticloadbalancingv2::types::TargetGroup;
use futures_util::FutureExt;

/// How a target group is set up (ELBv2 API reference, `TargetGroup`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFacts {
    /// `ip`, `instance`, `lambda` or `alb`.
    pub target_type: String,
    /// The port of targets that are registered without one.
    pub port: Option<i32>,
    /// Whether targets are checked at all.
    pub is_checked: bool,
    /// Where they are checked; a check over TCP has none.
    pub health_path: Option<String>,
    /// At which port they are checked: a number, or `traffic-port`.
    pub health_port: Option<String>,
    /// Whether any load balancer routes to it.
    pub is_routed_to: bool,
}

impl TargetGroups {
    /// `DescribeTargetGroups` of one.
    ///
    /// # Errors
    /// [`CallError`] when nothing is known of it.
    pub async fn facts(&self, group: &TargetGroupArn) -> Result<GroupFacts, CallError> {
        const CALL: &str = "DescribeTargetGroups";
        let asking = self.client.describe_target_groups().target_group_arns(group.as_str()).send();
        let answer = asking
            .boxed()
            .await
            .map_err(|e| CallError::from_sdk(CALL, resource(group, &[]), &e))?;
        let described = answer.target_groups().first();
        described
            .map(read)
            .ok_or_else(|| CallError::unusable(CALL, group.as_str(), "the answer leaves it out"))
    }
}

fn read(group: &TargetGroup) -> GroupFacts {
    let target_type = group.target_type().map(|kind| kind.as_str().to_owned());
    GroupFacts {
        target_type: target_type.unwrap_or_default(),
        port: group.port(),
        is_checked: group.health_check_enabled().unwrap_or(true),
        health_path: group.health_check_path().map(str::to_owned),
        health_port: group.health_check_port().map(str::to_owned),
        is_routed_to: !group.load_balancer_arns().is_empty(),
    }
}
