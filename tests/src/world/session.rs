//! Sessions, started by sentences.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::World;
use super::container::Behaviour;
use super::routes::SUBNET;
use super::setup::Setup;
use super::task::{Sidecar, TaskKey};

/// A session's task in the world, as its owner knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskHandle {
    pub(crate) key: TaskKey,
    pub(super) arn: String,
    pub(super) address: Ipv4Addr,
    pub(super) session_id: String,
}

impl TaskHandle {
    /// The task's ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The task's id, the last part of its ARN.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.key.id
    }

    /// The key of its receipt in the ledger.
    #[must_use]
    pub fn receipt_key(&self) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let encoded = self.session_id.bytes().map(|byte| {
            if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        });
        format!("receipts/{}/{}.json", encoded.collect::<String>(), self.id())
    }

    /// The name of its cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.key.cluster
    }

    /// Its private address.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The id of the session in its container.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }
}

/// The state in which a session's task enters the world.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    /// As old as it is, it runs.
    Running,
    /// It goes through the whole life cycle from now on.
    Fresh,
    NeverStarts,
    Dying,
    Stopped {
        exit_code: i32,
        ago: Duration,
    },
}

/// What is odd about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Its ARN does not name its cluster.
    ShortArn,
    /// ECS shows it without what every task has.
    Shapeless,
}

/// How the session's id can be found on the task.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    Environment(String),
    Tag(String),
    StartedBy,
    None,
}

/// A session that is about to be started; see [`World::session`]. Without further words it has
/// been running for a minute, healthy, registered in the first target group, well-behaved.
#[derive(Clone, Debug)]
#[must_use = "a session exists once it is started"]
pub struct SessionBuilder {
    pub(super) world: World,
    pub(super) session_id: String,
    pub(super) identity: Identity,
    pub(super) cluster: String,
    pub(super) family: String,
    pub(super) group: Option<String>,
    pub(super) started_by: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) renewed_for: Option<Duration>,
    pub(super) groups: Option<Vec<String>>,
    pub(super) target_port: Option<u16>,
    pub(super) outside_the_vpc: bool,
    pub(super) age: Duration,
    pub(super) entry: Entry,
    pub(super) hidden_for: Duration,
    pub(super) undescribed_for: Duration,
    pub(super) busy_for: Option<Duration>,
    pub(super) exits: Option<(Duration, i32)>,
    pub(super) completed: bool,
    pub(super) owner_ended: bool,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) subnet: String,
    pub(super) oddity: Option<Oddity>,
    pub(super) behaviour: Behaviour,
    pub(super) stop_timeout: Duration,
    pub(super) sidecars: Vec<Sidecar>,
}

impl SessionBuilder {
    pub(super) fn new(world: &World, setup: &Setup, session_id: &str) -> Self {
        Self {
            world: world.clone(),
            session_id: session_id.to_owned(),
            identity: Identity::Environment("SESSION_ID".to_owned()),
            cluster: setup.clusters[0].clone(),
            family: setup.families[0].replace('*', "1"),
            group: None,
            started_by: None,
            tags: BTreeMap::new(),
            renewed_for: None,
            groups: None,
            target_port: None,
            outside_the_vpc: false,
            age: Duration::from_mins(1),
            entry: Entry::Running,
            hidden_for: Duration::ZERO,
            undescribed_for: Duration::ZERO,
            busy_for: None,
            exits: None,
            completed: false,
            owner_ended: false,
            address: None,
            subnet: SUBNET.to_owned(),
            oddity: None,
            behaviour: Behaviour::default(),
            stop_timeout: setup.stop_timeout,
            sidecars: Vec::new(),
        }
    }

    /// Its ARN does not name its cluster, as those of old services.
    pub fn with_a_short_arn(mut self) -> Self {
        self.oddity = Some(Oddity::ShortArn);
        self
    }

    /// ECS shows it without task definition and creation.
    pub fn shapeless(mut self) -> Self {
        self.oddity = Some(Oddity::Shapeless);
        self
    }

    /// Its network interface is in this subnet.
    pub fn in_subnet(mut self, subnet: &str) -> Self {
        subnet.clone_into(&mut self.subnet);
        self
    }

    /// Created this long ago.
    pub fn started_ago(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// Created now, PROVISIONING; it will run after the setup's dwell times.
    pub fn starting(mut self) -> Self {
        self.entry = Entry::Fresh;
        self.age = Duration::ZERO;
        self
    }

    /// The same as [`Self::starting`], already PENDING.
    pub fn pending(mut self) -> Self {
        self.age = self.world.lock().setup.dwell.provisioning;
        self.entry = Entry::Fresh;
        self
    }

    /// Stuck in PENDING for ever.
    pub fn never_started(mut self) -> Self {
        self.entry = Entry::NeverStarts;
        self
    }

    /// A Spot warning has just come: desired STOPPED, last RUNNING; SIGKILL after the stop timeout.
    pub fn dying(mut self) -> Self {
        self.entry = Entry::Dying;
        self
    }

    /// Its container exited with this code, and the task has just become STOPPED.
    pub fn stopped(self, exit_code: i32) -> Self {
        self.stopped_ago(exit_code, Duration::ZERO)
    }

    /// Its container exited with this code; the task has been STOPPED for this long.
    pub fn stopped_ago(mut self, exit_code: i32, ago: Duration) -> Self {
        self.entry = Entry::Stopped { exit_code, ago };
        self
    }

    /// With another container whose image is still being pulled: the task is PENDING, and the
    /// session runs.
    pub fn with_a_sidecar_being_pulled(mut self) -> Self {
        let name = format!("sidecar-{}", self.sidecars.len());
        self.sidecars.push(Sidecar { name, runs_at: None, exit_code: None });
        self
    }

    /// With another container that exits with this code when the task ends; `None`: no code is known.
    pub fn with_a_sidecar_that_exits(mut self, exit_code: Option<i32>) -> Self {
        let (name, runs_at) = (format!("sidecar-{}", self.sidecars.len()), Some(Timestamp::MIN));
        self.sidecars.push(Sidecar { name, runs_at, exit_code });
        self
    }

    /// Its id is in this environment override instead of `SESSION_ID`.
    pub fn identified_by_env(mut self, name: &str) -> Self {
        self.identity = Identity::Environment(name.to_owned());
        self
    }

    /// Its id is in the tag `session-id` only.
    pub fn identified_by_tag(mut self) -> Self {
        self.identity = Identity::Tag("session-id".to_owned());
        self
    }

    /// Its id is in `startedBy` only.
    pub fn identified_by_started_by(mut self) -> Self {
        self.identity = Identity::StartedBy;
        self
    }

    /// Its id is nowhere on the task.
    pub fn unidentified(mut self) -> Self {
        self.identity = Identity::None;
        self
    }

    /// In this cluster, which comes to exist.
    pub fn in_cluster(mut self, name: &str) -> Self {
        name.clone_into(&mut self.cluster);
        self
    }

    /// Of this family.
    pub fn of_family(mut self, family: &str) -> Self {
        family.clone_into(&mut self.family);
        self
    }

    /// With this `group`, such as `service:web`, instead of `family:…`.
    pub fn group(mut self, group: &str) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    /// With this `startedBy`.
    pub fn started_by(mut self, by: &str) -> Self {
        self.started_by = Some(by.to_owned());
        self
    }

    /// With this tag.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With a lease that ends this long from now.
    pub fn leased_for(self, left: Duration) -> Self {
        let until = self.world.now() + left;
        self.lease(until)
    }

    /// Its owner extends its lease every other second, each time to end this much later.
    pub fn renewed_for(mut self, left: Duration) -> Self {
        self.renewed_for = Some(left);
        self
    }

    /// With a lease that ended this long ago; the session had begun by then.
    pub fn lease_lapsed(mut self, ago: Duration) -> Self {
        let until = self.world.now() - ago;
        self.age = self.age.max(ago + Duration::from_mins(1));
        self.lease(until)
    }

    fn lease(self, until: Timestamp) -> Self {
        let name = self.world.lock().setup.lease_tag.clone();
        self.tag(&name, &until.to_string())
    }

    /// Never registered as a target.
    pub fn unregistered(self) -> Self {
        self.registered_in(&[])
    }

    /// Registered in these target groups (by name) instead of the first configured one.
    pub fn registered_in(mut self, groups: &[&str]) -> Self {
        self.groups = Some(groups.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// Registered at this port instead of that of session containers: a proxy beside it listens there.
    pub fn registered_at_port(mut self, port: u16) -> Self {
        self.target_port = Some(port);
        self
    }

    /// Its address lies outside the VPC of its target groups: it is registered with the zone `all`, and
    /// refused without.
    pub fn outside_the_vpc(mut self) -> Self {
        self.outside_the_vpc = true;
        self
    }

    /// At the address of a task that no longer holds it.
    pub fn at_address_of(mut self, old: &TaskHandle) -> Self {
        self.address = Some(old.address);
        self
    }

    /// At a certain loopback address.
    pub fn at_address(mut self, address: Ipv4Addr) -> Self {
        self.address = Some(address);
        self
    }

    /// ECS reads don't show it for this long from its creation on.
    pub fn hidden_for(mut self, lag: Duration) -> Self {
        self.hidden_for = lag;
        self
    }

    /// `ListTasks` shows it, and `DescribeTasks` calls it MISSING, for this long from its creation on.
    pub fn undescribed_for(mut self, lag: Duration) -> Self {
        self.undescribed_for = lag;
        self
    }

    /// Its owner has ended it already.
    pub fn ended_by_owner(mut self) -> Self {
        self.owner_ended = true;
        self
    }

    /// Its container has completed and uploaded by itself.
    pub fn completed(mut self) -> Self {
        self.completed = true;
        self
    }

    /// SIGKILL comes this long after SIGTERM.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Brings the session into the world.
    #[expect(clippy::must_use_candidate, reason = "a session may be a mere bystander")]
    pub fn start(self) -> TaskHandle {
        let world = self.world.clone();
        let mut state = world.lock();
        let now = state.clock.now();
        state.settle(now);
        self.enter(&mut state, now)
    }
}
