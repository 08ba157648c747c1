//! One session's cleanup. There is **one** cleanup function, [`clean_up`], and both Lambda functions
//! call it: the completion function on the owner's word, the reaper for an orphan.
//!
//! ```text
//! identify ──┬── artifacts: POST complete → marker in S3 ────────────────┬── stop task ──┬── receipt
//!            └── target: intent → deregister → was it still ours? ───────┴── verify ─────┘
//! ```
//!
//! Nothing waits for what it does not need. A failure of one lane never cancels the other.

mod artifacts;
mod budget;
mod identified;
mod identified_session;
mod identify;
mod invocation;
mod judge;
mod lanes;
mod marker;
mod observe;
mod outcome;
mod over;
mod receipt;
mod record;
mod report;
mod request;
mod routes;
mod said_before;
mod salvage;
mod steps;
mod stop;
mod tag;
mod target;
mod target_fate;
mod task_fate;
mod unnamed;

pub use invocation::Invocation;
pub use observe::{MarkerLeft, Observed, TargetLeft, Would, observe};
pub use outcome::Outcome;
pub use receipt::{is_receipt, receipts_of, session_on_record};
pub use report::{Artifacts, CleanupReport};
pub use request::{Cause, Delivery, OrphanCause, Request, SalvageWindow};
pub use routes::Routes;
pub use steps::MeasuredStep;
pub use target_fate::TargetFate;
pub use task_fate::TaskFate;

use crate::deadline::TimedOut;
use crate::event::TaskReference;
use crate::metrics::Step;
use crate::session::Stage;
use identified::Identified;
use identified_session::IdentifiedSession;
use identify::identify;
use judge::OverTask;
use lanes::Cleanup;
use record::Record;
use steps::Steps;
use target::leftover;

/// Cleans one session up. The answer is what was done; nothing that goes wrong in here is anything
/// but an outcome.
pub async fn clean_up(invocation: &Invocation, request: &Request) -> CleanupReport {
    let (steps, budget) = (Steps::begin(), invocation.budget());
    let record = Record { invocation, request, steps: &steps };
    let cleanup = Cleanup { invocation, request, steps: &steps, budget, record };
    let identified = match find(&cleanup).await {
        Ok(Identified::Session(session)) if session.task.stage() == Stage::NeverStarted => {
            find_later(&cleanup, &session).await
        }
        found => found,
    };
    match identified {
        Ok(Identified::Session(session)) => Box::pin(cleanup.both_lanes(&session)).await,
        Ok(Identified::Obeyed(session)) => cleanup.register_again(&session).await,
        Ok(Identified::Over(over)) => cleanup.judge(&over, leftover(invocation)).await,
        Ok(Identified::Rejected { task, why }) => {
            let note = if request.is_of_a_sweep() {
                format!("{why}; nothing was touched")
            } else {
                format!("{why}; nothing was touched, the event goes to the dead-letter queue")
            };
            record.untouched(Outcome::Rejected, task, note)
        }
        Ok(Identified::OutOfScope { task, why }) => {
            record.untouched(Outcome::OutOfScope, Some(task), why)
        }
        Ok(Identified::NothingLost { task, artifacts, why }) => {
            record.put_unnamed(Outcome::Cleaned, task, artifacts, why).await
        }
        Ok(Identified::CannotBeTold { task, why }) => {
            record.put_unnamed(Outcome::Unknown, task, Artifacts::Unknown, why).await
        }
        Ok(Identified::Unclear { task, why }) => record.untouched(Outcome::Incomplete, task, why),
        Err(timed_out) => {
            let (task, what) = match &request.task {
                TaskReference::Arn(task) => (Some(task), format!("DescribeTasks of {task}")),
                TaskReference::ByIdentity => (None, "ListTasks and DescribeTasks".to_owned()),
            };
            let why = format!("the task could not be identified by {what}: {timed_out}");
            record.untouched(Outcome::Incomplete, task.cloned(), why)
        }
    }
}

type Found = Result<Identified, TimedOut>;

async fn find(cleanup: &Cleanup<'_>) -> Found {
    let Cleanup { invocation, request, steps, budget, .. } = *cleanup;
    let identifying = Box::pin(identify(invocation, request, budget.identify()));
    let result = |found: &Found| match found {
        Ok(Identified::Session(session)) => format!("{:?}", session.task.stage()),
        Ok(Identified::Obeyed(_)) => "its container runs another session".to_owned(),
        Ok(Identified::Over(_)) => "the task is over".to_owned(),
        Ok(
            Identified::Rejected { why, .. }
            | Identified::OutOfScope { why, .. }
            | Identified::NothingLost { why, .. }
            | Identified::CannotBeTold { why, .. }
            | Identified::Unclear { why, .. },
        ) => why.clone(),
        Err(timed_out) => timed_out.to_string(),
    };
    steps.measure(Step::Identify, budget.identify().run(identifying), result).await
}

/// A read of ECS may be some seconds old: that a task has never started is believed of a look that is so
/// much later than the word that it is over.
async fn find_later(cleanup: &Cleanup<'_>, seen: &IdentifiedSession) -> Found {
    let task = seen.task.arn.clone();
    let pause = cleanup.budget.until_reads_are_up_to_date();
    if !cleanup.budget.until_the_stop().leaves_time_for(pause) {
        let why = "ECS shows that it has never started, and too little time was left to look again";
        return Ok(Identified::Unclear { task: Some(task), why: why.to_owned() });
    }
    tokio::time::sleep(pause).await;
    match find(cleanup).await {
        // Its tags are gone by now, and they have been seen.
        Ok(Identified::CannotBeTold { .. }) => Ok(Identified::Over(Box::new(OverTask {
            session: seen.id.clone(),
            task: cleanup.invocation.snapshots.fresh(&task).and_then(|shown| shown.task),
            arn: task,
            writes_from: Some(seen.writes_from),
            is_named_by_a_tag: true,
        }))),
        found => found,
    }
}
