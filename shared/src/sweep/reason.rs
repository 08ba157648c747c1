//! Why a row was decided, as a sentence for people.

use super::decide::{Owner, TargetDecision, TargetRow, TaskDecision, TaskRow};
use crate::aws::Witness;
use crate::session::{Ended, Lease};

/// What a task's row rests on.
pub(super) fn of_task(decision: &TaskDecision) -> String {
    let TaskDecision { task, judged } = decision;
    let lease = match task.lease {
        Lease::Until(end) => format!("its lease ended at {end}"),
        Lease::Unreadable => "its lease can't be read".to_owned(),
        Lease::None => "it has no lease".to_owned(),
    };
    let created = format!("it was created at {}", task.created_at);
    match judged.row {
        TaskRow::Ending => "someone has told it to stop".to_owned(),
        TaskRow::Protected => "its tag cleanup-protection is true".to_owned(),
        TaskRow::Unidentified => "it names no session, by none of IDENTITY_SOURCES".to_owned(),
        TaskRow::Ended => match task.ended {
            Ended::Since(Some(at)) => format!("its owner has ended it; it is tagged since {at}"),
            Ended::Since(None) | Ended::No => "its owner has ended it".to_owned(),
        },
        TaskRow::BeyondHardAge => format!("{created}, which is more than HARD_AGE ago"),
        TaskRow::Leased => "its lease runs".to_owned(),
        TaskRow::LeaseUnreadable => "the end of its lease is no time, so it may still run".to_owned(),
        TaskRow::Forced => format!("force_cluster speaks of it: {created}"),
        TaskRow::LeaseExpired => format!("{lease}, and nobody renews it"),
        TaskRow::LeaseLapsed => format!("{lease}, and that alone does not say enough yet"),
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
            format!("no traffic reaches it, and {}", answer(judged.evidence.witness))
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
    let owner = match &evidence.owner {
        Owner::OfOurs { task, .. } | Owner::Stranger { task, .. } => {
            format!("{task} has its address")
        }
        Owner::Nobody => "no task of the account has its address".to_owned(),
        Owner::NobodyOfOurs => "no task of the configured clusters has its address".to_owned(),
        Owner::Unknown => "not every task was seen".to_owned(),
    };
    let answer = answer(evidence.witness);
    match decision.row {
        TargetRow::Owned => owner,
        TargetRow::OwnedElsewhere => format!("{owner}, and its cluster is not configured"),
        TargetRow::Misrouted => {
            format!("{owner}, and it runs no session: traffic reaches a stranger")
        }
        TargetRow::MisroutedElsewhere => format!(
            "{owner}, runs no session and is of a cluster that is not configured; it may live in \
             another network"
        ),
        TargetRow::Draining => "it is on its way out".to_owned(),
        TargetRow::Undecided => format!("{owner}, so someone may have its address"),
        TargetRow::Suspected => {
            format!("{owner}, it fails its health checks, and {answer}; the next sweep looks again")
        }
        TargetRow::Zombie => {
            format!("{owner}, it fails its health checks, and {answer}, for the second time")
        }
        TargetRow::Foreign => format!("{owner}, and something answers there"),
        TargetRow::Unclear => format!(
            "{owner}, and its health says neither that someone answers nor that nobody does"
        ),
    }
}

fn answer(witness: Option<Witness>) -> &'static str {
    match witness {
        Some(Witness::Active) => "our own health check finds a session active",
        Some(Witness::Done) => "our own health check finds a session complete",
        Some(Witness::Answers) => "something answers our own health check, or takes its connection",
        Some(Witness::Silent) => "nobody takes the connection of our own health check",
        None => "it was not asked",
    }
}
