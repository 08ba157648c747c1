//! Why a row was decided, as a sentence for people.

use crate::container::Probe;
use crate::page::second;
use crate::session::{EndedTag, Lease};
use crate::sweep::decide::{TargetDecision, TargetRow, TaskDecision, TaskRow};
use crate::sweep::observation::Holder;

/// What a task's row rests on.
pub(super) fn of_task(decision: &TaskDecision) -> String {
    let TaskDecision { task, judged, next: _ } = decision;
    let lease = match task.lease {
        Lease::Until(end) => format!("its lease ended at {}", second(end)),
        Lease::Unreadable => "its lease can't be read".to_owned(),
        Lease::Stale => "its lease is of an earlier session".to_owned(),
        Lease::None => "it has no lease".to_owned(),
    };
    let created = if task.claimed_at.is_some() {
        format!("its session began at {}", second(task.started_at()))
    } else {
        format!("it was created at {}", second(task.created_at))
    };
    match judged.row {
        TaskRow::ToldToStop => "someone has told it to stop".to_owned(),
        TaskRow::Protected => "its tag cleanup-protection is true".to_owned(),
        TaskRow::Unidentified => "it names no session, by none of IDENTITY_SOURCES".to_owned(),
        TaskRow::Unclaimed => "it waits for a session".to_owned(),
        TaskRow::UnclaimedTooLong => {
            format!("{created}, which is more than HARD_AGE ago, and no session has claimed it")
        }
        TaskRow::StartUnknown => {
            "a session has claimed it, and its tag session-started-at does not say when".to_owned()
        }
        TaskRow::Ended => match task.ended {
            EndedTag::At(at) => {
                format!("its owner has ended it; it is tagged since {}", second(at))
            }
            EndedTag::Stale | EndedTag::Unreadable | EndedTag::Absent => {
                "its owner has ended it".to_owned()
            }
        },
        TaskRow::BeyondHardAge => format!("{created}, which is more than HARD_AGE ago"),
        TaskRow::Leased => "its lease runs".to_owned(),
        TaskRow::LeaseUnreadable => "its lease can't be read as a time, so it may still run".to_owned(),
        TaskRow::Forced => format!("force_cluster covers it: {created}"),
        TaskRow::LeaseExpired => format!("{lease}, and its owner does not renew it"),
        TaskRow::LeaseLapsed => format!("{lease}, but that alone is not enough to stop it"),
        TaskRow::TooOld => format!("{lease}; {created}, which is more than MAX_SESSION_AGE ago"),
        TaskRow::Done => {
            "no traffic reaches it, and its container says for the second time that it is done"
                .to_owned()
        }
        TaskRow::SuspectedDone => {
            "no traffic reaches it, and its container says that it is done; the next sweep asks again"
                .to_owned()
        }
        TaskRow::Unrouted => {
            format!("no traffic reaches it, and {}", answer(judged.evidence.probe))
        }
        TaskRow::Undecided => {
            "a target group was not listed, so traffic may reach it".to_owned()
        }
        TaskRow::Live => "nothing is wrong with it".to_owned(),
    }
}

/// What a target's row rests on.
pub(super) fn of_target(decision: &TargetDecision) -> String {
    let evidence = &decision.evidence;
    let holder = match &evidence.holder {
        Holder::OfOurs { task, .. } | Holder::Stranger { task, .. } => {
            format!("{task} holds its address")
        }
        Holder::Nobody => "no task of the account holds its address".to_owned(),
        Holder::NobodyOfOurs => "no task of the configured clusters holds its address".to_owned(),
        Holder::Unknown => "not every task was seen".to_owned(),
    };
    let answer = answer(evidence.believed_probe());
    match decision.row {
        TargetRow::Held => holder,
        TargetRow::HeldElsewhere => format!("{holder}, and its cluster is not configured"),
        TargetRow::Misrouted => {
            format!("{holder}, but runs no session: it gets the sessions' traffic")
        }
        TargetRow::MisroutedElsewhere => format!(
            "{holder}, runs no session and is of a cluster that is not configured; it may live in \
             another network"
        ),
        TargetRow::Draining => "it is on its way out".to_owned(),
        TargetRow::Undecided => format!("{holder}, so someone may hold its address"),
        TargetRow::Suspected => {
            format!(
                "{holder}, it fails its health checks, and {answer}; the next sweep looks again"
            )
        }
        TargetRow::Zombie => {
            format!("{holder}, it fails its health checks, and {answer}, for the second time")
        }
        TargetRow::Foreign => format!("{holder}, and something answers there"),
        TargetRow::Unclear if evidence.is_blind() => format!(
            "{holder}, it fails its health checks, and {answer}: no task of the group accepts our \
             connections"
        ),
        TargetRow::Unclear => {
            format!("{holder}, and its health does not show whether anything answers")
        }
    }
}

fn answer(probe: Option<Probe>) -> &'static str {
    match probe {
        Some(Probe::Active) => "our own health check finds a session active",
        Some(Probe::Done) => "our own health check finds a session complete",
        Some(Probe::Answers) => "something answers our own health check, or takes its connection",
        Some(Probe::Silent) => "nothing accepts the connection of our own health check",
        Some(Probe::Blind) => "our own health check got no connection; the route may be broken",
        None => "it was not asked",
    }
}
