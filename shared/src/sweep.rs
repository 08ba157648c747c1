//! One sweep: observe, decide, act, report. It finds what no event spoke of: tasks that no one will
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
pub mod observe;
pub mod report;
pub mod suspects;

use crate::aws::{CallError, Witness};
use crate::cleanup::{Invocation, LeftBehind, Owners, Report, Setting, Zombie, ZombieFate};
use crate::config::SweepMode;
use crate::deadline::Deadline;
use crate::event::SweepRequest;
use crate::session::{SessionId, TargetAddress, TaskArn};
use act::Done;
use decide::{Grounds, Plan, decide, to_be_witnessed};
use observe::{Observation, observe, witness_all};
use report::{Action, Counts, SweepReport, TargetFinding, TaskFinding, Warning};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use suspects::{Memory, Seen, Suspects};
use tokio::join;
use tokio::time::Instant;

/// Sweeps once. Whatever goes wrong is in the report.
pub async fn sweep(
    setting: &Arc<Setting>,
    request: SweepRequest,
    deadline: Deadline,
    request_id: &str,
) -> SweepReport {
    let (began, started_at) = (Instant::now(), setting.clock.now());
    let used_before = setting.aws.meter.read();
    let Ends { looking, acting } = Ends::of(setting, request.mode, deadline);
    let invocation = Arc::new(Invocation::begin(setting, acting));

    let ledger = &setting.aws.ledger;
    let receipt = setting.config.timeouts.receipt;
    let (left_behind, mut memory, seen) = join!(
        LeftBehind::read(setting, looking.left()),
        Memory::read(ledger, looking.limit(receipt, Duration::ZERO)),
        observe(setting, looking)
    );
    let intents =
        left_behind.settle(setting, invocation.sightings(), owners(&seen), looking.left()).await;

    let now = setting.clock.now();
    let interval = setting.config.sweep.interval;
    let before = memory.suspects.clone().still_fresh(interval, now);
    let mut grounds = Grounds {
        seen: &seen,
        witnesses: &BTreeMap::new(),
        suspects: &before,
        force: request.force.as_ref(),
        policy: &setting.config.sweep,
        now,
    };
    let Witnesses { by_task, unasked } = witnesses(setting, &grounds, looking).await;
    grounds.witnesses = &by_task;
    let plan = decide(&grounds);

    let mut problems: Vec<String> = memory.problem.iter().cloned().collect();
    problems.extend(left_unasked(unasked + seen.unasked));
    let limit = || deadline.limit(receipt, receipt);
    problems.extend(memory.replace(ledger, &plan.suspects, limit()).await.err());
    let mut acted = match request.mode {
        SweepMode::Report => Acted::default(),
        SweepMode::Enforce => act(&invocation, &plan, acting, request_id).await,
    };
    if let Some(suspects) = with_vain_salvages(&plan, &acted, setting) {
        problems.extend(memory.replace(ledger, &suspects, limit()).await.err());
    }
    Invocation::finish(invocation).await;

    let tasks: Vec<TaskFinding> = plan
        .tasks
        .iter()
        .map(|decision| TaskFinding::new(decision, acted.orphans.remove(&decision.task.arn)))
        .collect();
    let targets: Vec<TargetFinding> = plan
        .targets
        .iter()
        .map(|decision| {
            TargetFinding::new(decision, acted.zombies.remove(&TargetFinding::zombie(decision)))
        })
        .collect();
    let is_any = |action| {
        tasks.iter().any(|finding| finding.action == action)
            || targets.iter().any(|finding| finding.action == action)
    };
    let mut report = SweepReport {
        trigger: request.trigger,
        mode: request.mode,
        force_cluster: request.force,
        started_at,
        duration_ms: 0,
        warnings: [
            (Warning::Incomplete, !seen.problems().is_empty()),
            (Warning::Truncated, is_any(Action::OutOfTime)),
            (Warning::LimitReached, is_any(Action::Waits)),
            (Warning::LeasesLapsing, plan.circumstances.leases.are_lapsing()),
        ]
        .into_iter()
        .filter_map(|(warning, holds)| holds.then_some(warning))
        .collect(),
        counts: Counts::of(seen.tasks.len(), seen.targets().count(), &plan, &tasks, &targets),
        api: setting.aws.meter.read().since(used_before),
        not_decided: seen.problems(),
        problems,
        intents,
        tasks,
        targets,
        kept_as: None,
    };
    report.duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    keep(setting, &mut report, deadline).await;
    report
}

/// How a sweep divides its time. Whatever hangs, there is time left for one round of acting, and after
/// that for the record.
struct Ends {
    looking: Deadline,
    acting: Deadline,
}

impl Ends {
    fn of(setting: &Setting, mode: SweepMode, deadline: Deadline) -> Self {
        let receipt = setting.config.timeouts.receipt;
        // The suspects that are asked in vain, and the report.
        let acting = deadline.earlier(receipt * 2);
        let looking = match mode {
            SweepMode::Report => acting.earlier(receipt),
            SweepMode::Enforce => acting.earlier(receipt + act::longest_plan(setting)),
        };
        Self { looking, acting }
    }
}

/// The tasks that were seen are the owners of addresses, if all were seen.
fn owners(seen: &Observation) -> Owners<'_> {
    match seen.clusters.values().find_map(|listing| listing.as_ref().err()) {
        None => Owners::Listed(&seen.tasks),
        Some(error) => Owners::Unknown(error),
    }
}

/// What the containers of the tasks that no traffic reaches answered.
struct Witnesses {
    by_task: BTreeMap<TaskArn, Witness>,
    unasked: usize,
}

/// Asks them, each as its own session.
async fn witnesses(setting: &Setting, grounds: &Grounds<'_>, looking: Deadline) -> Witnesses {
    let port = setting.config.container.port;
    let asked: Vec<(&TaskArn, TargetAddress, Option<SessionId>)> = to_be_witnessed(grounds)
        .into_iter()
        .filter_map(|task| {
            let ip = task.address.filter(|_| task.started)?;
            Some((&task.arn, TargetAddress { ip, port }, task.session.clone()))
        })
        .collect();
    let at = asked.iter().map(|(_, address, session)| (*address, session.clone())).collect();
    let answers = witness_all(setting, at, looking.left()).await;
    let unasked = asked.len().saturating_sub(answers.len());
    let by_task = asked.into_iter().filter_map(|(task, address, _)| {
        answers.get(&address).map(|answer| (task.clone(), *answer))
    });
    Witnesses { by_task: by_task.collect(), unasked }
}

fn left_unasked(count: usize) -> Option<String> {
    (count > 0).then(|| {
        format!(
            "for lack of time {count} addresses were not asked whether anyone answers there; \
             nothing is concluded from that"
        )
    })
}

/// What came of each victim.
#[derive(Debug, Default)]
struct Acted {
    orphans: BTreeMap<TaskArn, Done<Report>>,
    zombies: BTreeMap<Zombie, Done<ZombieFate>>,
}

async fn act(
    invocation: &Arc<Invocation>,
    plan: &Plan,
    deadline: Deadline,
    request_id: &str,
) -> Acted {
    let (orphans, zombies) = join!(
        act::reap(invocation, plan, deadline, request_id),
        act::take_away(invocation.setting(), invocation.sightings(), plan, deadline)
    );
    Acted { orphans, zombies }
}

/// The suspects with those orphans that were asked in vain; `None` when there are no new ones.
fn with_vain_salvages(plan: &Plan, acted: &Acted, setting: &Setting) -> Option<Suspects> {
    let now = setting.clock.now();
    let mut suspects = plan.suspects.clone();
    for (task, done) in &acted.orphans {
        if let Done::Worked(report) = done
            && report.salvage_was_vain()
        {
            suspects.vain.entry(task.clone()).or_insert(Seen { since: now, last: now });
        }
    }
    (suspects != plan.suspects).then_some(suspects)
}

/// Puts the report on record: in the metrics, in the ledger, in the log.
async fn keep(setting: &Setting, report: &mut SweepReport, deadline: Deadline) {
    if report.found_anything() {
        let key =
            format!("sweeps/{}-{:016x}.json", report.started_at.as_second(), fastrand::u64(..));
        report.kept_as = Some(key.clone());
        let limit = deadline.limit(setting.config.timeouts.receipt, Duration::ZERO);
        let written = crate::deadline::within(limit, setting.aws.ledger.create(&key, report)).await;
        let problem = match written {
            Ok(Ok(_etag)) => None,
            Ok(Err(error)) => Some(CallError::to_string(&error)),
            Err(timed_out) => Some(format!("the report is not written: {timed_out}")),
        };
        if let Some(problem) = problem {
            report.kept_as = None;
            report.problems.push(format!("{problem}; this report is in the log alone"));
        }
    }
    setting.metrics.sweep(report);
    log(report);
}

/// `CloudWatch` Logs takes 256 KiB a line.
const LONGEST_LINE: usize = 200_000;

fn log(report: &SweepReport) {
    let whole = serde_json::json!(report).to_string();
    let document = if whole.len() <= LONGEST_LINE {
        whole
    } else {
        serde_json::json!(report.without_findings()).to_string()
    };
    let SweepReport { counts, duration_ms, warnings, .. } = report;
    let Counts { orphans, reaped, zombies, taken_away, .. } = counts;
    tracing::info!(
        orphans,
        reaped,
        zombies,
        taken_away,
        duration_ms,
        ?warnings,
        report = document,
        "swept"
    );
    for problem in report.not_decided.iter().chain(&report.problems).chain(&report.intents.problems)
    {
        tracing::error!(%problem, "the sweep is not whole");
    }
}
