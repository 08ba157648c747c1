//! What all three functions found when they examined themselves: the reports that two of them keep in the ledger,
//! and what the inspector finds by its own role.

use super::answer::Answer;
use super::history::History;
use crate::aws::{CallError, Failure, Stored};
use crate::clock::is_longer_ago;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::doctor::{Check, CheckKind, DoctorReport, Examined, examine, page};
use crate::page::ago;
use crate::sweep::observe::groups;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// All reports, this one's own last.
#[derive(Debug, Serialize)]
pub(super) struct Doctor {
    reports: Vec<DoctorReport>,
    #[serde(skip)]
    now: Timestamp,
}

/// What was found longer ago says little of today.
const OLD: Duration = Duration::from_hours(24 * 7);

/// Reads the kept reports, and examines what the inspector itself may do.
pub(super) async fn answer(context: &Context, deadline: Deadline) -> Doctor {
    let began = tokio::time::Instant::now();
    let (completion, reaper, history) = tokio::join!(
        kept(context, Examined::Completion, deadline),
        kept(context, Examined::Reaper, deadline),
        History::read(context, 1, deadline),
    );
    let now = context.clock.now();
    let own = examine(context, Examined::Inspector, deadline, deadline).await;
    let mut checks = own.checks;
    checks.push(last_sweep(&history, context, now));
    let mut reports = Vec::new();
    for kept in [completion, reaper] {
        match kept {
            Ok(report) => {
                checks.extend(age(&report, now));
                reports.push(report);
            }
            Err(check) => checks.push(check),
        }
    }
    checks.extend(targets(context, deadline).await);
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    reports.push(DoctorReport::new(Examined::Inspector, now, duration_ms, checks));
    Doctor { reports, now }
}

/// The report that a function keeps of itself.
async fn kept(
    context: &Context,
    function: Examined,
    deadline: Deadline,
) -> Result<DoctorReport, Check> {
    let key = function.ledger_key().unwrap_or_default();
    let reading = context.aws.ledger.read::<DoctorReport>(key);
    match CallError::answered_by(deadline, "GetObject", key, reading).await {
        Ok(Some(Stored { document, .. })) => Ok(document),
        Ok(None) => Err(Check::yellow(
            CheckKind::Ledger,
            key,
            format!("The {function} has never been examined."),
            format!("Ask it: make doctor, or invoke the {function} with {{\"doctor\": {{}}}}."),
        )),
        Err(error) => Err(Check::red(
            CheckKind::Ledger,
            key,
            format!("What the {function} found can't be read: {error}"),
            "Allow the inspector's role s3:GetObject on it, or examine the function again.",
        )),
    }
}

/// That a report is old.
fn age(report: &DoctorReport, now: Timestamp) -> Option<Check> {
    let DoctorReport { function, examined_at, .. } = report;
    is_longer_ago(*examined_at, OLD, now).then(|| {
        Check::yellow(
            CheckKind::Ledger,
            function.ledger_key().unwrap_or_default(),
            format!("The {function} was examined {}.", ago(*examined_at, now)),
            "Examine it again: make doctor.",
        )
    })
}

fn last_sweep(history: &History, context: &Context, now: Timestamp) -> Check {
    let subject = "suspects.json";
    let interval = context.config.sweep.interval;
    match history.swept_at() {
        None if history.problems.is_empty() => Check::yellow(
            CheckKind::LastSweep,
            subject,
            "No sweep is on record.",
            "Wait for the first one; if none comes, look at the reaper's log.",
        ),
        None => Check::yellow(
            CheckKind::LastSweep,
            subject,
            "When the last sweep was is not known.",
            "Put right what keeps the ledger from being read.",
        ),
        Some(at) if is_longer_ago(at, interval.saturating_mul(3), now) => Check::red(
            CheckKind::LastSweep,
            subject,
            format!("The last sweep began {}, and one is due every {interval:?}.", ago(at, now)),
            "End the pause, or look at the reaper's log.",
        ),
        Some(at) => Check::green(
            CheckKind::LastSweep,
            subject,
            format!("The last sweep began {}.", ago(at, now)),
        ),
    }
}

/// Whether the target groups can be read.
async fn targets(context: &Context, deadline: Deadline) -> Vec<Check> {
    let listings = groups(context, deadline).await.into_iter();
    let checks = listings.map(|(group, listing)| match listing {
        Ok(targets) => Check::green(
            CheckKind::TargetGroup,
            group.name(),
            format!("The inspector sees {} targets.", targets.len()),
        ),
        Err(error) => unreadable(CheckKind::TargetGroup, group.name(), &error),
    });
    checks.collect()
}

fn unreadable(name: CheckKind, subject: &str, error: &CallError) -> Check {
    let found = error.to_string();
    match error.failure {
        Failure::Denied => {
            Check::red(name, subject, found, "Deploy the inspector's role of the template again.")
        }
        Failure::NotFound => Check::red(name, subject, found, "Take it out of the parameters."),
        Failure::Throttled
        | Failure::Refused
        | Failure::Conflict
        | Failure::Unreadable
        | Failure::NotSent
        | Failure::Unknown => Check::yellow(name, subject, found, "Ask again."),
    }
}

impl Answer for Doctor {
    fn text(&self) -> String {
        page(&self.reports, self.now)
    }
}
