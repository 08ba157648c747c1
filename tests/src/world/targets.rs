//! Target groups, and the health that a load balancer would report.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::state::State;

pub(crate) type Address = (Ipv4Addr, u16);

#[derive(Debug)]
pub(crate) struct TargetGroup {
    pub(crate) name: String,
    pub(crate) targets: BTreeMap<Address, Target>,
    pub(crate) made: GroupSetup,
    /// Targets that are no addresses, where it takes them.
    pub(crate) no_addresses: BTreeSet<String>,
    /// Addresses that lie outside its VPC.
    pub(crate) outside: BTreeSet<Ipv4Addr>,
    /// What was there before each change, in the order of time: reads may lag behind.
    before: Vec<(Timestamp, Address, Option<Target>)>,
}

/// How a target group is set up. The defaults fit the sessions of the world.
#[derive(Clone, Debug)]
pub struct GroupSetup {
    /// `ip`, `instance`, `lambda` or `alb`.
    pub target_type: String,
    /// The port of targets that are registered without one; `None`: that of session containers.
    pub port: Option<u16>,
    /// Whether its targets are checked.
    pub is_checked: bool,
    /// Where they are checked; `None`: the health path of session containers.
    pub health_path: Option<String>,
    /// Whether a load balancer routes to it.
    pub is_routed_to: bool,
    /// Whether what is no address may be registered all the same.
    pub takes_any_id: bool,
}

impl Default for GroupSetup {
    fn default() -> Self {
        Self {
            target_type: "ip".to_owned(),
            port: None,
            is_checked: true,
            health_path: None,
            is_routed_to: true,
            takes_any_id: false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) registered_at: Timestamp,
    pub(crate) deregistered_at: Option<Timestamp>,
    /// The Availability Zone that was named when it was registered.
    pub(crate) zone: Option<String>,
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
        Self {
            name: name.to_owned(),
            targets: BTreeMap::new(),
            made: GroupSetup::default(),
            no_addresses: BTreeSet::new(),
            outside: BTreeSet::new(),
            before: Vec::new(),
        }
    }

    /// A target is about to change.
    pub(crate) fn changes(&mut self, address: Address, now: Timestamp) {
        self.before.push((now, address, self.targets.get(&address).cloned()));
    }

    /// Someone registers an address: with its zone, where it lies outside the VPC. One that is registered stays as it is.
    pub(crate) fn register(&mut self, address: Address, at: Timestamp) {
        if self.targets.get(&address).is_some_and(|target| target.deregistered_at.is_none()) {
            return;
        }
        self.changes(address, at);
        let zone = self.outside.contains(&address.0).then(|| "all".to_owned());
        self.targets.insert(address, Target { zone, ..Target::registered(at) });
    }

    /// When a target was deregistered, and since when it had been registered by then.
    pub(crate) fn removals(
        &self,
        address: Address,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let of_it = self.before.iter().filter(move |(_, changed, _)| *changed == address);
        of_it.filter_map(|(at, _, before)| {
            let before = before.as_ref().filter(|target| target.deregistered_at.is_none())?;
            Some((*at, before.registered_at))
        })
    }

    /// A target as it was at this time.
    pub(crate) fn as_of(&self, address: Address, at: Timestamp) -> Option<&Target> {
        let later = self.before.iter().find(|(time, changed, _)| *time > at && *changed == address);
        later.map_or_else(|| self.targets.get(&address), |(_, _, before)| before.as_ref())
    }

    /// The addresses that a listing of this time may show.
    pub(crate) fn addresses(&self) -> BTreeSet<Address> {
        let before = self.before.iter().map(|(_, address, _)| *address);
        self.targets.keys().copied().chain(before).collect()
    }
}

impl Target {
    pub(crate) fn registered(at: Timestamp) -> Self {
        Self { registered_at: at, deregistered_at: None, zone: None, forced: None }
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
        let target = self.groups.get(group).and_then(|group| group.targets.get(&address));
        self.health_of(target, address, now)
    }

    /// A target as a read shows it: of what has just changed, the state before.
    pub(crate) fn as_read(&self, group: &str, address: Address, now: Timestamp) -> Option<&Target> {
        self.groups.get(group)?.as_of(address, now - self.setup.health.reads_lag)
    }

    /// What the load balancer says of a target, as it is or as a read shows it.
    pub(crate) fn health_of(
        &self,
        target: Option<&Target>,
        address: Address,
        now: Timestamp,
    ) -> Health {
        let times = &self.setup.health;
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
        self.checked(address, target.registered_at, now)
    }

    /// Simplified: one check decides, but for a target that was unhealthy before; its path and success codes are those of the session
    /// container, and a busy container passes it.
    fn checked(&self, (ip, port): Address, registered_at: Timestamp, now: Timestamp) -> Health {
        let unhealthy = |reason| Health::new("unhealthy", reason);
        let tenants = self.tenants.get(&ip).into_iter().flatten().rev();
        let mut tenants = tenants.filter_map(|key| self.task(key));
        let last = tenants.find(|task| task.created_at <= now);
        let Some(task) = last.filter(|task| task.started(now)) else {
            return unhealthy("Target.Timeout");
        };
        // Registered for someone who had the address before: it becomes healthy check by check.
        let answers_since = task.runs_at.filter(|at| *at > registered_at);
        if answers_since.is_some_and(|at| now < at + self.setup.health.healthy_after) {
            return unhealthy("Target.Timeout");
        }
        let container = &task.container;
        let ended = task.stop.as_ref().map(|stop| stop.process_ends).filter(|at| *at <= now);
        let since = ended.into_iter().chain(container.completed_at).min();
        let lags = since.is_some_and(|at| now < at + self.setup.health.unhealthy_after);
        let alive = ended.is_none();
        if !task.holds_address(now) && !lags {
            unhealthy("Target.Timeout")
        } else if port != task.target_port || container.behaviour.refuses || (!alive && !lags) {
            unhealthy("Target.FailedHealthChecks")
        } else if container.behaviour.silent
            || (container.behaviour.deaf && !self.is_of_another_account(task))
        {
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
