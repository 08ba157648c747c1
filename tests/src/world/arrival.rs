//! How a session comes into the world once its sentence is complete.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::container::Container;
use super::session::{Entry, Identity, Oddity, SessionBuilder, TaskHandle};
use super::setup::Dwell;
use super::state::{Effect, State};
use super::task::{Renewal, Task, TaskKey};

impl SessionBuilder {
    pub(super) fn enter(mut self, state: &mut State, now: Timestamp) -> TaskHandle {
        let dwell = state.setup.dwell;
        if let Entry::Stopped { ago, .. } = self.entry {
            self.age = self
                .age
                .max(ago + dwell.deactivating + dwell.deprovisioning + Duration::from_secs(1));
        }
        let created_at = now - self.age;
        let rise = dwell.provisioning + dwell.pending + dwell.activating;
        let runs_at = match self.entry {
            Entry::NeverStarts => None,
            Entry::Fresh => Some(created_at + rise),
            _ => Some((created_at + rise).min(now - Duration::from_millis(1)).max(created_at)),
        };
        let address = self.address.unwrap_or_else(|| state.fresh_address());
        assert!(state.holder(address, now).is_none(), "{address} still belongs to another task");
        let key =
            TaskKey { cluster: self.cluster.clone(), id: format!("{:032x}", state.rng.u128(..)) };
        let long = state.arn(&key);
        let in_cluster = format!("{}/", key.cluster);
        let arn = if self.oddity == Some(Oddity::ShortArn) {
            long.replace(&in_cluster, "")
        } else {
            long
        };
        let names = self
            .groups
            .clone()
            .unwrap_or_else(|| state.setup.target_groups.first().cloned().into_iter().collect());
        let registers_in: Vec<String> =
            names.iter().map(|name| state.setup.target_group_arn(name)).collect();
        let mut task = self.task(key.clone(), arn.clone(), address, (created_at, runs_at), now);
        task.dwell = dwell;
        for group in registers_in.iter().filter(|_| self.outside_the_vpc) {
            state.groups.get_mut(group).map(|group| group.outside.insert(address));
        }
        task.registers_in = registers_in;
        task.target_port = self.target_port.unwrap_or(state.setup.port);
        task.container.busy_until = self.busy_for.map(|time| now + time);
        let end = match self.entry {
            Entry::Stopped { exit_code, ago } => {
                Some((now - ago - dwell.deprovisioning - dwell.deactivating, exit_code))
            }
            _ => None,
        };
        if let Some((at, exit_code)) = end {
            task.exit(at.max(runs_at.unwrap_or(at)), exit_code);
        } else if matches!(self.entry, Entry::Dying) {
            let reason = "Your Spot Task was interrupted.".to_owned();
            task.terminate(now, "SpotInterruption", reason, true);
        }
        state.tenants.entry(address).or_default().push(key.clone());
        state.clusters.entry(key.cluster.clone()).or_default().insert(key.id.clone(), task);
        self.set_going(state, &key, now);
        TaskHandle { key, arn, address, session_id: self.session_id }
    }

    fn task(
        &self,
        key: TaskKey,
        arn: String,
        address: Ipv4Addr,
        (created_at, runs_at): (Timestamp, Option<Timestamp>),
        now: Timestamp,
    ) -> Task {
        let mut environment = BTreeMap::new();
        let mut tags = self.tags.clone();
        let mut started_by = self.started_by.clone();
        match &self.identity {
            Identity::Environment(name) => {
                environment.insert(name.clone(), self.session_id.clone());
            }
            Identity::Tag(name) => {
                tags.insert(name.clone(), self.session_id.clone());
            }
            Identity::StartedBy => started_by = Some(self.session_id.clone()),
            Identity::None => {}
        }
        Task {
            key,
            arn,
            family: self.family.clone(),
            group: self.group.clone().unwrap_or_else(|| format!("family:{}", self.family)),
            started_by,
            environment,
            tags: tags.into(),
            address,
            subnet: self.subnet.clone(),
            shapeless: self.oddity == Some(Oddity::Shapeless),
            created_at,
            arrived_at: now,
            visible_from: created_at + self.hidden_for,
            described_from: created_at + self.undescribed_for,
            runs_at,
            dwell: Dwell::default(),
            stop_timeout: self.stop_timeout,
            stop: None,
            registers_in: Vec::new(),
            target_port: 0,
            container: Container::new(self.session_id.clone(), self.behaviour.clone()),
            sidecars: self.sidecars.clone(),
            owner_ended_at: self.owner_ended.then_some(now),
            renewal: self.renewed_for.map_or(Renewal::None, |_| Renewal::Works),
            claimed_at: None,
            extended_at: None,
            had_begun_at: None,
            lease_at_stop: None,
            loss_allowed: false,
            salvage_failing_since: None,
            over_since: None,
            under_way_at: None,
        }
    }

    /// Registration, and what the container does by itself.
    fn set_going(&self, state: &mut State, key: &TaskKey, now: Timestamp) {
        let runs_at = state.task(key).and_then(|task| task.runs_at);
        match runs_at {
            Some(at) if at > now => state.schedule(at, key, Effect::Register),
            Some(at) => {
                state.owner_registers(key, at);
                let address = state.task(key).map(|task| (task.address, task.target_port));
                let registration = state.setup.health.registration;
                // It has been a target for long enough to have a verdict.
                for target in
                    state.groups.values_mut().filter_map(|group| group.targets.get_mut(&address?))
                {
                    target.registered_at = target.registered_at.min(now - registration);
                }
            }
            None => {}
        }
        if self.completed {
            state.upload_all(key, now);
            state.complete(key, now);
        }
        if let Some(left) = self.renewed_for {
            state.renew(key, left, now);
        }
        if let Some((after, code)) = self.exits {
            state.schedule(now + after, key, Effect::Exit(code));
        }
    }
}

impl State {
    /// An address that no task has had.
    fn fresh_address(&self) -> Ipv4Addr {
        let highest = self
            .tenants
            .keys()
            .next_back()
            .map_or(u32::from(Ipv4Addr::new(127, 0, 10, 0)), |ip| (*ip).into());
        let next = (highest + 1..u32::MAX)
            .map(Ipv4Addr::from)
            .find(|ip| !matches!(ip.octets()[3], 0 | 255));
        next.expect("addresses are plenty")
    }
}
