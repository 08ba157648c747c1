//! What would give a task or a target another row, as a sentence for people.

use crate::page::second;
use crate::sweep::decide::{NextRow, TargetRow, TaskDecision, TaskRow};

/// What time makes of a task, and what people can do.
pub(super) fn of_task(decision: &TaskDecision) -> String {
    let people = by_people(decision.judged.row);
    match decision.next {
        None => people.to_owned(),
        Some(NextRow { from, row }) => {
            format!("{row} from {} on if nothing changes; {people}", second(from))
        }
    }
}

fn by_people(row: TaskRow) -> &'static str {
    match row {
        TaskRow::ToldToStop => "nothing: it ends",
        TaskRow::Protected => "taking its tag cleanup-protection off",
        TaskRow::Unidentified => "a session id where IDENTITY_SOURCES looks for it",
        TaskRow::Unclaimed | TaskRow::UnclaimedTooLong => "a session that claims it",
        TaskRow::StartUnknown => "an RFC 3339 time in its tag session-started-at",
        TaskRow::Ended => {
            "the tag cleanup-protection keeps it; so does taking its tag session-ended-at off, if it was put there \
             by mistake"
        }
        TaskRow::BeyondHardAge => "the tag cleanup-protection, or a longer HARD_AGE, keeps it",
        TaskRow::Leased => "its owner's Session Ended ends it",
        TaskRow::LeaseUnreadable => "an RFC 3339 time in its tag lease-expires-at",
        TaskRow::Forced | TaskRow::TooOld => {
            "a lease that runs, or the tag cleanup-protection, keeps it"
        }
        TaskRow::LeaseExpired => "extending its lease, or the tag cleanup-protection, keeps it",
        TaskRow::LeaseLapsed => {
            "extending its lease keeps it; T7 lease_expired once other leases are seen to be extended, after \
             LEASE_GRACE"
        }
        TaskRow::Done => {
            "a container that no longer says that it is done, or traffic that reaches it, keeps it"
        }
        TaskRow::SuspectedDone => {
            "T9 done if a sweep at least half of SWEEP_INTERVAL after the first gets the same answer"
        }
        TaskRow::Unrouted => {
            "T10 live once it is healthy in a target group; T9a suspected_done once its container says that it is \
             done"
        }
        TaskRow::Undecided => "a sweep that lists every target group",
        TaskRow::Live => "its owner's Session Ended ends it, and a lease lets it grow older",
    }
}

/// What makes another row of a target's.
pub(super) fn of_target(row: TargetRow) -> &'static str {
    match row {
        TargetRow::Held => "the end of the task that holds its address",
        TargetRow::HeldElsewhere => "the cluster of its task in CLUSTERS; or the end of that task",
        TargetRow::Misrouted | TargetRow::MisroutedElsewhere => {
            "the end of the task that holds its address; nothing here takes the target from it"
        }
        TargetRow::Draining => "nothing: it leaves by itself",
        TargetRow::Undecided => "a sweep that sees every task",
        TargetRow::Suspected => {
            "G5 zombie if a sweep at least half of SWEEP_INTERVAL after the first finds the same; a task that takes \
             its address, or any answer, keeps it"
        }
        TargetRow::Zombie => "a task that takes its address, or any answer, keeps it",
        TargetRow::Foreign => "G4 suspected once nothing answers there any more",
        TargetRow::Unclear => {
            "G4 suspected once the load balancer says that nobody answers, and we reach nobody either while we \
             reach others of its group"
        }
    }
}
