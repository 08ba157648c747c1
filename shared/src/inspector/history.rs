use super::read_all::read_all;
use crate::aws::{CallError, Stored};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::sweep::memory::Memory;
use crate::sweep::report::{StoredReport, StoredTarget, StoredTask};
use crate::sweep::suspects::Suspects;
use jiff::{SignedDuration, Timestamp};

/// What the last sweeps have left in the ledger: their reports, and what they remember.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The reports, the newest first. A sweep that found nothing leaves none.
    pub(super) reports: Vec<Kept>,
    /// What the last one remembers.
    pub(super) suspects: Suspects,
    /// What could not be read.
    pub(super) problems: Vec<String>,
}

/// A stored report.
#[derive(Debug)]
pub(super) struct Kept {
    /// Where.
    pub(super) key: String,
    /// What it says.
    pub(super) report: StoredReport,
}

/// Reports of so long ago are looked for first, then of longer ago, then all: listing those that are kept may take
/// many pages.
const LOOKS: [Option<SignedDuration>; 3] =
    [Some(SignedDuration::from_hours(24)), Some(SignedDuration::from_hours(24 * 7)), None];

/// How many objects are read at once. After an outage each may hold thousands of findings.
const AT_ONCE: usize = 3;

impl History {
    /// Reads the `last` reports and the memory.
    pub(super) async fn read(context: &Context, last: usize, deadline: Deadline) -> Self {
        let (memory, keys) = tokio::join!(
            Memory::read(&context.aws.ledger, deadline),
            newest(context, last, deadline)
        );
        Self::of(context, memory, keys, deadline).await
    }

    /// Reads the memory, and the report of the very last sweep, if it has left one.
    pub(super) async fn read_the_last_sweep(context: &Context, deadline: Deadline) -> Self {
        let memory = Memory::read(&context.aws.ledger, deadline).await;
        let keys = match memory.suspects.swept_at {
            None => newest(context, 1, deadline).await,
            // A key says when its sweep began, in seconds, with more behind it.
            Some(at) => keys(context, Some(begins(at)), deadline).await.map(|mut keys| {
                keys.reverse();
                keys.truncate(1);
                keys
            }),
        };
        Self::of(context, memory, keys, deadline).await
    }

    async fn of(
        context: &Context,
        memory: Memory,
        keys: Result<Vec<String>, CallError>,
        deadline: Deadline,
    ) -> Self {
        let mut problems: Vec<String> = memory.problem.into_iter().collect();
        let keys = keys.unwrap_or_else(|error| {
            problems.push(error.to_string());
            Vec::new()
        });
        let reports =
            read_all(keys, AT_ONCE, &mut problems, |key| read(context, key, deadline)).await;
        Self { reports, suspects: memory.suspects, problems }
    }

    /// Whether the last sweep is known to have found nothing.
    pub(super) fn found_nothing(&self) -> bool {
        self.suspects.found == Some(0) && self.problems.is_empty()
    }

    /// When the last sweep began, as far as is known.
    pub(super) fn swept_at(&self) -> Option<Timestamp> {
        let reported = self.reports.first().and_then(|kept| kept.report.started_at);
        self.suspects.swept_at.max(reported)
    }

    /// The report of the very last sweep, if it left one.
    pub(super) fn of_the_last_sweep(&self) -> Option<&Kept> {
        let newest = self.reports.first()?;
        let swept_at = self.suspects.swept_at;
        (swept_at.is_none() || newest.report.started_at >= swept_at).then_some(newest)
    }

    /// What each report says of the tasks that `are_meant`, with the report.
    pub(super) fn tasks(
        &self,
        are_meant: impl Fn(&StoredTask) -> bool,
    ) -> Vec<(&Kept, &StoredTask)> {
        let all = self
            .reports
            .iter()
            .flat_map(|kept| kept.report.tasks.iter().map(move |one| (kept, one)));
        all.filter(|(_, task)| are_meant(task)).collect()
    }

    /// The same of targets.
    pub(super) fn targets(
        &self,
        are_meant: impl Fn(&StoredTarget) -> bool,
    ) -> Vec<(&Kept, &StoredTarget)> {
        let all = self
            .reports
            .iter()
            .flat_map(|kept| kept.report.targets.iter().map(move |one| (kept, one)));
        all.filter(|(_, target)| are_meant(target)).collect()
    }
}

/// The keys of the last reports, the newest first.
async fn newest(
    context: &Context,
    last: usize,
    deadline: Deadline,
) -> Result<Vec<String>, CallError> {
    let now = context.clock.now();
    let mut keys = Vec::new();
    for back in LOOKS {
        let since = back.map(|back| begins(now.checked_sub(back).unwrap_or(Timestamp::MIN)));
        keys = self::keys(context, since, deadline).await?;
        if keys.len() >= last {
            break;
        }
    }
    // Keys begin with the seconds since 1970, which have ten digits until the year 2286.
    keys.sort_unstable();
    keys.reverse();
    keys.truncate(last);
    Ok(keys)
}

/// How the keys of reports of that second begin.
fn begins(at: Timestamp) -> String {
    format!("sweeps/{}", at.as_second())
}

async fn keys(
    context: &Context,
    after: Option<String>,
    deadline: Deadline,
) -> Result<Vec<String>, CallError> {
    let listing = context.aws.ledger.keys_after("sweeps/", after);
    CallError::answered_by(deadline, "ListObjectsV2", "sweeps/", listing).await
}

async fn read(
    context: &Context,
    key: String,
    deadline: Deadline,
) -> Result<Option<Kept>, CallError> {
    let reading = context.aws.ledger.read::<StoredReport>(&key);
    let read = CallError::answered_by(deadline, "GetObject", &key, reading).await?;
    Ok(read.map(|Stored { document: report, .. }| Kept { key, report }))
}
