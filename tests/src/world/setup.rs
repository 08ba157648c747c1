//! What a world looks like before anything happens in it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The account, Region, names, times and limits of a world. The defaults are those of
/// the template, with the account number that emulators use.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Seeds task ids and weather.
    pub seed: u64,
    /// The instant at which virtual time starts; `None`: the machine's clock (served worlds).
    pub epoch: Option<Timestamp>,
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Clusters of other accounts: nobody here can list them, but the load balancer reaches what runs in them.
    pub other_accounts: Vec<String>,
    /// The configured clusters; others come to exist when a session starts in them.
    pub clusters: Vec<String>,
    /// The configured families.
    pub families: Vec<String>,
    /// The names of the configured target groups; sessions are registered in the first.
    pub target_groups: Vec<String>,
    /// The port of session containers.
    pub port: u16,
    /// Where a container is asked to complete.
    pub complete_path: String,
    /// Where a container tells its health.
    pub health_path: String,
    /// Written by containers, read by callers.
    pub artifact_bucket: String,
    /// Where that bucket is, if not in the world's own Region.
    pub artifact_region: Option<String>,
    /// What whoever asks for it in the wrong Region is answered.
    pub wrong_region: u16,
    /// The only bucket that callers may write.
    pub ledger_bucket: String,
    /// In front of the session's id in artifact keys.
    pub prefix: String,
    /// The object that a container writes first, below prefix and id.
    pub marker: String,
    /// Tasks wait until a session claims them.
    pub warm_pool: bool,
    /// Tag with the RFC 3339 end of a session's lease.
    pub lease_tag: String,
    /// Tag that starts the salvage window.
    pub ended_tag: String,
    /// Tag with which an operator keeps a task: `true`.
    pub protection_tag: String,
    /// A session without a lease is live until this age.
    pub max_session_age: Duration,
    /// No session is live beyond this age.
    pub hard_age: Duration,
    /// A lease that is over for longer than this makes an orphan, where others are renewed.
    pub lease_grace: Duration,
    /// So long after one sweep the next one follows.
    pub sweep_interval: Duration,
    /// So long one that was extended may show that leases are renewed.
    pub leases_are_remembered_for: Duration,
    /// A session that is done makes an orphan once its task is older than this.
    pub start_up_grace: Duration,
    /// After this long without a salvage a task may be stopped with its artifacts.
    pub salvage_window: Duration,
    /// `DescribeTasks` shows the end of a task so much later than its event says it.
    pub reads_lag: Duration,
    /// `ListTasks` shows starts and stops so much later than they happen.
    pub lists_lag: Duration,
    /// So much the clocks of owners are ahead of AWS's.
    pub owners_clock_is_ahead: SignedDuration,
    /// So much the clocks of our functions are ahead of AWS's; see [`World::time_source`].
    ///
    /// [`World::time_source`]: crate::World::time_source
    pub functions_clock_is_ahead: SignedDuration,
    /// How often an owner extends a lease.
    pub renews_every: Duration,
    /// From SIGTERM to SIGKILL.
    pub stop_timeout: Duration,
    /// Mode `discard`: there is nothing to save.
    pub artifacts_are_discarded: bool,
    /// Mode `none`: a finished upload confirms itself, without a 200 to anyone.
    pub containers_upload_themselves: bool,
    /// What a connection to an address that nobody has comes to.
    pub absent: Absent,
    /// How long calls take.
    pub latency: Latency,
    /// How long tasks stay in the phases of their life.
    pub dwell: Dwell,
    /// How the load balancer keeps time.
    pub health: HealthTimes,
    /// Request throttling.
    pub limits: Limits,
    /// `cpu` and `memory` of every task, as `DescribeTasks` shows them; `None`: it does not.
    pub task_size: Option<(&'static str, &'static str)>,
    /// How many tasks there is room for; `None`: for all. Beyond it `RunTask` answers with failures.
    pub room_for_tasks: Option<usize>,
    /// A page of a listing holds at most so many, whatever the caller asks for.
    pub page: usize,
    /// How many connections a caller may have open at once: the descriptors of a Lambda function.
    pub connections: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            seed: 0,
            epoch: Some("2026-11-02T09:00:00Z".parse().expect("a timestamp")),
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            other_accounts: Vec::new(),
            clusters: vec!["sessions".to_owned()],
            families: vec!["session".to_owned()],
            target_groups: vec!["sessions".to_owned()],
            port: 8080,
            complete_path: "/session/complete".to_owned(),
            health_path: "/health".to_owned(),
            artifact_bucket: "artifacts".to_owned(),
            artifact_region: None,
            wrong_region: 301,
            ledger_bucket: "ledger".to_owned(),
            prefix: String::new(),
            marker: "debug/session_status.json".to_owned(),
            warm_pool: false,
            lease_tag: "lease-expires-at".to_owned(),
            ended_tag: "session-ended-at".to_owned(),
            protection_tag: "cleanup-protection".to_owned(),
            max_session_age: Duration::from_hours(2),
            hard_age: Duration::from_hours(24),
            lease_grace: Duration::from_mins(15),
            sweep_interval: Duration::from_mins(5),
            leases_are_remembered_for: Duration::from_mins(15),
            start_up_grace: Duration::from_mins(10),
            salvage_window: Duration::from_mins(30),
            reads_lag: Duration::ZERO,
            lists_lag: Duration::ZERO,
            owners_clock_is_ahead: SignedDuration::ZERO,
            functions_clock_is_ahead: SignedDuration::ZERO,
            renews_every: Duration::from_secs(2),
            stop_timeout: Duration::from_secs(30),
            artifacts_are_discarded: false,
            containers_upload_themselves: false,
            absent: Absent::Unreachable,
            latency: Latency::default(),
            dwell: Dwell::default(),
            health: HealthTimes::default(),
            limits: Limits::none(),
            task_size: Some(("1024", "2048")),
            room_for_tasks: None,
            page: 100,
            connections: 1_024,
        }
    }
}

impl Setup {
    /// Two sweeps that count lie half an interval apart at least. They are not to the second.
    pub(crate) fn nearly_half_an_interval(&self) -> Duration {
        (self.sweep_interval / 2).saturating_sub(Duration::from_secs(10))
    }

    /// For callers that may have so many connections open at once, those that wait for their next
    /// request among them.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// For a world that is served on sockets: the machine's clock, no latency of its own, and
    /// addresses without a container refuse connections, as loopback does.
    #[must_use]
    pub fn in_real_time() -> Self {
        Self { epoch: None, latency: Latency::none(), absent: Absent::Refused, ..Self::default() }
    }

    /// Whether a container is asked for its artifacts at all.
    #[must_use]
    pub fn containers_are_asked(&self) -> bool {
        !self.artifacts_are_discarded && !self.containers_upload_themselves
    }

    /// Whether nothing happens unseen: in real time the ledger may be elsewhere, and a connection that is refused
    /// leaves no trace.
    pub(crate) fn sees_everything(&self) -> bool {
        self.epoch.is_some()
    }

    /// Whether a family is one of the configured ones, which may end in `*`.
    pub(crate) fn is_family_of_sessions(&self, family: &str) -> bool {
        is_one_of(&self.families, family)
    }

    /// The ARN of a cluster of this account and Region.
    #[must_use]
    pub fn cluster_arn(&self, name: &str) -> String {
        format!("arn:aws:ecs:{}:{}:cluster/{name}", self.region, self.account)
    }

    /// The ARN of a target group of this account and Region.
    #[must_use]
    pub fn target_group_arn(&self, name: &str) -> String {
        let Self { region, account, .. } = self;
        let id = super::objects::fingerprint(name.as_bytes());
        format!("arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{id:016x}")
    }
}

/// What a connection to an address that nobody has comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// No answer at all, until the caller's connect timeout (a VPC without that interface).
    Unreachable,
    /// Refused at once (loopback).
    Refused,
}

/// From a caller's first byte to the answer's; half of it passes before the world has applied
/// the call, half after. A container's own work comes on top.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Calls of ECS.
    pub ecs: Duration,
    /// Calls of ELBv2.
    pub elb: Duration,
    /// Calls of S3.
    pub s3: Duration,
    /// Calls of session containers.
    pub container: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            ecs: Duration::from_millis(50),
            elb: Duration::from_millis(50),
            s3: Duration::from_millis(50),
            container: Duration::from_millis(2),
        }
    }
}

impl Latency {
    /// Every call is answered at once.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            ecs: Duration::ZERO,
            elb: Duration::ZERO,
            s3: Duration::ZERO,
            container: Duration::ZERO,
        }
    }
}

/// How long a task stays in a phase. RUNNING and STOPPING end when the container does.
#[derive(Clone, Copy, Debug)]
pub struct Dwell {
    /// PROVISIONING.
    pub provisioning: Duration,
    /// PENDING.
    pub pending: Duration,
    /// ACTIVATING.
    pub activating: Duration,
    /// DEACTIVATING.
    pub deactivating: Duration,
    /// DEPROVISIONING: the address is no longer the task's.
    pub deprovisioning: Duration,
    /// How long a STOPPED task can still be described.
    pub remembered: Duration,
}

impl Default for Dwell {
    fn default() -> Self {
        Self {
            provisioning: Duration::from_secs(5),
            pending: Duration::from_secs(10),
            activating: Duration::from_secs(1),
            deactivating: Duration::from_secs(1),
            deprovisioning: Duration::from_secs(10),
            remembered: Duration::from_hours(1),
        }
    }
}

/// How the load balancer keeps time.
#[derive(Clone, Copy, Debug)]
pub struct HealthTimes {
    /// From registration to the first verdict.
    pub registration: Duration,
    /// How long a target is still called healthy after it has ceased to be.
    pub unhealthy_after: Duration,
    /// How long a target that stayed registered is still called unhealthy after it answers again: so
    /// many checks must pass.
    pub healthy_after: Duration,
    /// The deregistration delay.
    pub draining: Duration,
    /// How long a read still shows a target as it was before it was registered or deregistered.
    pub reads_lag: Duration,
    /// What becomes of a `RegisterTargets` of an address that drains.
    pub registering_what_drains: RegisteringWhatDrains,
}

/// What a load balancer makes of `RegisterTargets` of an address that drains. AWS documents that one must
/// wait until the deregistration delay is over, and not what is answered until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisteringWhatDrains {
    /// It is registered again.
    Works,
    /// The call is refused.
    IsRefused,
    /// The call succeeds, and the address drains on.
    IsIgnored,
}

impl Default for HealthTimes {
    fn default() -> Self {
        Self {
            registration: Duration::from_secs(10),
            unhealthy_after: Duration::ZERO,
            healthy_after: Duration::from_secs(10),
            draining: Duration::from_mins(5),
            reads_lag: Duration::ZERO,
            registering_what_drains: RegisteringWhatDrains::Works,
        }
    }
}

/// A token bucket: so many at once, so many a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The bucket's size.
    pub burst: f64,
    /// Tokens that come back each second.
    pub refill: f64,
}

impl Rate {
    /// What so many calls take at least, in seconds, from a full bucket.
    #[must_use]
    pub fn least_seconds_of(self, calls: f64) -> f64 {
        ((calls - self.burst) / self.refill).max(0.0)
    }
}

/// Request throttling; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// `RunTask` and `StopTask`, which share one bucket.
    pub ecs_stop: Option<Rate>,
    /// `ListTasks`, `DescribeTasks` and `ListClusters`, which share one bucket.
    pub ecs_read: Option<Rate>,
    /// `TagResource` and `UntagResource`.
    pub ecs_tag: Option<Rate>,
    /// All of ELBv2.
    pub elb: Option<Rate>,
    /// All of S3.
    pub s3: Option<Rate>,
}

impl Limits {
    /// What AWS publishes for `StopTask` and `RunTask` (ECS developer guide, "Request throttling").
    pub const STOPS: Rate = Rate { burst: 100.0, refill: 40.0 };

    /// The same for `ListTasks`, `DescribeTasks` and `ListClusters`.
    pub const READS: Rate = Rate { burst: 100.0, refill: 20.0 };

    /// No throttling.
    #[must_use]
    pub const fn none() -> Self {
        Self { ecs_stop: None, ecs_read: None, ecs_tag: None, elb: None, s3: None }
    }

    /// The rates that AWS publishes for ECS. Simplified: ELBv2 and S3 stay without a limit.
    #[must_use]
    pub const fn aws() -> Self {
        Self {
            ecs_stop: Some(Self::STOPS),
            ecs_read: Some(Self::READS),
            ecs_tag: Some(Rate { burst: 20.0, refill: 10.0 }),
            ..Self::none()
        }
    }
}

/// Whether a family is one of these, which may end in `*`.
pub(crate) fn is_one_of(families: &[String], family: &str) -> bool {
    families.iter().any(|known| match known.strip_suffix('*') {
        Some(beginning) => family.starts_with(beginning),
        None => family == known,
    })
}
