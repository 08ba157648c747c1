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
pub mod finding;
pub mod observe;
mod reason;
pub mod report;
pub mod suspects;

#[cfg(test)]
mod fixtures;

use crate::aws::{ApiUse, Witness};
use crate::cleanup::{Invocation, LeftBehind, Owners, Report, Setting, SettledIntents};
use crate::cleanup::{Zombie, ZombieFate};
use crate::config::SweepMode;
use crate::deadline::Deadline;
use crate::event::SweepRequest;
use crate::session::{SessionId, TargetAddress, TaskArn};
use act::Done;
use decide::{Grounds, Plan, TargetRow, decide, to_be_witnessed};
use jiff::Timestamp;
use observe::{Observation, observe, witness_all};
use report::SweepReport;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use suspects::{Memory, Seen, Suspects};
use tokio::join;
use tokio::time::Instant;

/// Sweeps once, and answers before `deadline`. Whatever goes wrong is in the report.
pub async fn sweep(
    setting: &Arc<Setting>,
    request: SweepRequest,
    deadline: Deadline,
    request_id: &str,
) -> SweepReport {
    let began = Began::now(setting);
    let Ends { looking, acting } = Ends::of(setting, request.mode, deadline);
    let invocation = Arc::new(Invocation::begin(setting, acting));
    let sweep = Sweep { setting, invocation: &invocation, looking, acting, request_id };

    let (left_behind, mut memory, seen) = sweep.look().await;
    let intents = sweep.settle(left_behind, &seen).await;
    let (plan, unasked) = sweep.decide(&request, &memory.suspects, &seen).await;

    let mut problems: Vec<String> = memory.problem.iter().cloned().collect();
    problems.extend(left_unasked(seen.unasked + unasked));
    let limit = || deadline.limit(setting.config.timeouts.receipt, Duration::ZERO);
    let ledger = &setting.aws.ledger;
    problems.extend(memory.replace(ledger, &plan.suspects, limit()).await.err());
    let acted = match request.mode {
        SweepMode::Report => Acted::nothing(&plan),
        SweepMode::Enforce => sweep.act(&plan).await,
    };
    if let Some(suspects) = acted.with_vain_salvages(&plan, setting.clock.now()) {
        problems.extend(memory.replace(ledger, &suspects, limit()).await.err());
    }
    Invocation::finish(invocation).await;

    let mut report = SweepReport::new(request, &began, &seen, &plan, acted);
    report.intents = intents;
    report.problems = problems;
    report.api = setting.aws.meter.read().since(began.used);
    report.duration_ms = u64::try_from(began.at.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.keep(setting, limit()).await;
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

/// When a sweep began, and what had been called until then.
#[derive(Debug)]
pub(crate) struct Began {
    at: Instant,
    time: Timestamp,
    used: ApiUse,
}

impl Began {
    fn now(setting: &Setting) -> Self {
        let (at, time) = (Instant::now(), setting.clock.now());
        Self { at, time, used: setting.aws.meter.read() }
    }
}

struct Sweep<'a> {
    setting: &'a Setting,
    invocation: &'a Arc<Invocation>,
    looking: Deadline,
    acting: Deadline,
    request_id: &'a str,
}

impl Sweep<'_> {
    async fn look(&self) -> (LeftBehind, Memory, Observation) {
        let Self { setting, looking, .. } = self;
        let receipt = looking.limit(setting.config.timeouts.receipt, Duration::ZERO);
        join!(
            LeftBehind::read(setting, looking.left()),
            Memory::read(&setting.aws.ledger, receipt),
            observe(setting, *looking)
        )
    }

    /// The intents of those that can't settle them any more, before anything is decided: in both
    /// modes, for it repairs our own doing.
    async fn settle(&self, left_behind: LeftBehind, seen: &Observation) -> SettledIntents {
        // The tasks that were seen are the owners of addresses, if all were seen.
        let owners = match seen.clusters.values().find_map(|listing| listing.as_ref().err()) {
            None => Owners::Listed(&seen.tasks),
            Some(error) => Owners::Unknown(error),
        };
        let sightings = self.invocation.sightings();
        left_behind.settle(self.setting, sightings, owners, self.looking.left()).await
    }

    /// The plan, and how many containers there was no time to ask.
    async fn decide(
        &self,
        request: &SweepRequest,
        before: &Suspects,
        seen: &Observation,
    ) -> (Plan, usize) {
        let policy = &self.setting.config.sweep;
        let now = self.setting.clock.now();
        let suspects = before.clone().still_fresh(policy.interval, now);
        let mut grounds = Grounds {
            seen,
            witnesses: &BTreeMap::new(),
            suspects: &suspects,
            force: request.force.as_ref(),
            policy,
            now,
        };
        let (witnesses, unasked) = self.witnesses(&grounds).await;
        grounds.witnesses = &witnesses;
        (decide(&grounds), unasked)
    }

    /// Asks the containers of the tasks that no traffic reaches, each as its own session.
    async fn witnesses(&self, grounds: &Grounds<'_>) -> (BTreeMap<TaskArn, Witness>, usize) {
        let port = self.setting.config.container.port;
        let asked: Vec<(&TaskArn, TargetAddress, Option<SessionId>)> = to_be_witnessed(grounds)
            .into_iter()
            .filter_map(|task| {
                let ip = task.address.filter(|_| task.started)?;
                Some((&task.arn, TargetAddress { ip, port }, task.session.clone()))
            })
            .collect();
        let at = asked.iter().map(|(_, address, session)| (*address, session.clone())).collect();
        let answers = witness_all(self.setting, at, self.looking.left()).await;
        let unasked = asked.len().saturating_sub(answers.len());
        let by_task = asked.into_iter().filter_map(|(task, address, _)| {
            answers.get(&address).map(|answer| (task.clone(), *answer))
        });
        (by_task.collect(), unasked)
    }

    async fn act(&self, plan: &Plan) -> Acted {
        let Self { setting, invocation, acting, request_id, .. } = self;
        let (orphans, zombies) = join!(
            act::reap(invocation, plan, *acting, request_id),
            act::take_away(setting, invocation.sightings(), plan, *acting)
        );
        Acted { orphans, zombies }
    }
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
pub(crate) struct Acted {
    orphans: BTreeMap<TaskArn, Done<Report>>,
    zombies: BTreeMap<Zombie, Done<ZombieFate>>,
}

impl Acted {
    /// In the mode `report`: nothing was done; what is beyond the blast radius would have to wait.
    fn nothing(plan: &Plan) -> Self {
        let orphans = plan.tasks.iter().filter(|decision| decision.judged.row.is_orphan());
        let orphans = orphans.skip(plan.most_stops);
        let mut room = plan.most_taken.clone();
        let zombies = plan.targets.iter().filter(|decision| decision.row == TargetRow::Zombie);
        let zombies = zombies.filter(|decision| match room.get_mut(&decision.group) {
            Some(free) if *free > 0 => {
                *free -= 1;
                false
            }
            Some(_) | None => true,
        });
        Self {
            orphans: orphans.map(|one| (one.task.arn.clone(), Done::Waits)).collect(),
            zombies: zombies.map(|one| (one.zombie(), Done::Waits)).collect(),
        }
    }

    /// The suspects with those orphans that were asked in vain; `None` when there are no new ones.
    fn with_vain_salvages(&self, plan: &Plan, now: Timestamp) -> Option<Suspects> {
        let mut suspects = plan.suspects.clone();
        for (task, done) in &self.orphans {
            if let Done::Worked(report) = done
                && report.salvage_was_vain()
            {
                suspects.vain.entry(task.clone()).or_insert(Seen { since: now, last: now });
            }
        }
        (suspects != plan.suspects).then_some(suspects)
    }
}
