//! A session as a history begins it.

use super::{Container, Seconds, Stack};
use serde::{Deserialize, Serialize};
use session_cleanup_tests::world::{SessionBuilder, World};
use std::time::Duration;

/// A cluster of another account.
pub const OTHER_ACCOUNT: &str = "another-account";

/// The cluster that nobody configured.
pub const OTHER_CLUSTER: &str = "elsewhere";

/// A session's task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// What its task is.
    pub place: Where,
    /// How the session can be told from the task.
    pub identity: Identity,
    /// In which state the task comes into the world.
    pub entry: Entry,
    /// Its owner's word that it goes on.
    pub lease: Lease,
    /// Which target groups its owner registers it in: the first so many.
    pub groups: usize,
    /// The same without the first so many.
    pub but_the_first: usize,
    /// At which port, if not at that of session containers.
    pub port: Option<u16>,
    /// Its address lies outside the VPC of its groups.
    pub outside_the_vpc: bool,
    /// Whose address it has, if not one of its own.
    pub addressed: Addressed,
    /// What its container does.
    pub container: Container,
    /// Who is there beside it.
    pub sidecar: Option<Sidecar>,
    /// An operator keeps it.
    pub is_protected: bool,
    /// It was started with the tags of another, which had ended: so long ago.
    pub copied_end: Option<Seconds>,
    /// Its tag says that it has ended, at a time that nobody can read.
    pub unreadable_end: bool,
    /// `ListTasks` and `DescribeTasks` don't show it for so long.
    pub hidden_for: Seconds,
    /// From SIGTERM to SIGKILL.
    pub stop_timeout: Seconds,
}

/// What a session's task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Where {
    /// A session task, in this configured cluster.
    Cluster(usize),
    /// The same of a family that a wildcard names.
    Runner(usize),
    /// A task of a service, of a session family.
    Service(usize),
    /// A task of another family.
    OtherFamily(usize),
    /// A session family's task in a cluster that is not configured.
    OtherCluster,
    /// What another account runs: nobody here can list it.
    OtherAccount,
}

impl Where {
    /// The same in the first cluster.
    #[must_use]
    pub fn in_the_first_cluster(self) -> Self {
        match self {
            Self::Cluster(_) => Self::Cluster(0),
            Self::Runner(_) => Self::Runner(0),
            Self::Service(_) => Self::Service(0),
            Self::OtherFamily(_) => Self::OtherFamily(0),
            Self::OtherCluster => Self::OtherCluster,
            Self::OtherAccount => Self::OtherAccount,
        }
    }
}

/// How the session can be told from its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// By its environment.
    Environment,
    /// By its tag.
    Tag,
    /// Not at all.
    None,
}

/// In which state a task comes into the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// It has been running for so long.
    Running(Seconds),
    /// It has just been created.
    Fresh,
    /// It never gets beyond PENDING; it was created so long ago.
    NeverStarts(Seconds),
}

/// An owner's word that a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lease {
    /// None.
    None,
    /// One that its owner extends all the time, to end so much later.
    Renewed(Seconds),
    /// One that ends so much later.
    Fixed(Seconds),
    /// One that ended so long ago.
    Lapsed(Seconds),
    /// One that nobody can read.
    Unreadable,
    /// One that ended before the session began: copied from another.
    Stale,
}

/// Whose address a task has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addressed {
    /// One that nobody has had.
    Fresh,
    /// That of an earlier session, once it is free.
    After(usize),
    /// That of a target that nobody has.
    LikeZombie(u8),
}

/// Another container of the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sidecar {
    /// Its image is pulled for ever.
    BeingPulled,
    /// It ends with this code.
    Exits(i32),
}

impl Default for Session {
    fn default() -> Self {
        Self {
            place: Where::Cluster(0),
            identity: Identity::Environment,
            entry: Entry::Running(Seconds::minutes(1)),
            lease: Lease::None,
            groups: 1,
            but_the_first: 0,
            port: None,
            outside_the_vpc: false,
            addressed: Addressed::Fresh,
            container: Container::default(),
            sidecar: None,
            is_protected: false,
            copied_end: None,
            unreadable_end: false,
            hidden_for: Seconds(0),
            stop_timeout: Seconds(30),
        }
    }
}

impl Session {
    /// Its sentence, but for its address.
    pub fn sentence(&self, world: &World, id: &str, stack: &Stack) -> SessionBuilder {
        let session = self.placed(world.session(id));
        let session = match self.identity {
            Identity::Environment => session,
            Identity::Tag => session.identified_by_tag(),
            Identity::None => session.unidentified(),
        };
        let session = match self.entry {
            Entry::Running(age) => session.started_ago(age.into()),
            Entry::Fresh => session.starting(),
            Entry::NeverStarts(age) => session.started_ago(age.into()).never_started(),
        };
        let groups = self.but_the_first..self.groups.min(stack.groups);
        let names: Vec<String> = groups.map(Stack::group).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let session = self.leased(session, world).registered_in(&names);
        let session = match self.port {
            Some(port) => session.registered_at_port(port),
            None => session,
        };
        let session = if self.outside_the_vpc { session.outside_the_vpc() } else { session };
        let session = match self.sidecar {
            None => session,
            Some(Sidecar::BeingPulled) => session.with_a_sidecar_being_pulled(),
            Some(Sidecar::Exits(code)) => session.with_a_sidecar_that_exits(Some(code)),
        };
        let session =
            if self.is_protected { session.tag("cleanup-protection", "true") } else { session };
        let session = match self.copied_end {
            None => session,
            Some(ago) => {
                let ended = world.now() - self.age() - Duration::from(ago);
                session.tag("session-ended-at", &ended.to_string())
            }
        };
        let session = if self.unreadable_end {
            session.tag("session-ended-at", "yesterday")
        } else {
            session
        };
        self.container
            .of(session)
            .hidden_for(self.hidden_for.into())
            .stop_timeout(self.stop_timeout.into())
    }

    fn placed(&self, session: SessionBuilder) -> SessionBuilder {
        match self.place {
            Where::Cluster(number) => session.in_cluster(&Stack::cluster(number)),
            Where::Runner(number) => {
                session.in_cluster(&Stack::cluster(number)).of_family("runner-large")
            }
            Where::Service(number) => {
                session.in_cluster(&Stack::cluster(number)).group("service:session")
            }
            Where::OtherFamily(number) => {
                session.in_cluster(&Stack::cluster(number)).of_family("web")
            }
            Where::OtherCluster => session.in_cluster(OTHER_CLUSTER),
            Where::OtherAccount => session.in_cluster(OTHER_ACCOUNT),
        }
    }

    fn age(&self) -> Duration {
        let age = match self.entry {
            Entry::Running(age) | Entry::NeverStarts(age) => age,
            Entry::Fresh => Seconds(0),
        };
        // It had begun before its lease was over.
        let at_least = match self.lease {
            Lease::Lapsed(ago) => Seconds(ago.0 + 60),
            Lease::None
            | Lease::Renewed(_)
            | Lease::Fixed(_)
            | Lease::Unreadable
            | Lease::Stale => Seconds(0),
        };
        age.max(at_least).into()
    }

    fn leased(&self, session: SessionBuilder, world: &World) -> SessionBuilder {
        match self.lease {
            Lease::None => session,
            Lease::Renewed(left) => session.renewed_for(left.into()),
            Lease::Fixed(left) => session.leased_for(left.into()),
            Lease::Lapsed(ago) => session.lease_lapsed(ago.into()),
            Lease::Unreadable => session.tag("lease-expires-at", "in an hour"),
            Lease::Stale => {
                let ended = world.now() - self.age() - Duration::from_mins(30);
                session.tag("lease-expires-at", &ended.to_string())
            }
        }
    }

    /// Whether it is a session task of the stack.
    #[must_use]
    pub fn is_in_scope(&self) -> bool {
        match self.place {
            Where::Cluster(_) | Where::Runner(_) => true,
            Where::Service(_)
            | Where::OtherFamily(_)
            | Where::OtherCluster
            | Where::OtherAccount => false,
        }
    }
}
