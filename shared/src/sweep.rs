//! One sweep: observe, decide, act, report. It finds what no event reported: tasks that no one will
//! end, and targets that nobody stands behind.
//!
//! - [`observe`]: targets first, then tasks, all pages; what is missing is unknown, and unknown means
//!   live;
//! - [`decide`]: the two tables, pure;
//! - [`act`]: each victim is looked at again right before it is touched, through the one cleanup
//!   function;
//! - [`suspects`]: what may pass is acted on only when two sweeps saw it;
//! - [`report`]: why everything was or was not touched.

pub mod act;
pub mod decide;
pub(crate) mod memory;
pub mod observation;
pub(crate) mod observe;
mod outgrown;
pub mod planned;
pub mod report;
pub mod suspects;

use crate::aws::{ApiUse, CallError};
use crate::cleanup::Invocation;
use crate::clock::milliseconds;
use crate::config::SweepMode;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::event::{EventError, SweepRequest};
use crate::removal::{Holders, LeftBehind, RecoveredIntents};
use act::{Acts, act};
use decide::{Known, Plan, TaskDecision, decide, to_be_probed};
use jiff::Timestamp;
use memory::Memory;
use observation::Observation;
use observe::probe_tasks;
pub(crate) use observe::{observe, observe_elsewhere};
use outgrown::outgrown;
use planned::Planned;
use report::{Course, Story, SweepReport, publish};
use std::collections::BTreeMap;
use std::sync::Arc;
use suspects::{InARow, Suspects};
use tokio::join;
use tokio::time::Instant;

/// Sweeps once, and answers before `deadline`. Whatever goes wrong is in the report.
///
/// # Errors
/// [`EventError`] where the request names a stored report that can't be taken for a plan; nothing was done.
pub async fn sweep(
    context: &Arc<Context>,
    request: SweepRequest,
    deadline: Deadline,
    request_id: &str,
) -> Result<SweepReport, EventError> {
    let planned = read_planned(context, &request, deadline).await?;
    let began = Began::now(context);
    let Deadlines { looking, acting } = Deadlines::of(context, request.mode, deadline);
    let (invocation, has) = (Arc::new(Invocation::begin(context, acting)), looking.left());

    let (left_behind, mut memory, seen) = look(context, looking).await;
    let recovered = recover(&invocation, left_behind, &seen, looking).await;
    let (policy, now) = (&context.config.sweep, context.clock.now());
    let last_suspects = memory.suspects.clone().still_fresh(policy.interval, now);
    let unprobed = Known {
        seen: &seen,
        probes: &BTreeMap::new(),
        suspects: &last_suspects,
        force: request.force.as_ref(),
        policy,
        now,
    };
    let (probes, unasked) = probe_tasks(context, to_be_probed(&unprobed), looking).await;
    let known = Known { probes: &probes, ..unprobed };
    let mut plan = decide(&known);

    let mut problems: Vec<String> = memory.problem.iter().cloned().collect();
    problems.extend(memory.suspects.too_old(policy.interval, began.time));
    problems.extend(left_unasked(seen.unasked + unasked));
    problems.extend(outgrown(seen.looked_at, has, policy.rate_share));
    problems.extend(seen.missing.iter().chain(&seen.unreadable).cloned());
    let record = || deadline.at_most(context.config.timeouts.receipt);
    let ledger = &context.aws.ledger;
    let before = memory.before();
    let found = problems.len() + found(&seen, &plan, &recovered);
    let of_this_sweep = |(in_a_row, counted_at): Counted, suspects: Suspects| Suspects {
        in_a_row,
        // Where nothing is wrong, nothing is counted on; and a quiet sweep writes once.
        counted_at: counted_at.filter(|_| in_a_row != InARow::default()),
        swept_at: Some(began.time),
        swept_by: Some(request_id.to_owned()),
        found: Some(found),
        ..suspects
    };
    let suspects = match request.mode {
        SweepMode::Report => plan.suspects.clone(),
        SweepMode::Enforce => plan.suspects_while_acting(now),
    };
    let counted_before = (memory.suspects.in_a_row, memory.suspects.counted_at());
    let suspects = of_this_sweep(counted_before, suspects);
    let unwritten = memory.replace(ledger, &suspects, record()).await.err();
    let is_unwritten = unwritten.is_some();
    problems.extend(unwritten);
    if is_unwritten {
        plan = decide(&Known { suspects: &last_suspects.without_leases(), ..known });
    }
    let acts = match request.mode {
        SweepMode::Report => Acts::none(&plan),
        SweepMode::Enforce => {
            let addressed = seen.addressed.clone().unwrap_or_default();
            match &planned {
                None => act(&invocation, &plan, &addressed, acting, request_id).await,
                Some(planned) => {
                    let part = planned.part_of(&plan);
                    let acts = act(&invocation, &part, &addressed, acting, request_id).await;
                    acts.leaving_out_the_rest_of(&plan)
                }
            }
        }
    };
    let remembered = acts.remembered(&plan, context.clock.now());
    Invocation::finish(invocation).await;

    let story = Story { seen: &seen, plan: &plan, acts, recovered, problems };
    let report = SweepReport::new(request, story);
    let in_a_row = InARow::after(before, report.trouble(), policy.interval, began.time);
    let mut report = SweepReport { in_a_row, ..report };
    let counted_at = before.counted_just(policy.interval, began.time).or(Some(began.time));
    let remembered = of_this_sweep((in_a_row, counted_at), remembered);
    if (is_unwritten || remembered != suspects)
        && let Err(problem) = memory.replace(ledger, &remembered, record()).await
    {
        report = report.unrecorded(&problem);
    }
    Ok(publish(context, report.of(began.course(context)), record()).await)
}

async fn read_planned(
    context: &Context,
    request: &SweepRequest,
    deadline: Deadline,
) -> Result<Option<Planned>, EventError> {
    let Some(key) = &request.plan else { return Ok(None) };
    let reading = deadline.at_most(context.config.timeouts.receipt);
    let planned = Planned::read(&context.aws.ledger, key, &context.config, reading).await;
    planned.map(Some).map_err(|why| EventError::new("plan", format!("{}: {why}", key.as_str())))
}

/// What is wrong in a row, and when a sweep counted last.
type Counted = (InARow, Option<Timestamp>);

/// How a sweep divides its time. Whatever hangs, there is time left for one round of acting, and after
/// that for the record.
struct Deadlines {
    looking: Deadline,
    acting: Deadline,
}

impl Deadlines {
    fn of(context: &Context, mode: SweepMode, deadline: Deadline) -> Self {
        let config = &context.config;
        let acting = deadline.earlier(config.timeouts.record());
        let looking = match mode {
            SweepMode::Report => acting.earlier(config.timeouts.receipt),
            SweepMode::Enforce => acting.earlier(config.kept_for_acting()),
        };
        Self { looking, acting }
    }
}

/// When a sweep began, and what had been called until then.
struct Began {
    at: Instant,
    time: Timestamp,
    used: ApiUse,
}

impl Began {
    fn now(context: &Context) -> Self {
        let (at, time) = (Instant::now(), context.clock.now());
        Self { at, time, used: context.aws.meter.read() }
    }

    fn course(&self, context: &Context) -> Course {
        Course {
            started_at: self.time,
            duration_ms: milliseconds(self.at.elapsed()),
            api: context.aws.meter.read().since(self.used),
        }
    }
}

async fn look(context: &Context, deadline: Deadline) -> (LeftBehind, Memory, Observation) {
    let memory = deadline.at_most(context.config.timeouts.receipt);
    join!(
        LeftBehind::read(context, deadline),
        Memory::read(&context.aws.ledger, memory),
        observe(context, deadline)
    )
}

/// The intents of those that can't settle them any more, before anything is decided: in both modes,
/// for it repairs our own doing.
async fn recover(
    invocation: &Invocation,
    left_behind: LeftBehind,
    seen: &Observation,
    deadline: Deadline,
) -> RecoveredIntents {
    // The tasks that were seen are the holders of addresses, if all were seen, and could be read.
    let unlisted = seen.clusters.values().find_map(|listing| listing.as_ref().err());
    let unread = seen.unreadable.first();
    let unread = unread.map(|why| CallError::unusable("DescribeTasks", "a session task", why));
    let holders = match unlisted.or(unread.as_ref()) {
        None => Holders::Listed(&seen.tasks),
        Some(error) => Holders::Unknown(error),
    };
    left_behind.settle(invocation.context(), invocation.snapshots(), holders, deadline).await
}

/// How much there is that a report will tell.
fn found(seen: &Observation, plan: &Plan, recovered: &RecoveredIntents) -> usize {
    let is_news = |decision: &&TaskDecision| decision.judged.row.is_news();
    plan.tasks.iter().filter(is_news).count()
        + plan.targets.len()
        + seen.problems().len()
        + usize::from(*recovered != RecoveredIntents::default())
        + usize::from(plan.circumstances.leases.are_lapsing())
}

fn left_unasked(count: usize) -> Option<String> {
    (count > 0).then(|| {
        format!(
            "for lack of time or of connections {count} addresses were not asked whether anyone answers there; \
             nothing is concluded from that"
        )
    })
}

#[cfg(test)]
mod tests;
