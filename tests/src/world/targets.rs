//! Target groups, and the health that a load balancer would report.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::state::State;

pub(crate) type Address = (Ipv4Addr, u16);

#[derive(Debug)]
pub(crate) struct TargetGroup {
    pub(crate) name: String,
    pub(crate) targets: BTreeMap<Address, Target>,
}

#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) registered_at: Timestamp,
    pub(crate) deregistered_at: Option<Timestamp>,
    /// What a test wants to be reported instead of the truth.
    pub(crate) forced: Option<Health>,
}

/// A target's state and reason, as ELBv2 writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `healthy`, `unhealthy`, `initial`, `draining`, `unused`, `unavailable`.
    pub state: String,
    /// Such as `Target.Timeout`; a healthy target has none.
    pub reason: Option<String>,
}

impl Health {
    /// A state with its reason; an empty reason is none.
    #[must_use]
    pub fn new(state: &str, reason: &str) -> Self {
        Self {
            state: state.to_owned(),
            reason: Some(reason.to_owned()).filter(|text| !text.is_empty()),
        }
    }
}

impl TargetGroup {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), targets: BTreeMap::new() }
    }
}

impl Target {
    pub(crate) fn registered(at: Timestamp) -> Self {
        Self { registered_at: at, deregistered_at: None, forced: None }
    }
}

impl State {
    /// Drops targets that have drained.
    pub(crate) fn drain(&mut self, group: &str, now: Timestamp) {
        let delay = self.setup.health.draining;
        if let Some(group) = self.groups.get_mut(group) {
            group
                .targets
                .retain(|_, target| target.deregistered_at.is_none_or(|at| now < at + delay));
        }
    }

    /// What the load balancer says of an address in a group that it knows.
    pub(crate) fn health(&self, group: &str, address: Address, now: Timestamp) -> Health {
        let times = &self.setup.health;
        let target = self.groups.get(group).and_then(|group| group.targets.get(&address));
        let Some(target) = target else { return Health::new("unused", "Target.NotRegistered") };
        match target.deregistered_at {
            Some(at) if now >= at + times.draining => {
                return Health::new("unused", "Target.NotRegistered");
            }
            Some(_) => return Health::new("draining", "Target.DeregistrationInProgress"),
            None => {}
        }
        if let Some(forced) = &target.forced {
            return forced.clone();
        }
        let verdict_at = target.registered_at + times.registration;
        if now < target.registered_at + times.registration / 2 {
            return Health::new("initial", "Elb.RegistrationInProgress");
        }
        if now < verdict_at {
            return Health::new("initial", "Elb.InitialHealthChecking");
        }
        self.checked(address, now)
    }

    /// Simplified: one check decides, its path and success codes are those of the session
    /// container, and a busy container passes it.
    fn checked(&self, (ip, port): Address, now: Timestamp) -> Health {
        let unhealthy = |reason| Health::new("unhealthy", reason);
        let last =
            self.tenants.get(&ip).and_then(|tenants| tenants.last()).and_then(|key| self.task(key));
        let Some(task) = last.filter(|task| task.started(now)) else {
            return unhealthy("Target.Timeout");
        };
        let container = &task.container;
        let ended = task.stop.as_ref().map(|stop| stop.process_ends).filter(|at| *at <= now);
        let since = ended.into_iter().chain(container.completed_at).min();
        let lags = since.is_some_and(|at| now < at + self.setup.health.unhealthy_after);
        let alive = ended.is_none();
        if !task.holds_address(now) && !lags {
            unhealthy("Target.Timeout")
        } else if port != self.setup.port || container.behaviour.refuses || (!alive && !lags) {
            unhealthy("Target.FailedHealthChecks")
        } else if container.behaviour.silent || container.behaviour.deaf {
            unhealthy("Target.Timeout")
        } else if container.behaviour.unready.is_some()
            || (container.completed_at.is_some() && !lags)
        {
            unhealthy("Target.ResponseCodeMismatch")
        } else {
            Health::new("healthy", "")
        }
    }
}
