//! What people must be told of for as long as it is so, from the world's own truth.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::World;
use super::leftovers::{A_SWEEP_LASTS, is_past};
use super::state::State;
use super::task::{Stop, Task};

/// So far may the functions' clock be behind, and a read.
const SURELY: Duration = Duration::from_secs(15);

/// What people must be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noteworthy {
    /// A session task that names no session.
    Unidentified,
    /// A target whose address a task of a configured cluster has that is of no configured family.
    Misrouted,
    /// A task that is to be cleaned up, and whose container says that it runs another session.
    Reused,
    /// Most leases that someone must renew are over.
    LeasesLapse,
    /// A target that is to be deregistered.
    Zombie,
}

impl World {
    /// What there is of it now, by its names.
    #[must_use]
    pub fn noteworthy(&self) -> BTreeSet<(Noteworthy, String)> {
        let zombies = self.zombies_left().into_iter().map(|name| (Noteworthy::Zombie, name));
        let told = self.now_with(|state, now| {
            let tasks = state.tasks().filter(|task| state.is_seen_by_sweeps(task, now));
            let tasks = tasks.filter_map(|task| {
                let what = if state.is_unidentified(task) {
                    Noteworthy::Unidentified
                } else if state.says_that_it_is_reused(task, now) {
                    Noteworthy::Reused
                } else {
                    return None;
                };
                Some((what, task.arn.clone()))
            });
            let lapse = state.leases_lapse(now).then(|| (Noteworthy::LeasesLapse, String::new()));
            tasks.chain(state.misrouted(now)).chain(lapse).collect::<Vec<_>>()
        });
        told.into_iter().chain(zombies).collect()
    }
}

impl State {
    fn is_seen_by_sweeps(&self, task: &Task, now: Timestamp) -> bool {
        self.is_session_task(task)
            && task.wanted_running()
            && task.visible(now - SURELY)
            && task.described_from <= now - SURELY
    }

    fn is_unidentified(&self, task: &Task) -> bool {
        !task.is_identified() && !self.is_protected(task)
    }

    /// Simplified: of those that no lease and no look decides about.
    fn says_that_it_is_reused(&self, task: &Task, now: Timestamp) -> bool {
        let behaviour = &task.container.behaviour;
        let answers = task.process_runs(now)
            && self.connects(task.address, now)
            && !behaviour.silent
            && !behaviour.quotes_requests
            && behaviour.unready.is_none();
        let setup = &self.setup;
        let leased = task.tags.get(&setup.lease_tag).is_some();
        let is_over = self.is_over_for_good(task, now)
            || !leased && is_past(task.session_began(), setup.max_session_age + SURELY, now);
        setup.containers_are_asked()
            && behaviour.forbids
            && answers
            && is_over
            && !self.is_kept(task)
    }

    fn misrouted(&self, now: Timestamp) -> impl Iterator<Item = (Noteworthy, String)> {
        let names = self.setup.target_groups.iter();
        let groups = names.filter_map(|name| self.groups.get(&self.setup.target_group_arn(name)));
        let targets = groups.flat_map(|group| {
            let there = group.targets.iter().filter(|(_, target)| target.deregistered_at.is_none());
            there.map(|((ip, port), _)| (ip, port, &group.name))
        });
        targets.filter_map(move |(ip, port, group)| {
            let holder = self.holder(*ip, now)?;
            let is_a_stranger = !self.setup.is_family_of_sessions(&holder.family)
                && self.setup.clusters.contains(&holder.key.cluster)
                && holder.wanted_running()
                && holder.visible(now - SURELY);
            let name = || (Noteworthy::Misrouted, format!("{ip}:{port} in {group}"));
            is_a_stranger.then(name)
        })
    }

    /// More than a quarter, and more than one, of the leases on which someone's fate may hang.
    pub(super) fn leases_lapse(&self, now: Timestamp) -> bool {
        let (mut lapsed, mut running) = (0_usize, 0_usize);
        // The sweep that is asked about may have stopped some that it counted.
        let ran = |stop: &Stop| now <= stop.at + A_SWEEP_LASTS;
        let is_counted = |task: &&Task| {
            self.is_seen_by_sweeps(task, now)
                || self.is_session_task(task) && task.stop.as_ref().is_some_and(ran)
        };
        let was_there = |task: &&Task| task.arrived_at <= now;
        for task in self.tasks().filter(is_counted).filter(was_there) {
            let end = self.last_lease_end(task);
            let Some(end) = end.filter(|end| *end >= task.session_began()) else { continue };
            let decided = self.is_kept(task) || self.is_over_for_good(task, now + SURELY);
            if end > now {
                running += 1;
            } else if end <= now - A_SWEEP_LASTS && task.wanted_running() && !decided {
                lapsed += 1;
            }
        }
        lapsed > ((lapsed + running) / 4).max(1)
    }
}
