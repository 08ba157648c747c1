use super::arn::TaskArn;
use super::container_state::ContainerState;
use super::id::SessionId;
use super::neighbourhood::Neighbourhood;
use super::size::TaskSize;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

/// The tag that we put on a task whose session its owner has ended and that could not be cleaned at
/// once. Its value is the time of that first cleanup (RFC 3339): the salvage window starts there.
pub const SESSION_ENDED_TAG: &str = "session-ended-at";

/// The tag by which an operator keeps a task from ever being reaped: `true`.
pub const PROTECTION_TAG: &str = "cleanup-protection";

/// `lastStatus`, in the order in which a task goes through it (ECS developer guide, "Task
/// lifecycle").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LastStatus {
    /// The network interface is being made.
    Provisioning,
    /// Waiting for resources and images.
    Pending,
    /// Last steps before running.
    Activating,
    /// The containers run.
    Running,
    /// First steps of stopping.
    Deactivating,
    /// Containers get SIGTERM, later SIGKILL.
    Stopping,
    /// The network interface is being given back: from here on the address may be someone else's.
    Deprovisioning,
    /// Over.
    Stopped,
    /// Over, and about to be forgotten.
    Deleted,
    /// A status that this version does not know: nothing may be concluded from it.
    Unrecognised,
}

impl LastStatus {
    /// Reads ECS's spelling.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "PROVISIONING" => Self::Provisioning,
            "PENDING" => Self::Pending,
            "ACTIVATING" => Self::Activating,
            "RUNNING" => Self::Running,
            "DEACTIVATING" => Self::Deactivating,
            "STOPPING" => Self::Stopping,
            "DEPROVISIONING" => Self::Deprovisioning,
            "STOPPED" => Self::Stopped,
            "DELETED" => Self::Deleted,
            _ => Self::Unrecognised,
        }
    }
}

/// `desiredStatus`: what ECS is steering the task to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesiredStatus {
    /// It shall run.
    Running,
    /// It shall stop: SIGTERM has been or is being sent.
    Stopped,
    /// A word that this version does not know.
    Unrecognised,
}

impl DesiredStatus {
    /// Reads ECS's spelling. A task that shall start (`PENDING`) shall run.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "RUNNING" | "PENDING" => Self::Running,
            "STOPPED" => Self::Stopped,
            _ => Self::Unrecognised,
        }
    }
}

/// A task as one `DescribeTasks` showed it.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its ARN.
    pub arn: TaskArn,
    /// The family of its task definition.
    pub family: String,
    /// `group`, for example `family:session` or `service:web`.
    pub group: Option<String>,
    /// How far it has come.
    pub last_status: LastStatus,
    /// Where ECS is steering it.
    pub desired_status: DesiredStatus,
    /// When `RunTask` made it.
    pub created_at: Timestamp,
    /// When its containers started, if they ever did.
    pub started_at: Option<Timestamp>,
    /// `privateIPv4Address` of its network interface. ECS keeps showing it after the task has lost
    /// it: see [`Task::held_address`].
    pub address: Option<Ipv4Addr>,
    /// `subnetId` of its network interface.
    pub subnet: Option<String>,
    /// Environment overrides of all its containers.
    pub environment: BTreeMap<String, String>,
    /// Its tags; `StopTask` deletes them.
    pub tags: BTreeMap<String, String>,
    /// `startedBy`.
    pub started_by: Option<String>,
    /// `stoppedReason`.
    pub stopped_reason: Option<String>,
    /// When it was told to stop.
    pub stopping_at: Option<Timestamp>,
    /// When it had stopped.
    pub stopped_at: Option<Timestamp>,
    /// Whether `StopTask` ended it (`stopCode` is `UserInitiated`): ECS deletes its tags with that call.
    pub stopped_by_a_call: bool,
    /// How large it is, where ECS says so.
    pub size: Option<TaskSize>,
    /// Its containers.
    pub containers: Vec<ContainerState>,
    /// Grows with every change of the task.
    pub version: i64,
}

/// What can still be done for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// No container of it has ever run: there is nothing to salvage.
    NeverStarted,
    /// It runs and holds its address.
    Running,
    /// ECS is stopping it, and it still holds its address: salvage now or never.
    Dying,
    /// Its address is no longer its own, its containers are gone.
    Over,
    /// ECS answered with a status that this version does not know.
    Unknown,
}

impl Task {
    /// How far the task is, from both statuses together.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let dying = match self.desired_status {
            DesiredStatus::Running => false,
            DesiredStatus::Stopped => true,
            DesiredStatus::Unrecognised => return Stage::Unknown,
        };
        match self.last_status {
            LastStatus::Provisioning | LastStatus::Pending if self.never_started() => {
                Stage::NeverStarted
            }
            LastStatus::Provisioning
            | LastStatus::Pending
            | LastStatus::Activating
            | LastStatus::Running => {
                if dying {
                    Stage::Dying
                } else {
                    Stage::Running
                }
            }
            LastStatus::Deactivating | LastStatus::Stopping => Stage::Dying,
            LastStatus::Deprovisioning | LastStatus::Stopped | LastStatus::Deleted => Stage::Over,
            LastStatus::Unrecognised => Stage::Unknown,
        }
    }

    /// Whether no container of it has ever run. `lastStatus` alone does not say so: see
    /// [`ContainerState::runs`]; and `startedAt` waits for all of them.
    #[must_use]
    pub fn never_started(&self) -> bool {
        let ran = |container: &ContainerState| container.runs || container.exit_code.is_some();
        self.started_at.is_none() && !self.containers.iter().any(ran)
    }

    /// Whether nothing says that it ends: it runs, or is on its way there.
    #[must_use]
    pub fn shall_run(&self) -> bool {
        self.desired_status == DesiredStatus::Running && self.last_status < LastStatus::Deactivating
    }

    /// Its address, while its network interface is its own (`lastStatus` before `DEPROVISIONING`).
    #[must_use]
    pub fn held_address(&self) -> Option<Ipv4Addr> {
        match self.last_status {
            LastStatus::Provisioning
            | LastStatus::Pending
            | LastStatus::Activating
            | LastStatus::Running
            | LastStatus::Deactivating
            | LastStatus::Stopping => self.address,
            LastStatus::Deprovisioning
            | LastStatus::Stopped
            | LastStatus::Deleted
            | LastStatus::Unrecognised => None,
        }
    }

    /// The tasks that packets of ours reach by the same route.
    #[must_use]
    pub fn neighbourhood(&self) -> Neighbourhood {
        Neighbourhood { family: self.family.clone(), subnet: self.subnet.clone() }
    }

    /// Whether an operator keeps sweeps away from it.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        let value = self.tags.get(PROTECTION_TAG).map(|value| value.trim().to_ascii_lowercase());
        value.is_some_and(|value| !matches!(value.as_str(), "" | "false" | "no" | "off" | "0"))
    }

    /// Whether a service runs it: such a task is never a session task.
    #[must_use]
    pub fn is_of_a_service(&self) -> bool {
        self.group.as_deref().is_some_and(|group| group.starts_with("service:"))
    }

    /// What we wrote when we stopped this task, if it was us.
    #[must_use]
    pub fn stop_note(&self) -> Option<StopNote> {
        self.stopped_reason.as_deref().and_then(StopNote::parse)
    }
}

/// What was known of the artifacts when we stopped a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoppedWith {
    /// The container had confirmed them, and the marker was seen.
    ArtifactsConfirmed,
    /// They were given up: the salvage window was over.
    ArtifactsLost,
    /// The same, and their marker was there, or could not be read: nobody vouches for them.
    ArtifactsUnverified,
    /// The task had never started.
    NothingToSave,
    /// There are none, by configuration.
    Discarded,
}

impl StoppedWith {
    /// Its word in the note.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ArtifactsConfirmed => "confirmed",
            Self::ArtifactsLost => "lost",
            Self::ArtifactsUnverified => "unverified",
            Self::NothingToSave => "none",
            Self::Discarded => "discarded",
        }
    }
}

/// The `stoppedReason` of our own stops: `session-cleanup: session ID; cause CAUSE; artifacts WORD`.
///
/// `StopTask` deletes a task's tags, so this is where a duplicate event finds the identity of a task
/// that was identified by one. ECS takes at most 255 characters; the longest note has fewer, since the
/// id stands as it is: it has no space, no `;` and nothing that ECS would alter, and percent-encoded 128
/// of its worst characters would be 384.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopNote {
    /// The session that the task ran.
    pub session: SessionId,
    /// Why the task was stopped, as a word for people.
    pub cause: String,
    /// What had become of its artifacts.
    pub artifacts: StoppedWith,
}

impl StopNote {
    /// Every stop of ours starts with this; the event rule and the event edge leave such stops out.
    pub const PREFIX: &str = "session-cleanup:";

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(Self::PREFIX)?.split(';').map(str::trim);
        let session = parts.next()?.strip_prefix("session ")?;
        let cause = parts.next()?.strip_prefix("cause ")?;
        let artifacts = match parts.next()?.strip_prefix("artifacts ")? {
            "confirmed" => StoppedWith::ArtifactsConfirmed,
            "lost" => StoppedWith::ArtifactsLost,
            "unverified" => StoppedWith::ArtifactsUnverified,
            "none" => StoppedWith::NothingToSave,
            "discarded" => StoppedWith::Discarded,
            _ => return None,
        };
        let session = SessionId::parse(session).ok()?;
        Some(Self { session, cause: cause.to_owned(), artifacts })
    }
}

impl fmt::Display for StopNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, cause, artifacts } = self;
        write!(
            f,
            "{} session {session}; cause {cause}; artifacts {}",
            Self::PREFIX,
            artifacts.word()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_note_reads_back_what_was_written() {
        // One leads to the next, so that a new one does not compile here before it is in the chain.
        let next = |one: &StoppedWith| match one {
            StoppedWith::ArtifactsConfirmed => Some(StoppedWith::ArtifactsLost),
            StoppedWith::ArtifactsLost => Some(StoppedWith::ArtifactsUnverified),
            StoppedWith::ArtifactsUnverified => Some(StoppedWith::NothingToSave),
            StoppedWith::NothingToSave => Some(StoppedWith::Discarded),
            StoppedWith::Discarded => None,
        };
        for artifacts in std::iter::successors(Some(StoppedWith::ArtifactsConfirmed), next) {
            for worst in ["x", ":", "+", "=", "@"] {
                let session = SessionId::parse(&worst.repeat(128)).unwrap();
                let cause = "orphan_lease_expired".to_owned();
                let note = StopNote { session, cause, artifacts };
                let text = note.to_string();
                assert!(text.len() <= 255, "ECS takes 255 characters, not {}", text.len());
                assert_eq!(StopNote::parse(&text), Some(note));
            }
        }
    }

    /// In the order in which a task goes through them.
    #[test]
    fn each_status_of_ecs_is_read_and_any_other_is_after_all_of_them() {
        let words = [
            "PROVISIONING",
            "PENDING",
            "ACTIVATING",
            "RUNNING",
            "DEACTIVATING",
            "STOPPING",
            "DEPROVISIONING",
            "STOPPED",
            "DELETED",
            "HIBERNATED",
        ];
        let read = words.map(LastStatus::parse);
        assert!(read.is_sorted_by(|one, next| one < next), "{read:?}");
        assert_eq!(read.last(), Some(&LastStatus::Unrecognised));
    }

    #[test]
    fn a_stop_by_someone_else_is_no_note_of_ours() {
        for text in [
            "",
            "Scaling activity",
            "session-cleanup:",
            "session-cleanup: session ..; cause x; artifacts lost",
            "session-cleanup: session a%3Ab; cause x; artifacts lost",
            "session-cleanup: session a; cause x; artifacts of a later version",
        ] {
            assert_eq!(StopNote::parse(text), None, "{text}");
        }
    }
}
