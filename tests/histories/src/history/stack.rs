//! What there is before anything happens: names, limits and quirks of the account, and the functions' variables.

use super::{OTHER_ACCOUNT, Seconds};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use session_cleanup_tests::world::{
    Absent, Dwell, HealthTimes, Limits, RegisteringWhatDrains, Setup,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// A deployed stack in its account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// A history that is kept stays readable when there is something new to say of stacks.
#[serde(default)]
pub struct Stack {
    /// How many clusters are configured, from 1.
    pub clusters: usize,
    /// How many target groups are configured; 0: no load balancer.
    pub groups: usize,
    /// What is done about artifacts.
    pub artifacts: Artifacts,
    /// Sessions claim tasks that wait for them.
    pub warm_pool: bool,
    /// From one scheduled sweep to the next.
    pub every: Seconds,
    /// `MAX_SESSION_AGE`.
    pub max_session_age: Seconds,
    /// `HARD_AGE`.
    pub hard_age: Seconds,
    /// `SALVAGE_WINDOW`.
    pub salvage_window: Seconds,
    /// `LEASE_GRACE`.
    pub lease_grace: Seconds,
    /// `START_UP_GRACE`.
    pub start_up_grace: Seconds,
    /// `BLAST_RADIUS_AT_LEAST`.
    pub blast_radius_at_least: usize,
    /// Whether AWS's published token buckets hold.
    pub throttled: bool,
    /// What a load balancer makes of `RegisterTargets` of an address that drains.
    pub draining: Draining,
    /// How long target health still shows what was before.
    pub health_lags: Seconds,
    /// How long `DescribeTasks` still shows what was before an event.
    pub tasks_lag: Seconds,
    /// How long `ListTasks` still shows what was before.
    pub lists_lag: Seconds,
    /// How long a new task is PENDING.
    pub pending: Seconds,
    /// So much the clocks of owners are ahead.
    pub owners_ahead: i64,
    /// So much the functions' clocks are ahead.
    pub functions_ahead: i64,
    /// An address that nobody has refuses connections, instead of swallowing packets.
    pub absent_refuses: bool,
    /// A page of a listing holds at most so many.
    pub page: usize,
    /// How many connections a function may have open at once.
    pub connections: usize,
    /// How often an event may be received before it is dead-lettered.
    pub max_receives: u32,
}

/// What is done about artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Artifacts {
    /// The container is asked to upload.
    Asked,
    /// The container uploads by itself.
    UploadedByThemselves,
    /// There are none.
    Discarded,
}

/// See [`RegisteringWhatDrains`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Draining {
    /// An address that drains is registered again.
    Works,
    /// The call is refused.
    IsRefused,
    /// The call succeeds, and the address drains on.
    IsIgnored,
}

impl From<Draining> for RegisteringWhatDrains {
    fn from(draining: Draining) -> Self {
        match draining {
            Draining::Works => Self::Works,
            Draining::IsRefused => Self::IsRefused,
            Draining::IsIgnored => Self::IsIgnored,
        }
    }
}

impl Default for Stack {
    /// A small one, where everything works.
    fn default() -> Self {
        Self {
            clusters: 1,
            groups: 2,
            artifacts: Artifacts::Asked,
            warm_pool: false,
            every: Seconds::minutes(5),
            max_session_age: Seconds::minutes(60),
            hard_age: Seconds::minutes(180),
            salvage_window: Seconds::minutes(10),
            lease_grace: Seconds::minutes(15),
            start_up_grace: Seconds::minutes(10),
            blast_radius_at_least: 3,
            throttled: false,
            draining: Draining::Works,
            health_lags: Seconds(0),
            tasks_lag: Seconds(0),
            lists_lag: Seconds(0),
            pending: Seconds(10),
            owners_ahead: 0,
            functions_ahead: 0,
            absent_refuses: false,
            page: 100,
            connections: 1_024,
            max_receives: 5,
        }
    }
}

impl Stack {
    /// The name of a cluster: the configured ones first.
    #[must_use]
    pub fn cluster(number: usize) -> String {
        ["sessions", "batch", "night"]
            .get(number)
            .map_or_else(|| format!("other-{number}"), |name| (*name).to_owned())
    }

    /// The name of a configured target group.
    #[must_use]
    pub fn group(number: usize) -> String {
        ["sessions", "internal", "public"]
            .get(number)
            .map_or_else(|| format!("group-{number}"), |name| (*name).to_owned())
    }

    /// The world of this stack.
    #[must_use]
    pub fn setup(&self, seed: u64) -> Setup {
        let health = HealthTimes {
            registering_what_drains: self.draining.into(),
            reads_lag: self.health_lags.into(),
            ..HealthTimes::default()
        };
        Setup {
            seed,
            clusters: (0..self.clusters).map(Self::cluster).collect(),
            other_accounts: vec![OTHER_ACCOUNT.to_owned()],
            target_groups: (0..self.groups).map(Self::group).collect(),
            families: vec!["session".to_owned(), "runner-*".to_owned()],
            max_session_age: self.max_session_age.into(),
            hard_age: self.hard_age.into(),
            salvage_window: self.salvage_window.into(),
            warm_pool: self.warm_pool,
            lease_grace: self.lease_grace.into(),
            sweep_interval: self.every.into(),
            leases_are_remembered_for: Duration::from(self.every) * 3,
            start_up_grace: self.start_up_grace.into(),
            artifacts_are_discarded: self.artifacts == Artifacts::Discarded,
            containers_upload_themselves: self.artifacts == Artifacts::UploadedByThemselves,
            reads_lag: self.tasks_lag.into(),
            lists_lag: self.lists_lag.into(),
            functions_clock_is_ahead: SignedDuration::from_secs(self.functions_ahead),
            // Seldom enough not to be what a history spends its time with.
            renews_every: Duration::from_secs(30),
            owners_clock_is_ahead: SignedDuration::from_secs(self.owners_ahead),
            absent: if self.absent_refuses { Absent::Refused } else { Absent::Unreachable },
            limits: if self.throttled { Limits::aws() } else { Limits::none() },
            connections: self.connections,
            page: self.page,
            dwell: Dwell {
                pending: self.pending.into(),
                deactivating: Duration::ZERO,
                ..Dwell::default()
            },
            health,
            ..Setup::default()
        }
    }

    /// The functions' variables beside those that every function of the tests has.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, String> {
        let seconds = |Seconds(number): Seconds| format!("{number}s");
        let mode = match self.artifacts {
            Artifacts::Asked => "complete",
            Artifacts::UploadedByThemselves => "none",
            Artifacts::Discarded => "discard",
        };
        let variables = [
            ("ARTIFACT_MODE", mode.to_owned()),
            ("WARM_POOL", self.warm_pool.to_string()),
            ("SWEEP_INTERVAL", seconds(self.every)),
            ("MAX_SESSION_AGE", seconds(self.max_session_age)),
            ("HARD_AGE", seconds(self.hard_age)),
            ("SALVAGE_WINDOW", seconds(self.salvage_window)),
            ("LEASE_GRACE", seconds(self.lease_grace)),
            ("START_UP_GRACE", seconds(self.start_up_grace)),
            ("BLAST_RADIUS_AT_LEAST", self.blast_radius_at_least.to_string()),
            ("MAX_RECEIVE_COUNT", self.max_receives.to_string()),
            ("MARKER_WRITTEN_LAST", "false".to_owned()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }
}
