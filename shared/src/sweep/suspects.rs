//! What the sweep before suspected. A state that may pass is acted on only when two consecutive sweeps
//! saw it, at least half an interval apart; the memory is one object of the ledger, `suspects.json`.

mod in_a_row;

pub use in_a_row::{Before, InARow};

use crate::aws::{CallError, Failure, Ledger, Stored, parse_document};
use crate::deadline::Deadline;
use crate::session::{TargetAddress, TargetGroupArn, TaskArn};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

const KEY: &str = "suspects.json";

/// A memory older than so many intervals counts no more: sweeps have not been consecutive.
const INTERVALS: i32 = 3;

/// Since when something has been so, without a sweep in between that saw otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSince {
    /// The first of these sweeps.
    pub since: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// What a sweep suspects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suspects {
    /// Tasks whose containers say that they are done (row T9a).
    pub tasks: BTreeMap<TaskArn, SeenSince>,
    /// Targets that nobody holds and nobody answers at.
    pub targets: BTreeMap<(TargetGroupArn, TargetAddress), SeenSince>,
    /// Orphans that were asked for their artifacts without success: their salvage window goes on since
    /// then.
    pub failed_salvages: BTreeMap<TaskArn, SeenSince>,
    /// Orphans whose containers said that they run another session: nobody but the hard age ends them.
    pub reused: BTreeMap<TaskArn, SeenSince>,
    /// Orphans that nobody reached, nor anyone behind the same route.
    pub blind: BTreeMap<TaskArn, SeenSince>,
    /// Orphans that were worked on and run on, and when last: who waited longer comes first.
    pub tried: BTreeMap<TaskArn, Timestamp>,
    /// Orphans whose containers said that their uploads were under way, and when last: their salvage windows
    /// begin anew then.
    pub under_way: BTreeMap<TaskArn, Timestamp>,
    /// The leases that ran when everything was listed last.
    pub leases: SeenLeases,
    /// Tasks of a warm pool that were seen claimed by a session that does not say since when, and when first.
    pub claimed: BTreeMap<TaskArn, Timestamp>,
    /// Tasks that were stopped because their leases had lapsed, and when.
    pub reaped_for_leases: BTreeMap<TaskArn, Timestamp>,
    /// How many sweeps in a row had the same trouble.
    pub in_a_row: InARow,
    /// When the sweep began that has written this.
    pub swept_at: Option<Timestamp>,
    /// How much that sweep found: where it is nothing, no report follows. `None`: a version before did not say.
    pub found: Option<usize>,
}

/// The leases that ran at the last sweep that had listed everything: whether they are extended shows
/// whether renewal works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenLeases {
    /// When they were seen; `None`: never.
    pub at: Option<Timestamp>,
    /// When they ended then.
    pub ends: BTreeMap<TaskArn, Timestamp>,
}

/// So many leases are remembered at most: any of them that is extended shows that renewal works.
const LEASES: usize = 1_000;

impl SeenLeases {
    /// Those of `running` that are remembered from `now` on.
    #[must_use]
    pub fn new(running: impl IntoIterator<Item = (TaskArn, Timestamp)>, now: Timestamp) -> Self {
        let mut ends: BTreeMap<TaskArn, Timestamp> = running.into_iter().collect();
        if let Some(beyond) = ends.keys().nth(LEASES).cloned() {
            ends.split_off(&beyond);
        }
        Self { at: Some(now), ends }
    }
}

impl Suspects {
    /// Those that still count: seen at most three intervals ago.
    #[must_use]
    pub fn still_fresh(mut self, interval: Duration, now: Timestamp) -> Self {
        let longest = longest_gap(interval);
        let fresh = |seen: &SeenSince| now.duration_since(seen.last) <= longest;
        self.tasks.retain(|_, seen| fresh(seen));
        self.targets.retain(|_, seen| fresh(seen));
        self.failed_salvages.retain(|_, seen| fresh(seen));
        self.reused.retain(|_, seen| fresh(seen));
        self.blind.retain(|_, seen| fresh(seen));
        self.tried.retain(|_, at| now.duration_since(*at) <= longest);
        if self.leases.at.is_some_and(|at| now.duration_since(at) > longest) {
            self.leases = SeenLeases::default();
        }
        self
    }

    /// That some of them count no more, because the sweep before was too long ago: sweeps fail, or come
    /// less often than their interval says.
    #[must_use]
    pub fn too_old(&self, interval: Duration, now: Timestamp) -> Option<String> {
        let forgets = self.clone().still_fresh(interval, now) != *self;
        let ago = now.duration_since(self.last_sweep()?);
        let is_long_ago = ago > longest_gap(interval);
        (forgets && is_long_ago).then(|| {
            format!(
                "the sweep before was {} min ago, and SWEEP_INTERVAL says {interval:?}: what it suspected does \
                 not count, and nothing that must be seen twice is acted on",
                ago.as_mins()
            )
        })
    }

    /// When the sweep before was; versions before did not say so themselves.
    fn last_sweep(&self) -> Option<Timestamp> {
        let tasks = self.tasks.values().chain(self.failed_salvages.values());
        let seen = tasks.chain(self.reused.values()).chain(self.blind.values());
        let seen = seen.chain(self.targets.values());
        self.swept_at.or_else(|| seen.map(|seen| seen.last).chain(self.leases.at).max())
    }
}

/// Sweeps that are further apart don't follow each other: what must be seen twice never is.
#[must_use]
pub fn longest_gap(interval: Duration) -> SignedDuration {
    let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
    interval.checked_mul(INTERVALS).unwrap_or(SignedDuration::MAX)
}

impl SeenSince {
    /// Seen now, and for the first time unless `before` says otherwise.
    #[must_use]
    pub fn again(before: Option<&Self>, now: Timestamp) -> Self {
        Self { since: before.map_or(now, |seen| seen.since), last: now }
    }

    /// Whether the first of these sweeps is at least half an interval ago.
    #[must_use]
    pub fn is_long_enough(&self, interval: Duration, now: Timestamp) -> bool {
        let half = SignedDuration::try_from(interval / 2).unwrap_or(SignedDuration::MAX);
        now.duration_since(self.since) >= half
    }
}

/// The memory as it was found, and what a conditional write needs.
#[derive(Debug, Clone)]
pub struct Memory {
    version: Version,
    /// What the sweep before suspected; nothing where the memory can't be read.
    pub suspects: Suspects,
    /// Why nobody is suspect yet although there is a memory.
    pub problem: Option<String>,
}

#[derive(Debug, Clone)]
enum Version {
    /// There is none yet.
    New,
    /// This one is replaced.
    Known(String),
    /// It is not known whether there is one: none is written.
    Unknown,
}

impl Memory {
    /// Reads it, for no longer than until `deadline`. Where it can't be read, nobody is suspect yet.
    pub async fn read(ledger: &Ledger, deadline: Deadline) -> Self {
        match CallError::answered_by(deadline, "GetObject", KEY, ledger.read_bytes(KEY)).await {
            Ok(None) => {
                Self { version: Version::New, suspects: Suspects::default(), problem: None }
            }
            Ok(Some(Stored { document, etag })) => {
                let version = Version::Known(etag);
                match parse_document::<Document>(&document) {
                    Ok(document) => Self { version, suspects: document.into(), problem: None },
                    Err(problem) => {
                        let problem =
                            format!("{KEY} can't be read, nobody is suspect yet: {problem}");
                        let suspects = Suspects::default();
                        Self { version, suspects, problem: Some(problem) }
                    }
                }
            }
            Err(error) => Self {
                version: Version::Unknown,
                suspects: Suspects::default(),
                problem: Some(format!("{error}; nobody is suspect yet")),
            },
        }
    }

    /// What is known of the sweeps before.
    #[must_use]
    pub fn before(&self) -> Before {
        match self.problem {
            Some(_) => Before::Unknown,
            None => Before::Known(self.suspects.in_a_row, self.suspects.swept_at),
        }
    }

    /// Replaces what was read by `suspects`, also where nothing is suspect: it says when the last sweep was.
    ///
    /// # Errors
    /// A sentence that says why the next sweep will not know of them.
    pub async fn replace(
        &mut self,
        ledger: &Ledger,
        suspects: &Suspects,
        deadline: Deadline,
    ) -> Result<(), String> {
        let document = Document::from(suspects);
        let writing = match &self.version {
            Version::Unknown => return Ok(()),
            Version::New => ledger.create(KEY, &document).boxed(),
            Version::Known(etag) => ledger.replace(KEY, &document, etag).boxed(),
        };
        match CallError::answered_by(deadline, "PutObject", KEY, writing).await {
            Ok(etag) => {
                self.version = Version::Known(etag);
                self.suspects = suspects.clone();
                self.problem = None;
                Ok(())
            }
            Err(error) => Err(not_remembered(&error)),
        }
    }
}

fn not_remembered(error: &CallError) -> String {
    match error.failure {
        Failure::Conflict => {
            format!("another sweep has written {KEY} meanwhile; its suspects count, not ours")
        }
        Failure::Throttled
        | Failure::Refused
        | Failure::Denied
        | Failure::NotFound
        | Failure::Unreadable
        | Failure::NotSent
        | Failure::Unknown => format!("{error}; the next sweep will not know its suspects"),
    }
}

/// The object's form: lists, since an address can't be a key.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    tasks: Vec<SuspectTask>,
    targets: Vec<SuspectTarget>,
    #[serde(alias = "vain")]
    failed_salvages: Vec<SuspectTask>,
    #[serde(default)]
    reused: Vec<SuspectTask>,
    #[serde(default)]
    blind: Vec<SuspectTask>,
    #[serde(default)]
    tried: Vec<TaskAt>,
    #[serde(default)]
    under_way: Vec<TaskAt>,
    #[serde(default)]
    leases_seen_at: Option<Timestamp>,
    #[serde(default)]
    leases: Vec<TaskAt>,
    #[serde(default)]
    claimed: Vec<TaskAt>,
    #[serde(default)]
    reaped_for_leases: Vec<TaskAt>,
    #[serde(default)]
    in_a_row: InARow,
    #[serde(default)]
    swept_at: Option<Timestamp>,
    #[serde(default)]
    found: Option<usize>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TaskAt {
    task: TaskArn,
    at: Timestamp,
}

fn listed(times: &BTreeMap<TaskArn, Timestamp>) -> Vec<TaskAt> {
    times.iter().map(|(task, at)| TaskAt { task: task.clone(), at: *at }).collect()
}

fn by_task(times: Vec<TaskAt>) -> BTreeMap<TaskArn, Timestamp> {
    times.into_iter().map(|TaskAt { task, at }| (task, at)).collect()
}

#[derive(Debug, Serialize, Deserialize)]
struct SuspectTask {
    task: TaskArn,
    #[serde(flatten)]
    seen: SeenSince,
}

#[derive(Debug, Serialize, Deserialize)]
struct SuspectTarget {
    group: TargetGroupArn,
    address: TargetAddress,
    #[serde(flatten)]
    seen: SeenSince,
}

impl From<&Suspects> for Document {
    fn from(suspects: &Suspects) -> Self {
        let task =
            |(task, seen): (&TaskArn, &SeenSince)| SuspectTask { task: task.clone(), seen: *seen };
        let targets = suspects.targets.iter().map(|((group, address), seen)| SuspectTarget {
            group: group.clone(),
            address: *address,
            seen: *seen,
        });
        Self {
            tasks: suspects.tasks.iter().map(task).collect(),
            targets: targets.collect(),
            failed_salvages: suspects.failed_salvages.iter().map(task).collect(),
            reused: suspects.reused.iter().map(task).collect(),
            blind: suspects.blind.iter().map(task).collect(),
            tried: listed(&suspects.tried),
            under_way: listed(&suspects.under_way),
            leases_seen_at: suspects.leases.at,
            leases: listed(&suspects.leases.ends),
            claimed: listed(&suspects.claimed),
            reaped_for_leases: listed(&suspects.reaped_for_leases),
            in_a_row: suspects.in_a_row,
            swept_at: suspects.swept_at,
            found: suspects.found,
        }
    }
}

impl From<Document> for Suspects {
    fn from(document: Document) -> Self {
        let task = |suspect: SuspectTask| (suspect.task, suspect.seen);
        let target = |suspect: SuspectTarget| ((suspect.group, suspect.address), suspect.seen);
        Self {
            tasks: document.tasks.into_iter().map(task).collect(),
            targets: document.targets.into_iter().map(target).collect(),
            failed_salvages: document.failed_salvages.into_iter().map(task).collect(),
            reused: document.reused.into_iter().map(task).collect(),
            blind: document.blind.into_iter().map(task).collect(),
            tried: by_task(document.tried),
            under_way: by_task(document.under_way),
            leases: SeenLeases { at: document.leases_seen_at, ends: by_task(document.leases) },
            claimed: by_task(document.claimed),
            reaped_for_leases: by_task(document.reaped_for_leases),
            in_a_row: document.in_a_row,
            swept_at: document.swept_at,
            found: document.found,
        }
    }
}

#[cfg(test)]
mod tests;
