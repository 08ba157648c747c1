//! Variables that don't fit what they meet, and those that a person should know are set so.

use super::fleet::Fleet;
use super::report::{Check, CheckKind, Examined};
use super::sweeps::spoken;
use super::verdict::unknown;
use crate::aws::Pace;
use crate::clock::is_longer_ago;
use crate::config::{ArtifactMode, CompletionMode, Config, Percent, SweepMode};
use crate::session::{Lease, SessionTask};
use jiff::Timestamp;
use std::time::Duration;

const KIND: CheckKind = CheckKind::Configuration;

/// What concerns whoever is examined. `looking` is how long a sweep may look.
pub(super) fn checks(
    config: &Config,
    fleet: &Fleet,
    who: Examined,
    looking: Duration,
    now: Timestamp,
) -> Vec<Check> {
    let mut checks = vec![artifact_mode(config.artifacts.mode)];
    match who {
        Examined::Completion => checks.push(completion_mode(config.completion_mode)),
        Examined::Reaper => {
            checks.push(reaper_mode(config.sweep.mode));
            if fleet.is_known() {
                checks.push(session_age(config, fleet, now));
                checks.push(blast_radius(config, fleet));
                checks.push(sweep_time(config, fleet, looking));
            } else {
                checks.push(unknown(KIND, "the fleet", "not every cluster could be listed"));
            }
        }
        Examined::Inspector | Examined::Stack => {}
    }
    checks
}

fn artifact_mode(mode: ArtifactMode) -> Check {
    let of = "ARTIFACT_MODE";
    let unasked = "no container is asked before its task is stopped, so that nothing protects a task that \
                   several sessions use one after the other";
    let fix =
        "Fine where each task runs one session and no other; else only the mode complete is safe.";
    match mode {
        ArtifactMode::Complete => {
            Check::green(KIND, of, "complete: a task is stopped once its container has confirmed.")
        }
        ArtifactMode::SelfUpload { .. } => {
            Check::yellow(KIND, of, format!("none: {unasked}."), fix)
        }
        ArtifactMode::Discard => {
            Check::yellow(KIND, of, format!("discard: nothing is saved, and {unasked}."), fix)
        }
    }
}

fn completion_mode(mode: CompletionMode) -> Check {
    let of = "COMPLETION_MODE";
    match mode {
        CompletionMode::Enforce => Check::green(KIND, of, "enforce: sessions are cleaned up."),
        CompletionMode::Observe => {
            let found = "observe: the function only says what it would do.";
            let fix = "Set CompletionMode to enforce once the baseline is read (docs/rollout.md).";
            Check::yellow(KIND, of, found, fix)
        }
    }
}

fn reaper_mode(mode: SweepMode) -> Check {
    let of = "REAPER_MODE";
    match mode {
        SweepMode::Enforce => Check::green(KIND, of, "enforce: sweeps act."),
        SweepMode::Report => {
            let found = "report: sweeps only say what they would do; nothing that was left behind is cleaned up.";
            let fix = "Read some reports, and set ReaperMode to enforce (docs/rollout.md).";
            Check::yellow(KIND, of, found, fix)
        }
    }
}

/// A limit that most sessions outlive is no limit, but their end.
fn session_age(config: &Config, fleet: &Fleet, now: Timestamp) -> Check {
    let of = "MAX_SESSION_AGE";
    let limit = config.sweep.max_session_age;
    let unleased: Vec<&SessionTask> = fleet
        .tasks
        .iter()
        .filter(|task| task.shall_run && !task.protected && task.session.is_some())
        .filter(|task| !task.ended.is_word())
        .filter(|task| match task.lease {
            Lease::None | Lease::Stale => true,
            Lease::Until(_) | Lease::Unreadable => false,
        })
        .collect();
    let older = unleased.iter().filter(|task| is_longer_ago(task.started_at(), limit, now)).count();
    let total = unleased.len();
    let limit = spoken(limit);
    if older == 0 {
        let found = format!("{limit}: none of {total} sessions without a lease is older.");
        return Check::green(KIND, of, found);
    }
    let found =
        format!("{limit}: {older} of {total} sessions without a lease are older, and orphans.");
    let fix = "If they are meant to run so long, set MaxSessionAge higher, or let their owners renew leases, \
               before sweeps act; if not, they were left behind.";
    if older * 2 > total && total > 1 {
        Check::red(KIND, of, found, fix)
    } else {
        Check::yellow(KIND, of, found, fix)
    }
}

fn blast_radius(config: &Config, fleet: &Fleet) -> Check {
    let of = "BLAST_RADIUS_PERCENT";
    let radius = config.sweep.blast_radius;
    let total = fleet.tasks.len();
    if radius.part == Percent::WHOLE {
        let fix = "Set it lower: it is what keeps a wrong decision small.";
        return Check::yellow(KIND, of, "100: one sweep may touch every session.", fix);
    }
    let most = radius.of(total).min(total);
    let found = format!("One sweep touches at most {most} of {total} session tasks.");
    Check::green(KIND, of, found)
}

/// A sweep that can't list everything in its time decides nothing.
fn sweep_time(config: &Config, fleet: &Fleet, looking: Duration) -> Check {
    let of = "REAPER_TIMEOUT";
    if !fleet.is_whole {
        return unknown(KIND, of, "there are more tasks than an examination has time to list");
    }
    let least = Pace::least_time_of_looking(config.sweep.rate_share, fleet.tasks.len());
    let found = format!(
        "A sweep has {} s to look, and the {} take it at least {} s.",
        looking.as_secs(),
        fleet.extent(),
        least.as_secs()
    );
    let fix = "Set ReaperTimeout (at most 900) or RateSharePercent higher, or split the fleet over several stacks.";
    if least > looking {
        Check::red(KIND, of, found, fix)
    } else if least * 2 > looking {
        Check::yellow(KIND, of, found, fix)
    } else {
        Check::green(KIND, of, found)
    }
}
