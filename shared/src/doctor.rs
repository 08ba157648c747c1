//! What a function finds when it examines itself: whether its role, its network and its configuration fit
//! what is there. It looks, and tries what can do no harm; it changes nothing but its own report.
//!
//! Each file below is one kind of check: what is looked at, and a pure judgement of it.

mod artifact_bucket;
mod configuration;
mod fleet;
mod page;
mod permissions;
mod report;
mod route;
mod sweeps;
mod target_groups;
mod verdict;

use crate::clock::milliseconds;
use crate::config::Config;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::sweep::memory::Memory;
use crate::sweep::observation::Observation;
use crate::sweep::{observe, observe_elsewhere};
use fleet::Fleet;
use futures_util::FutureExt;
pub use page::page;
pub use report::{Check, CheckKind, DoctorReport, Examined, Light, Lights};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::join;
use tokio::time::Instant;
pub use verdict::unanswered;

/// The longest that an examination may take: no sweep runs meanwhile.
const LONGEST: Duration = Duration::from_secs(50);

/// Examines a function, keeps what was found where others find it, and answers it before `deadline`.
pub async fn examine_and_keep(context: &Context, who: Examined, deadline: Deadline) -> Value {
    let record = context.config.timeouts.receipt;
    let report = examine(context, who, deadline.at_most(LONGEST).earlier(record), deadline).await;
    let report = kept(context, report, deadline.at_most(record)).await;
    let Lights { green, yellow, red } = report.lights;
    tracing::info!(green, yellow, red, duration_ms = report.duration_ms, "examined");
    document(&report)
}

/// Examines a function until `looking`; `deadline` is the invocation's own.
pub async fn examine(
    context: &Context,
    who: Examined,
    looking: Deadline,
    deadline: Deadline,
) -> DoctorReport {
    let began = (context.clock.now(), Instant::now());
    let for_a_sweep = time_to_look(&context.config, deadline);
    let of_tasks = async {
        let fleet = Fleet::sampled(context, looking).await;
        let (fleet, mut checks) = match who {
            Examined::Reaper => of_sweeps(context, fleet, looking).await,
            Examined::Inspector => {
                let memory = Memory::read(&context.aws.ledger, looking).await;
                (fleet, sweeps::last_sweep(&memory, &context.config, context.clock.now()))
            }
            Examined::Completion | Examined::Stack => (fleet, Vec::new()),
        };
        checks.extend(fleet::checks(&fleet, &context.config));
        match who {
            Examined::Completion | Examined::Reaper => {
                checks.extend(route::checks(context, &fleet, looking).await);
            }
            // It is outside the containers' network.
            Examined::Inspector | Examined::Stack => {}
        }
        let now = context.clock.now();
        checks.extend(configuration::checks(&context.config, &fleet, who, for_a_sweep, now));
        checks
    };
    let of_what_it_cleans = async {
        match who {
            Examined::Completion | Examined::Reaper => {
                let (groups, artifacts) = join!(
                    target_groups::checks(context, looking).boxed(),
                    artifact_bucket::checks(context, looking).boxed(),
                );
                [groups, artifacts].concat()
            }
            // It may not even read them.
            Examined::Inspector | Examined::Stack => Vec::new(),
        }
    };
    let (of_tasks, of_what_it_cleans, of_role) = join!(
        of_tasks.boxed(),
        of_what_it_cleans.boxed(),
        permissions::checks(context, who, looking).boxed(),
    );
    let checks = [of_tasks, of_what_it_cleans, of_role].concat();
    let took = milliseconds(began.1.elapsed());
    DoctorReport::new(who, began.0, took, checks)
}

/// What a sweep of this function may spend on looking.
fn time_to_look(config: &Config, deadline: Deadline) -> Duration {
    let around = config.timeouts.record() + config.kept_for_acting();
    deadline.left().saturating_sub(around)
}

/// Looks as a sweep does, and acts on nothing.
async fn of_sweeps(context: &Context, fleet: Fleet, looking: Deadline) -> (Fleet, Vec<Check>) {
    let looking = looking.at_most(looking.left() / 2);
    let observing = async {
        let mut seen = observe(context, looking).await;
        observe_elsewhere(context, &mut seen, looking).await;
        seen
    };
    let (memory, seen) = join!(Memory::read(&context.aws.ledger, looking), observing);
    let seen: Observation = seen;
    let (config, now) = (&context.config, context.clock.now());
    let mut checks = sweeps::last_sweep(&memory, config, now);
    checks.push(sweeps::leases(&seen, &memory.suspects, config, now));
    if config.scope.routes_traffic() {
        checks.extend(sweeps::holders(&seen));
    }
    (fleet.or_all_of(&seen), checks)
}

/// Keeps a report in the ledger, in the place of the one before; that is the ledger's own check.
async fn kept(context: &Context, report: DoctorReport, deadline: Deadline) -> DoctorReport {
    let DoctorReport { function, examined_at, duration_ms, mut checks, .. } = report;
    let Some(key) = function.ledger_key() else {
        return DoctorReport::new(function, examined_at, duration_ms, checks);
    };
    let of = context.config.ledger_bucket.as_str();
    let found = format!("This report is kept in it, as {key}.");
    let mut with = checks.clone();
    with.push(Check::green(CheckKind::Ledger, of, found));
    let report = DoctorReport::new(function, examined_at, duration_ms, with);
    let document = document(&report);
    let writing = context.aws.ledger.overwrite(key, &document);
    match verdict::asked(deadline, "PutObject", key, writing).await {
        Ok(()) => report,
        Err(error) => {
            let fix = format!(
                "Let the function's role write {key} of the bucket LEDGER_BUCKET, as template.yaml does."
            );
            checks.push(verdict::unanswered(CheckKind::Ledger, of, &error, &fix));
            DoctorReport::new(function, examined_at, duration_ms, checks)
        }
    }
}

/// What is answered, and kept: the report, and beside it the page as it is read at once.
#[must_use]
pub fn document(report: &DoctorReport) -> Value {
    let mut document = json!(report);
    document["text"] = json!(page(std::slice::from_ref(report), report.examined_at));
    document
}
