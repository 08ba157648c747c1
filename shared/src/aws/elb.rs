use super::{CallError, Failure};
use crate::session::{TargetAddress, TargetGroupArn};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::config::Builder;
use aws_sdk_elasticloadbalancingv2::config::retry::RetryConfig;
use aws_sdk_elasticloadbalancingv2::operation::deregister_targets::DeregisterTargetsError;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealthReasonEnum, TargetHealthStateEnum,
};
use futures_util::FutureExt;
use std::collections::{BTreeMap, BTreeSet};

/// Elastic Load Balancing v2: the targets of target groups.
#[derive(Debug, Clone)]
pub struct TargetGroups {
    client: Client,
}

/// What a target group says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// It gets, or may get, traffic.
    Registered,
    /// It is on its way out: no new requests.
    Draining,
    /// It is not in the group.
    NotRegistered,
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

    /// `RegisterTargets`: puts addresses back. Registering what is registered changes nothing.
    ///
    /// # Errors
    /// [`CallError`] when they may not be registered.
    pub async fn register(
        &self,
        group: &TargetGroupArn,
        targets: &[TargetAddress],
    ) -> Result<(), CallError> {
        self.client
            .register_targets()
            .target_group_arn(group.as_str())
            .set_targets(Some(describe(targets)))
            .send()
            .boxed()
            .await
            .map(drop)
            .map_err(|e| CallError::from_sdk("RegisterTargets", resource(group, targets), &e))
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
        let answer = self
            .client
            .describe_target_health()
            .target_group_arn(group.as_str())
            .set_targets(Some(describe(targets)))
            .send()
            .boxed()
            .await
            .map_err(|e| {
                CallError::from_sdk("DescribeTargetHealth", resource(group, targets), &e)
            })?;
        let mut states: BTreeMap<_, _> =
            targets.iter().map(|target| (*target, TargetState::NotRegistered)).collect();
        for described in answer.target_health_descriptions() {
            let address = described.target().and_then(|target| {
                let ip = target.id()?.parse().ok()?;
                let port = u16::try_from(target.port()?).ok()?;
                Some(TargetAddress { ip, port })
            });
            let health = described.target_health();
            let state = match health.and_then(|health| health.state()) {
                Some(TargetHealthStateEnum::Draining) => TargetState::Draining,
                Some(TargetHealthStateEnum::Unused)
                    if health.and_then(|health| health.reason())
                        == Some(&TargetHealthReasonEnum::NotRegistered) =>
                {
                    TargetState::NotRegistered
                }
                _ => TargetState::Registered,
            };
            if let Some(known) = address.and_then(|address| states.get_mut(&address)) {
                *known = state;
            }
        }
        Ok(states)
    }
}

/// Each once: two events of one task may ask for the same.
fn describe(targets: &[TargetAddress]) -> Vec<TargetDescription> {
    let each: BTreeSet<TargetAddress> = targets.iter().copied().collect();
    each.into_iter()
        .map(|target| {
            let (id, port) = (target.ip.to_string(), i32::from(target.port));
            TargetDescription::builder().id(id).port(port).build()
        })
        .collect()
}

fn resource(group: &TargetGroupArn, targets: &[TargetAddress]) -> String {
    match targets {
        [one] => format!("{one} in {group}"),
        many => format!("{} targets in {group}", many.len()),
    }
}

impl CallError {
    /// Whether a call for several was refused as a whole, so that each may fare better alone.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.failure == Failure::Refused || self.failure == Failure::NotFound
    }
}
