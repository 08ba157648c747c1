//! What a doctor answers, and what of it is kept in the ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who was examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Examined {
    /// The completion function.
    Completion,
    /// The reaper.
    Reaper,
    /// The inspector.
    Inspector,
    /// What none of them sees: queues, schedules and switches of the stack, by an operator's own rights.
    Stack,
}

impl Examined {
    /// Where its report is kept in the ledger, each in the place of the one before. `None`: nobody that may
    /// write there examines it.
    #[must_use]
    pub fn ledger_key(self) -> Option<&'static str> {
        match self {
            Self::Completion => Some("doctor/completion.json"),
            Self::Reaper => Some("doctor/reaper.json"),
            Self::Inspector | Self::Stack => None,
        }
    }
}

impl fmt::Display for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completion => "completion function",
            Self::Reaper => "reaper",
            Self::Inspector => "inspector",
            Self::Stack => "stack",
        })
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// As it should be.
    Green,
    /// It may be meant so, or it is not known: somebody should know it.
    Yellow,
    /// Something does not work, or protects nobody.
    Red,
}

impl fmt::Display for Light {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "RED",
        })
    }
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// A configured cluster.
    Cluster,
    /// A configured family.
    Family,
    /// Whether session tasks say which session they run.
    Identity,
    /// A configured target group.
    TargetGroup,
    /// The bucket that containers upload to.
    ArtifactBucket,
    /// The bucket of receipts.
    Ledger,
    /// What the role may do.
    Permission,
    /// Whether packets get to containers.
    Route,
    /// When the last sweep was, and how the last ones went.
    LastSweep,
    /// The leases of all sessions together.
    Leases,
    /// Who holds the addresses of targets.
    Holders,
    /// A variable beside what it meets.
    Configuration,
    /// A queue of the stack.
    Queue,
    /// What invokes a function.
    Trigger,
    /// Whether a function may run.
    Concurrency,
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Family => "family",
            Self::Identity => "identity",
            Self::TargetGroup => "target group",
            Self::ArtifactBucket => "artifact bucket",
            Self::Ledger => "ledger",
            Self::Permission => "permission",
            Self::Route => "route",
            Self::LastSweep => "last sweep",
            Self::Leases => "leases",
            Self::Holders => "holders",
            Self::Configuration => "configuration",
            Self::Queue => "queue",
            Self::Trigger => "trigger",
            Self::Concurrency => "concurrency",
        })
    }
}

/// One thing that was looked at or tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What it is about.
    pub name: CheckKind,
    /// Which of them: a cluster, a bucket, a call of AWS's API, a variable.
    pub subject: String,
    /// How it came out.
    pub light: Light,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do about it, in a sentence; none where there is nothing to do.
    pub fix: Option<String>,
}

impl Check {
    /// As it should be.
    #[must_use]
    pub fn green(name: CheckKind, subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name, subject: subject.into(), light: Light::Green, found: found.into(), fix: None }
    }

    /// Somebody should know it.
    #[must_use]
    pub fn yellow(
        name: CheckKind,
        subject: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { light: Light::Yellow, fix: Some(fix.into()), ..Self::green(name, subject, found) }
    }

    /// It does not work, or protects nobody.
    #[must_use]
    pub fn red(
        name: CheckKind,
        subject: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { light: Light::Red, ..Self::yellow(name, subject, found, fix) }
    }
}

/// How many checks came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lights {
    /// As they should be.
    pub green: usize,
    /// Somebody should know.
    pub yellow: usize,
    /// Something does not work.
    pub red: usize,
}

impl Lights {
    fn of(checks: &[Check]) -> Self {
        let count = |light| checks.iter().filter(|check| check.light == light).count();
        Self { green: count(Light::Green), yellow: count(Light::Yellow), red: count(Light::Red) }
    }
}

impl fmt::Display for Lights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { green, yellow, red } = self;
        write!(f, "{red} red, {yellow} yellow, {green} green")
    }
}

/// What a doctor found, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorReport {
    /// Who was examined.
    pub function: Examined,
    /// When.
    pub examined_at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// How many checks came out how.
    pub lights: Lights,
    /// The checks; what is worst comes first.
    pub checks: Vec<Check>,
}

impl DoctorReport {
    /// A report of these checks.
    #[must_use]
    pub fn new(
        function: Examined,
        examined_at: Timestamp,
        duration_ms: u64,
        mut checks: Vec<Check>,
    ) -> Self {
        checks.sort_by_key(|check| (std::cmp::Reverse(check.light), check.name));
        let lights = Lights::of(&checks);
        Self { function, examined_at, duration_ms, lights, checks }
    }

    /// Whether something does not work, or protects nobody.
    #[must_use]
    pub fn is_red(&self) -> bool {
        self.checks.iter().any(|check| check.light == Light::Red)
    }
}
