//! Whole observations at random: tasks, targets, listings that failed, probes and memories, with
//! the borders of every limit among their times.

use super::fixtures::{
    SECOND, address, ago, cluster, group, ip, now, policy, scope, task, task_arn, unlisted,
};
use crate::aws::{TargetHealth, Unhealthy};
use crate::config::{self, BlastRadius, Percent};
use crate::container::Probe;
use crate::event::ForceCluster;
use crate::session::{
    DesiredStatus, LEASE_TAG, LastStatus, PROTECTION_TAG, SESSION_ENDED_TAG, TargetAddress,
    TargetGroupArn, Task, TaskArn,
};
use crate::sweep::decide::{Known, Plan, TargetRow, decide};
use crate::sweep::observation::Observation;
use crate::sweep::suspects::{SeenSince, Suspects};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Two clusters that are configured, and one that is not.
pub(super) const CLUSTERS: [&str; 3] = ["one", "two", "another"];
pub(super) const GROUPS: [&str; 2] = ["a", "b"];

/// What a sweep may come upon.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) tasks: Vec<Task>,
    pub(super) targets: BTreeMap<(TargetGroupArn, TargetAddress), TargetHealth>,
    /// Clusters and groups whose listing failed; of a cluster, some tasks may have been seen.
    pub(super) unlisted: BTreeSet<&'static str>,
    /// Whether the other clusters were listed whole; `None`: not asked.
    pub(super) others: Option<bool>,
    /// What answered at addresses of targets.
    pub(super) answers: BTreeMap<TargetAddress, Probe>,
    /// The groups to whose targets packets get.
    pub(super) whole_routes: BTreeSet<TargetGroupArn>,
    /// What containers of tasks said.
    pub(super) words: BTreeMap<TaskArn, Probe>,
    pub(super) suspects: Suspects,
    pub(super) force: Option<ForceCluster>,
    pub(super) policy: config::Sweep,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Victim {
    Task(TaskArn),
    Target(TargetGroupArn, TargetAddress),
}

impl Scene {
    pub(super) fn observation(&self) -> Observation {
        let listing = |name| if self.unlisted.contains(name) { Err(unlisted()) } else { Ok(()) };
        let groups = GROUPS.map(|name| {
            let arn = group(name);
            let targets = self.targets.iter().filter(|((of, _), _)| *of == arn);
            let targets = targets.map(|((_, address), health)| (*address, *health)).collect();
            (arn, listing(name).map(|()| targets))
        });
        let mut seen = Observation::default();
        seen.groups = groups.into();
        seen.clusters = ["one", "two"].map(|name| (cluster(name), listing(name))).into();
        seen.others = self.others.map(|whole| if whole { Ok(()) } else { Err(unlisted()) });
        seen.probes = self.answers.clone();
        seen.whole_routes = self.whole_routes.clone();
        let wanted = seen.targets().map(|(_, address, _)| address.ip).collect();
        let was_listed =
            |task: &&Task| self.others.is_some() || seen.clusters.contains_key(task.arn.cluster());
        let listed: Vec<&Task> = self.tasks.iter().filter(was_listed).collect();
        for task in listed {
            seen.see(task, scope(), &wanted, now());
        }
        seen
    }

    /// What `with` makes of the known that this scene gives.
    pub(super) fn on_known<T>(&self, with: impl FnOnce(&Known<'_>) -> T) -> T {
        with(&Known {
            seen: &self.observation(),
            probes: &self.words,
            suspects: &self.suspects,
            force: self.force.as_ref(),
            policy: &self.policy,
            now: now(),
        })
    }

    pub(super) fn plan(&self) -> Plan {
        self.on_known(decide)
    }

    pub(super) fn victims(&self) -> BTreeSet<Victim> {
        let plan = self.plan();
        let orphans = plan.tasks.iter().filter(|decision| decision.judged.row.is_orphan());
        let zombies = plan.targets.iter().filter(|decision| decision.row == TargetRow::Zombie);
        let orphans = orphans.map(|decision| Victim::Task(decision.task.arn.clone()));
        let zombies =
            zombies.map(|decision| Victim::Target(decision.group.clone(), decision.address));
        orphans.chain(zombies).collect()
    }

    /// The same, with the listing of a cluster or of a group lost.
    pub(super) fn without_listing(mut self, name: &'static str) -> Self {
        self.unlisted.insert(name);
        self.tasks.retain(|task| task.arn.cluster().as_str() != name);
        let lost = group(name);
        self.targets.retain(|(of, _), _| *of != lost);
        self
    }

    /// The same, with the listing of the other clusters lost.
    pub(super) fn without_others(mut self) -> Self {
        self.others = self.others.map(|_| false);
        self.tasks.retain(|task| task.arn.cluster().as_str() != "another");
        self
    }

    /// One blast radius whatever the size of the fleet.
    pub(super) fn at_a_fixed_limit(mut self, at_least: usize) -> Self {
        self.policy.blast_radius = BlastRadius { at_least, part: Percent::parse("1").unwrap() };
        self
    }
}

/// One task, its container's word, and what is remembered of it.
#[derive(Debug, Clone)]
pub(super) struct Player {
    pub(super) task: Task,
    word: Option<Probe>,
    suspect: Option<SeenSince>,
    salvage_failing: Option<SeenSince>,
    /// When its lease ended, as the sweep before saw it.
    lease_before: Option<Timestamp>,
}

/// Times in seconds, often at a border or right beside it.
fn seconds(borders: &'static [u64], most: u64) -> impl Strategy<Value = Duration> {
    let border = (select(borders), 0..3_u64).prop_map(|(border, beside)| border + beside - 1);
    prop_oneof![border, 0..most].prop_map(Duration::from_secs)
}

fn lease() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some("soon".to_owned())),
        3 => seconds(&[1], 7_200).prop_map(|left| Some((now() + left).to_string())),
        4 => seconds(&[1, 900, 7_200], 9_000).prop_map(|since| Some(ago(since).to_string())),
    ]
}

fn remembered() -> impl Strategy<Value = Option<SeenSince>> {
    let seen = seconds(&[150, 1_800], 2_000).prop_map(|since| {
        Some(SeenSince { since: ago(since), last: ago(since.min(SECOND * 300)) })
    });
    prop_oneof![1 => Just(None), 3 => seen]
}

fn probe() -> impl Strategy<Value = Option<Probe>> {
    select(vec![
        None,
        Some(Probe::Active),
        Some(Probe::Done),
        Some(Probe::Done),
        Some(Probe::Answers),
        Some(Probe::Silent),
        Some(Probe::Silent),
        Some(Probe::Blind),
    ])
}

fn health() -> impl Strategy<Value = TargetHealth> {
    prop_oneof![
        6 => Just(TargetHealth::Healthy),
        4 => Just(TargetHealth::Unhealthy(Unhealthy::Timeout)),
        4 => Just(TargetHealth::Unhealthy(Unhealthy::FailedHealthChecks)),
        3 => select(vec![
            TargetHealth::Initial,
            TargetHealth::Unhealthy(Unhealthy::ResponseCodeMismatch),
            TargetHealth::Unhealthy(Unhealthy::Other),
            TargetHealth::Draining,
            TargetHealth::Unused,
            TargetHealth::Unavailable,
            TargetHealth::Unrecognised,
        ]),
    ]
}

fn statuses() -> impl Strategy<Value = (DesiredStatus, LastStatus)> {
    prop_oneof![
        8 => Just((DesiredStatus::Running, LastStatus::Running)),
        1 => Just((DesiredStatus::Running, LastStatus::Provisioning)),
        1 => Just((DesiredStatus::Running, LastStatus::Deactivating)),
        1 => Just((DesiredStatus::Stopped, LastStatus::Running)),
        1 => Just((DesiredStatus::Unrecognised, LastStatus::Running)),
        1 => Just((DesiredStatus::Running, LastStatus::Unrecognised)),
    ]
}

prop_compose! {
    pub(super) fn player(id: String)(
        at in prop_oneof![5 => Just("one"), 3 => Just("two"), 2 => Just("another")],
        (family, service) in (prop::bool::weighted(0.15), prop::bool::weighted(0.1)),
        (named, protected, ended, copied) in (
            prop::bool::weighted(0.9),
            prop::bool::weighted(0.1),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.3),
        ),
        age in prop_oneof![seconds(&[600, 7_200, 86_400], 10_000), seconds(&[7_000], 7_000)],
        lease in lease(),
        last in prop::option::weighted(0.9, 1..9_u8),
        (desired_status, last_status) in statuses(),
        (word, suspect, salvage_failing) in (probe(), remembered(), remembered()),
        lease_before in prop::option::of((0..9_000_u64).prop_map(|left| now() + Duration::from_secs(left))),
    ) -> Player {
        let mut task = Task {
            arn: task_arn(at, &id),
            created_at: ago(age),
            address: last.map(ip),
            desired_status,
            last_status,
            ..task(&id)
        };
        if family {
            "web".clone_into(&mut task.family);
        }
        if service {
            task.group = Some("service:web".to_owned());
        }
        if !named {
            task.environment.clear();
        }
        if protected {
            task.tags.insert(PROTECTION_TAG.to_owned(), "true".to_owned());
        }
        if ended {
            let at = if copied { ago(age * 2) } else { ago(age / 2) };
            task.tags.insert(SESSION_ENDED_TAG.to_owned(), at.to_string());
        }
        task.tags.extend(lease.map(|end| (LEASE_TAG.to_owned(), end)));
        Player { task, word, suspect, salvage_failing, lease_before }
    }
}

type Registered = (TargetHealth, Option<SeenSince>);

prop_compose! {
    /// A scene of up to a dozen tasks, and of targets at eight addresses in two groups.
    pub(super) fn scene()(
        players in (0..12_usize).prop_flat_map(|count| {
            (0..count).map(|n| player(format!("t{n}"))).collect::<Vec<_>>()
        }),
        targets in prop::collection::vec(
            prop::option::of((health(), remembered())), GROUPS.len() * 8),
        answers in prop::collection::vec(probe(), 8),
        (whole_routes, reaped) in (prop::collection::vec(any::<bool>(), 2), 0..4_usize),
        unlisted in prop::collection::vec(prop::bool::weighted(0.12), 4),
        others in prop_oneof![1 => Just(None), 4 => Just(Some(true)), 1 => Just(Some(false))],
        force in prop::option::weighted(0.3, (select(vec!["one", "two"]), 0..900_u64)),
        at_least in 1..4_usize,
    ) -> Scene {
        let mut scene = Scene {
            tasks: Vec::new(),
            targets: BTreeMap::new(),
            unlisted: ["one", "two", "a", "b"].into_iter().zip(unlisted)
                .filter_map(|(name, missing)| missing.then_some(name)).collect(),
            others,
            answers: (1..9).zip(answers)
                .filter_map(|(last, answer)| Some((address(last), answer?))).collect(),
            whole_routes: GROUPS.into_iter().zip(whole_routes)
                .filter(|(_, whole)| *whole).map(|(name, _)| group(name)).collect(),
            words: BTreeMap::new(),
            suspects: Suspects::default(),
            force: force.map(|(at, before)| ForceCluster {
                cluster: cluster(at),
                created_before: ago(SECOND * u32::try_from(before).unwrap()),
            }),
            policy: policy(),
        };
        scene.policy.blast_radius.at_least = at_least;
        for n in 0..reaped {
            let at = ago(SECOND * 3_600 * u32::try_from(n).unwrap());
            scene.suspects.reaped_for_leases.insert(task_arn("one", &format!("r{n}")), at);
        }
        for Player { task, word, suspect, salvage_failing, lease_before } in players {
            let arn = task.arn.clone();
            scene.suspects.leases.ends.extend(lease_before.map(|end| (arn.clone(), end)));
            scene.tasks.push(task);
            scene.words.extend(word.map(|word| (arn.clone(), word)));
            scene.suspects.tasks.extend(suspect.map(|seen| (arn.clone(), seen)));
            scene.suspects.failed_salvages.extend(salvage_failing.map(|seen| (arn, seen)));
        }
        let places = GROUPS.into_iter().flat_map(|name| (1..9).map(move |last| (name, last)));
        for ((name, last), registered) in places.zip(targets) {
            let Some((health, suspect)): Option<Registered> = registered else { continue };
            let target = (group(name), address(last));
            if !scene.unlisted.contains(name) {
                scene.targets.insert(target.clone(), health);
            }
            scene.suspects.targets.extend(suspect.map(|seen| (target, seen)));
        }
        scene
    }
}
