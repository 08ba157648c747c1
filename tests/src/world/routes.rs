//! Whether packets of ours reach the subnets of session tasks: security groups, route tables and network
//! ACLs are changed by people, and drop what they don't let through without a word.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::World;
use super::state::State;

/// Where tasks live, unless a session's sentence says otherwise.
pub const SUBNET: &str = "subnet-0a1b2c3d";

/// What is cut off.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// Everything, since then.
    everything: Option<Timestamp>,
    subnets: BTreeSet<String>,
}

impl World {
    /// No packet of ours reaches any address any more.
    pub fn lose_every_route(&self) {
        self.now_with(|state, now| _ = state.routes.everything.get_or_insert(now));
    }

    /// No packet of ours reaches the tasks of one subnet any more.
    pub fn lose_the_route_to(&self, subnet: &str) {
        self.lock().routes.subnets.insert(subnet.to_owned());
    }

    /// Every route is whole again.
    pub fn routes_are_back(&self) {
        self.lock().routes = Routes::default();
    }
}

impl State {
    /// Whether no packet of ours has reached anybody since then.
    pub(super) fn all_was_cut_off(&self, since: Timestamp) -> bool {
        self.routes.everything.is_some_and(|at| at <= since)
    }

    /// Whether no packet of ours reaches this address.
    pub(crate) fn is_cut_off(&self, ip: Ipv4Addr, now: Timestamp) -> bool {
        let holder = self.holder(ip, now);
        self.routes.everything.is_some()
            || holder.is_some_and(|task| self.routes.subnets.contains(&task.subnet))
    }
}
