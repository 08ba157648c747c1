//! What all three functions found when they examined themselves: the reports that two of them keep in the ledger,
//! and what the inspector finds by its own role.

use super::answer::Answer;
use crate::aws::{CallError, Stored};
use crate::clock::is_longer_ago;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::doctor::{Check, CheckKind, DoctorReport, Examined, examine, page, unanswered};
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
    let (completion, reaper, targets, own) = tokio::join!(
        kept(context, Examined::Completion, deadline),
        kept(context, Examined::Reaper, deadline),
        targets(context, deadline),
        examine(context, Examined::Inspector, deadline, deadline),
    );
    let now = context.clock.now();
    let mut checks = [own.checks, targets].concat();
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
    reports.push(DoctorReport::new(own.function, own.examined_at, own.duration_ms, checks));
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

/// Whether the target groups can be read.
async fn targets(context: &Context, deadline: Deadline) -> Vec<Check> {
    let listings = groups(context, deadline).await.into_iter();
    let checks = listings.map(|(group, listing)| match listing {
        Ok(targets) => Check::green(
            CheckKind::TargetGroup,
            group.name(),
            format!("The inspector sees {} targets.", targets.len()),
        ),
        Err(error) => {
            let fix = "Take a group that does not exist out of TargetGroupArns; for one that does, deploy the \
                       inspector's role of the template again.";
            unanswered(CheckKind::TargetGroup, group.name(), &error, fix)
        }
    });
    checks.collect()
}

impl Answer for Doctor {
    fn text(&self) -> String {
        page(&self.reports, self.now)
    }
}
