//! What a sweep may come upon, in small types of the oracle's own. Times are milliseconds from now.

use crate::aws::TargetHealth;
use crate::container::Probe;
use crate::session::{DesiredStatus, LastStatus};

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;

/// The first two are configured.
pub(super) const CLUSTERS: [&str; 4] = ["one", "two", "another", "elsewhere"];
/// `session` and `worker-*` are configured.
pub(super) const FAMILIES: [&str; 5] = ["session", "worker-7", "workers", "my-worker-7", "web"];
pub(super) const SUBNETS: [Option<&str>; 3] = [Some("subnet-1"), Some("subnet-2"), None];
pub(super) const GROUPS: [&str; 2] = ["a", "b"];

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) limits: Limits,
    /// Without target groups there are no targets.
    pub(super) has_groups: bool,
    pub(super) clusters: [Listing; 2],
    /// How the account's other clusters were listed; `None`: nobody asked.
    pub(super) others: Option<Listing>,
    pub(super) groups: [Listing; 2],
    /// The groups to whose targets packets are known to get.
    pub(super) whole_routes: [bool; 2],
    /// Some task could not be read.
    pub(super) unreadable: bool,
    /// When the sweep before was that listed everything, as far as that is remembered.
    pub(super) leases_seen: Option<i64>,
    pub(super) order: Option<Order>,
    pub(super) tasks: Vec<Task>,
    pub(super) targets: Vec<Target>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) warm_pool: bool,
    pub(super) interval: i64,
    pub(super) max_age: i64,
    pub(super) hard_age: i64,
    pub(super) lease_grace: i64,
    pub(super) start_up_grace: i64,
    pub(super) salvage: i64,
    pub(super) at_least: usize,
    pub(super) percent: usize,
}

/// How a listing came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    Whole,
    /// Some of it was seen.
    CutShort,
    /// Nothing of it was seen.
    Failed,
    /// There is no such thing, and that is known.
    Gone,
}

/// What an operator orders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) enforces: bool,
    pub(super) cluster: usize,
    pub(super) created_before: Said,
}

/// The time in a tag, or what stands there instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    /// A time, and how it is written.
    At(i64, Form),
    Nonsense(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Utc,
    East,
    West,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Nowhere,
    InTheEnvironment,
    ByTag,
    /// What the environment says is no id.
    ByTagBesideNonsense,
    ByNonsense,
}

/// The first and the last time that a sweep saw something so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) since: i64,
    pub(super) last: i64,
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "what ECS shows of a task is of many kinds")]
pub(super) struct Task {
    pub(super) id: String,
    /// Whether it is still there; if not, only memories of it are.
    pub(super) exists: bool,
    /// Whether a listing that was cut short shows it.
    pub(super) shown: bool,
    pub(super) cluster: usize,
    pub(super) family: usize,
    pub(super) of_a_service: bool,
    pub(super) subnet: usize,
    pub(super) desired: DesiredStatus,
    pub(super) last: LastStatus,
    pub(super) created: i64,
    pub(super) has_started: bool,
    pub(super) address: Option<u8>,
    pub(super) named: Named,
    pub(super) protection: Option<&'static str>,
    pub(super) ended: Said,
    pub(super) lease: Said,
    pub(super) start: Said,
    pub(super) has_size: bool,
    /// What its container answers.
    pub(super) word: Option<Probe>,
    pub(super) memory: Memory,
}

/// What is remembered of a task.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    pub(super) suspect: Option<Seen>,
    pub(super) failing: Option<Seen>,
    pub(super) reused: Option<Seen>,
    pub(super) blind: Option<Seen>,
    pub(super) tried: Option<i64>,
    pub(super) under_way: Option<i64>,
    pub(super) claimed: Option<i64>,
    pub(super) reaped: Option<i64>,
    /// When its lease was to end.
    pub(super) lease: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) group: usize,
    pub(super) ip: u8,
    pub(super) port: u16,
    /// Whether it is registered; if not, only the memory of it is there.
    pub(super) registered: bool,
    pub(super) health: TargetHealth,
    pub(super) answer: Option<Probe>,
    pub(super) suspect: Option<Seen>,
}

impl Listing {
    pub(super) fn is_whole(self) -> bool {
        match self {
            Self::Whole | Self::Gone => true,
            Self::CutShort | Self::Failed => false,
        }
    }
}

impl World {
    /// The tasks that the listings show, in their order.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| {
            let listing = match task.cluster {
                configured @ (0 | 1) => Some(self.clusters[configured]),
                _ => self.others,
            };
            task.exists
                && match listing {
                    Some(Listing::Whole) => true,
                    Some(Listing::CutShort) => task.shown,
                    Some(Listing::Failed | Listing::Gone) | None => false,
                }
        })
    }

    /// The targets that the listings show. One listing is whole, or nothing of it is known.
    pub(super) fn registered(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| {
            self.has_groups && target.registered && self.groups[target.group] == Listing::Whole
        })
    }

    pub(super) fn all_clusters_listed(&self) -> bool {
        self.clusters.iter().all(|listing| listing.is_whole())
    }

    pub(super) fn all_groups_listed(&self) -> bool {
        self.groups.iter().all(|listing| listing.is_whole())
    }
}

impl Target {
    pub(super) fn is_unanswered(&self) -> bool {
        use crate::aws::Unhealthy::{FailedHealthChecks, Timeout};
        [TargetHealth::Unhealthy(Timeout), TargetHealth::Unhealthy(FailedHealthChecks)]
            .contains(&self.health)
    }
}

impl Task {
    pub(super) fn cluster_name(&self) -> &'static str {
        CLUSTERS[self.cluster]
    }
}

impl World {
    /// What answers at an address. One is asked once, whatever groups it is registered in.
    pub(super) fn answer_at(&self, ip: u8, port: u16) -> Option<Probe> {
        self.registered().find(|target| (target.ip, target.port) == (ip, port))?.answer
    }
}
