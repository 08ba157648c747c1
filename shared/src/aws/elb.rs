use super::error::{CallError, Failure};
use crate::session::{TargetAddress, TargetGroupArn};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::config::Builder;
use aws_sdk_elasticloadbalancingv2::config::retry::RetryConfig;
use aws_sdk_elasticloadbalancingv2::operation::deregister_targets::DeregisterTargetsError;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::DescribeTargetHealthOutput;
use aws_sdk_elasticloadbalancingv2::types::builders::TargetDescriptionBuilder;
use aws_sdk_elasticloadbalancingv2::types::{
    self, TargetDescription, TargetHealthReasonEnum, TargetHealthStateEnum,
};
use futures_util::FutureExt;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Elastic Load Balancing v2: the targets of target groups.
#[derive(Debug, Clone)]
pub struct TargetGroups {
    pub(super) client: Client,
}

/// What a target group says of one of its targets (ELBv2 API reference, `TargetHealth`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetHealth {
    /// It passes its health checks.
    Healthy,
    /// It is being registered, or checked for the first time.
    Initial,
    /// It fails its health checks.
    Unhealthy(Unhealthy),
    /// It is on its way out.
    Draining,
    /// No traffic can reach it.
    Unused,
    /// Health checks are disabled.
    Unavailable,
    /// A state that this version does not know.
    Unrecognised,
}

/// Why a target is unhealthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unhealthy {
    /// `Target.Timeout`: the check timed out.
    Timeout,
    /// `Target.FailedHealthChecks`: the connection failed, or the answer was malformed.
    FailedHealthChecks,
    /// `Target.ResponseCodeMismatch`: something answered, with another code.
    ResponseCodeMismatch,
    /// Another reason, such as the load balancer's own.
    Other,
}

impl TargetHealth {
    /// Whether the load balancer has had no answer from it: one of three sources that nobody is
    /// there.
    #[must_use]
    pub fn is_unanswered(self) -> bool {
        match self {
            Self::Unhealthy(Unhealthy::Timeout | Unhealthy::FailedHealthChecks) => true,
            Self::Unhealthy(Unhealthy::ResponseCodeMismatch | Unhealthy::Other)
            | Self::Healthy
            | Self::Initial
            | Self::Draining
            | Self::Unused
            | Self::Unavailable
            | Self::Unrecognised => false,
        }
    }

    fn read(health: Option<&types::TargetHealth>) -> Self {
        match health.and_then(types::TargetHealth::state) {
            Some(TargetHealthStateEnum::Healthy) => Self::Healthy,
            Some(TargetHealthStateEnum::Initial) => Self::Initial,
            Some(TargetHealthStateEnum::Unhealthy) => {
                Self::Unhealthy(match health.and_then(types::TargetHealth::reason) {
                    Some(TargetHealthReasonEnum::Timeout) => Unhealthy::Timeout,
                    Some(TargetHealthReasonEnum::FailedHealthChecks) => {
                        Unhealthy::FailedHealthChecks
                    }
                    Some(TargetHealthReasonEnum::ResponseCodeMismatch) => {
                        Unhealthy::ResponseCodeMismatch
                    }
                    // The SDK's enum is open.
                    _ => Unhealthy::Other,
                })
            }
            Some(TargetHealthStateEnum::Draining) => Self::Draining,
            Some(TargetHealthStateEnum::Unused) => Self::Unused,
            Some(TargetHealthStateEnum::Unavailable) => Self::Unavailable,
            _ => Self::Unrecognised,
        }
    }
}

/// What a target group says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// It gets, or may get, traffic.
    Registered,
    /// The same, and it has been registered so lately that it is not checked yet.
    Initial,
    /// It is on its way out: no new requests.
    Draining,
    /// It is not in the group.
    NotRegistered,
}

impl TargetState {
    /// Whether it gets, or may get, traffic.
    #[must_use]
    pub fn is_registered(self) -> bool {
        match self {
            Self::Registered | Self::Initial => true,
            Self::Draining | Self::NotRegistered => false,
        }
    }
}

impl TargetGroups {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// One attempt of `DeregisterTargets`. An address that is not registered is success.
    ///
    /// It is one attempt because an address may become someone else's between two of them: the
    /// caller looks before it repeats.
    ///
    /// # Errors
    /// [`CallError`]; with [`Failure::Unknown`] the targets may be gone all the same.
    pub async fn deregister(
        &self,
        group: &TargetGroupArn,
        targets: &[TargetAddress],
    ) -> Result<(), CallError> {
        let answer = self
            .client
            .deregister_targets()
            .target_group_arn(group.as_str())
            .set_targets(Some(describe(targets)))
            .customize()
            .config_override(Builder::new().retry_config(RetryConfig::disabled()))
            .send()
            .boxed()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // ELBv2 answers success for what is not registered; emulators call it invalid.
            Err(error)
                if targets.len() == 1
                    && error
                        .as_service_error()
                        .is_some_and(DeregisterTargetsError::is_invalid_target_exception) =>
            {
                Ok(())
            }
            Err(error) => {
                Err(CallError::from_sdk("DeregisterTargets", resource(group, targets), &error))
            }
        }
    }

    /// `RegisterTargets` of one address. Registering what is registered changes nothing.
    ///
    /// An address outside the group's VPC (peering, another VPC's tasks) is refused unless it is
    /// registered with the Availability Zone `all` (ELBv2 API reference, `TargetDescription`): so one
    /// that is refused is tried once more with it.
    ///
    /// # Errors
    /// [`CallError`] when it may not be registered.
    pub async fn register(
        &self,
        group: &TargetGroupArn,
        target: TargetAddress,
    ) -> Result<(), CallError> {
        let description = description(target);
        match self.register_as(group, target, description.clone().build()).await {
            Err(error) if error.failure == Failure::Refused => {
                let everywhere = description.availability_zone("all").build();
                let second = self.register_as(group, target, everywhere).await;
                // What it said first is what is wrong with an address of the VPC.
                second.map_err(|second| match second.failure {
                    Failure::Refused => error,
                    Failure::Throttled
                    | Failure::Denied
                    | Failure::NotFound
                    | Failure::Conflict
                    | Failure::Unreadable
                    | Failure::NotSent
                    | Failure::Unknown => second,
                })
            }
            answer => answer,
        }
    }

    async fn register_as(
        &self,
        group: &TargetGroupArn,
        target: TargetAddress,
        description: TargetDescription,
    ) -> Result<(), CallError> {
        self.client
            .register_targets()
            .target_group_arn(group.as_str())
            .targets(description)
            .send()
            .boxed()
            .await
            .map(drop)
            .map_err(|e| CallError::from_sdk("RegisterTargets", resource(group, &[target]), &e))
    }

    /// `DescribeTargetHealth` of `targets` only. An address that the answer leaves out is not
    /// registered.
    ///
    /// # Errors
    /// [`CallError`] when nothing is known of any of them.
    pub async fn states(
        &self,
        group: &TargetGroupArn,
        targets: &[TargetAddress],
    ) -> Result<BTreeMap<TargetAddress, TargetState>, CallError> {
        let mut states: BTreeMap<_, _> =
            targets.iter().map(|target| (*target, TargetState::NotRegistered)).collect();
        let answer = self.describe_health(group, Some(targets)).await?;
        for (address, state) in answer.target_health_descriptions().iter().filter_map(state) {
            if let Some(known) = states.get_mut(&address) {
                *known = state;
            }
        }
        Ok(states)
    }

    /// `DescribeTargetHealth` of the whole group: each address in it, at whatever port. What is no
    /// IPv4 address with a port is none of a task's, and left out.
    ///
    /// # Errors
    /// [`CallError`] when nothing is known of any of them.
    pub async fn all_states(
        &self,
        group: &TargetGroupArn,
    ) -> Result<BTreeMap<TargetAddress, TargetState>, CallError> {
        let answer = self.describe_health(group, None).await?;
        Ok(answer.target_health_descriptions().iter().filter_map(state).collect())
    }

    /// `DescribeTargetHealth` of the whole group, which AWS answers in one page; draining targets are
    /// in it, too.
    ///
    /// # Errors
    /// [`CallError`] when nothing is known, or a target is no IPv4 address with a port (the group is
    /// not of target type `ip`).
    pub async fn list(
        &self,
        group: &TargetGroupArn,
    ) -> Result<BTreeMap<TargetAddress, TargetHealth>, CallError> {
        self.healths(group, None).await
    }

    /// The health of `targets` only. One that is not registered is left out or `unused`.
    ///
    /// # Errors
    /// [`CallError`] when nothing is known of any of them.
    pub async fn health(
        &self,
        group: &TargetGroupArn,
        targets: &[TargetAddress],
    ) -> Result<BTreeMap<TargetAddress, TargetHealth>, CallError> {
        self.healths(group, Some(targets)).await
    }

    async fn healths(
        &self,
        group: &TargetGroupArn,
        targets: Option<&[TargetAddress]>,
    ) -> Result<BTreeMap<TargetAddress, TargetHealth>, CallError> {
        let answer = self.describe_health(group, targets).await?;
        let read = |described: &types::TargetHealthDescription| {
            let address = address(described).ok_or_else(|| {
                let id = described.target().and_then(TargetDescription::id).unwrap_or_default();
                let problem = format!("the target {id:?} is no IPv4 address with a port");
                CallError::unusable("DescribeTargetHealth", group.as_str(), problem)
            })?;
            Ok((address, TargetHealth::read(described.target_health())))
        };
        answer.target_health_descriptions().iter().map(read).collect()
    }

    async fn describe_health(
        &self,
        group: &TargetGroupArn,
        targets: Option<&[TargetAddress]>,
    ) -> Result<DescribeTargetHealthOutput, CallError> {
        self.client
            .describe_target_health()
            .target_group_arn(group.as_str())
            .set_targets(targets.map(describe))
            .send()
            .boxed()
            .await
            .map_err(|e| {
                let of = resource(group, targets.unwrap_or_default());
                CallError::from_sdk("DescribeTargetHealth", of, &e)
            })
    }
}

fn address(described: &types::TargetHealthDescription) -> Option<TargetAddress> {
    let target = described.target()?;
    let ip = target.id()?.parse().ok()?;
    let port = u16::try_from(target.port()?).ok()?;
    Some(TargetAddress { ip, port })
}

fn state(described: &types::TargetHealthDescription) -> Option<(TargetAddress, TargetState)> {
    let health = described.target_health();
    let state = match health.and_then(types::TargetHealth::state) {
        Some(TargetHealthStateEnum::Draining) => TargetState::Draining,
        Some(TargetHealthStateEnum::Initial) => TargetState::Initial,
        Some(TargetHealthStateEnum::Unused)
            if health.and_then(types::TargetHealth::reason)
                == Some(&TargetHealthReasonEnum::NotRegistered) =>
        {
            TargetState::NotRegistered
        }
        _ => TargetState::Registered,
    };
    Some((address(described)?, state))
}

/// Each once: two events of one task may ask for the same.
fn describe(targets: &[TargetAddress]) -> Vec<TargetDescription> {
    let each: BTreeSet<TargetAddress> = targets.iter().copied().collect();
    each.into_iter().map(|target| description(target).build()).collect()
}

fn description(target: TargetAddress) -> TargetDescriptionBuilder {
    TargetDescription::builder().id(target.ip.to_string()).port(i32::from(target.port))
}

pub(super) fn resource(group: &TargetGroupArn, targets: &[TargetAddress]) -> String {
    match targets {
        [] => group.to_string(),
        [one] => format!("{one} in {group}"),
        many => format!("{} targets in {group}", many.len()),
    }
}

impl CallError {
    /// Whether the call may have taken effect although it failed.
    #[must_use]
    pub fn may_have_been_done(&self) -> bool {
        match self.failure {
            Failure::Unknown | Failure::Unreadable => true,
            Failure::Throttled
            | Failure::Refused
            | Failure::Denied
            | Failure::NotFound
            | Failure::Conflict
            | Failure::NotSent => false,
        }
    }

    /// Whether a call for several was refused as a whole, so that each may fare better alone.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.failure == Failure::Refused || self.failure == Failure::NotFound
    }
}

#[cfg(test)]
mod tests;
