//! The table of tasks: each row, each condition of it, and its borders.

use super::fixtures::{HOUR, MINUTE, SECOND, ago, cluster, now, policy, scope, task};
use crate::cleanup::OrphanCause;
use crate::config::Percent;
use crate::container::Probe;
use crate::event::ForceCluster;
use crate::session::{EndedTag, LEASE_TAG, Lease, SESSION_ENDED_TAG, SessionTask};
use crate::sweep::decide::{
    Circumstances, Leases, Routed, TaskEvidence, TaskRow, TaskVerdict, task_row,
};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// A session task and all that is known beside it.
#[derive(Clone)]
struct Case {
    task: SessionTask,
    evidence: TaskEvidence,
    circumstances: Circumstances,
}

/// Half an hour old, with traffic, in a fleet whose leases are renewed: nothing is wrong with it.
fn session() -> Case {
    Case {
        task: SessionTask::read(&task("x"), scope(), now()).unwrap(),
        evidence: TaskEvidence {
            routed: Routed::Yes,
            probe: None,
            suspected: false,
            claimed_since: None,
        },
        circumstances: Circumstances {
            leases: Leases { lapsed: 1, running: 10, extended: 1, reaped: 0, all_listed: true },
            force: None,
        },
    }
}

impl Case {
    fn row(&self) -> TaskRow {
        task_row(&self.task, self.evidence, &self.circumstances, &policy(), now())
    }

    fn task(mut self, change: impl FnOnce(&mut SessionTask)) -> Self {
        change(&mut self.task);
        self
    }

    fn aged(self, age: Duration) -> Self {
        self.task(|task| task.created_at = ago(age))
    }

    fn protected(self) -> Self {
        self.task(|task| task.protected = true)
    }

    fn unidentified(self) -> Self {
        self.task(|task| task.session = None)
    }

    fn ended(self) -> Self {
        self.task(|task| task.ended = EndedTag::At(ago(MINUTE)))
    }

    fn leased(self) -> Self {
        self.task(|task| task.lease = Lease::Until(now() + SECOND))
    }

    fn lapsed(self, since: Duration) -> Self {
        self.task(|task| task.lease = Lease::Until(ago(since)))
    }

    fn unreadable(self) -> Self {
        self.task(|task| task.lease = Lease::Unreadable)
    }

    fn stopping(self) -> Self {
        self.task(|task| task.shall_run = false)
    }

    fn leases(mut self, change: impl FnOnce(&mut Leases)) -> Self {
        change(&mut self.circumstances.leases);
        self
    }

    fn forced(mut self) -> Self {
        self.circumstances.force =
            Some(ForceCluster { cluster: cluster("one"), created_before: now() });
        self
    }

    /// No traffic reaches it, and its container answers so.
    fn unrouted(mut self, probe: Option<Probe>) -> Self {
        self.evidence = TaskEvidence { routed: Routed::No, probe, ..self.evidence };
        self
    }

    fn suspected(mut self) -> Self {
        self.evidence.suspected = true;
        self
    }

    fn partly_listed(mut self) -> Self {
        self.evidence.routed = Routed::Unknown;
        self
    }
}

#[test]
fn ending_a_task_that_was_told_to_stop_is_left_to_end_whatever_else_holds() {
    assert_eq!(session().stopping().ended().aged(DAY * 2).forced().row(), TaskRow::ToldToStop);
}

#[test]
fn row_2_a_protected_task_is_kept_whatever_else_holds() {
    let protected = session().protected();
    for case in [
        protected.clone(),
        protected.clone().unidentified(),
        protected.clone().ended(),
        protected.clone().aged(DAY * 2),
        protected.clone().lapsed(DAY),
        protected.clone().forced(),
        protected.unrouted(Some(Probe::Done)).suspected(),
    ] {
        assert_eq!(case.row(), TaskRow::Protected);
    }
    assert_eq!(TaskRow::Protected.verdict(), TaskVerdict::KeepAndReport);
}

#[test]
fn row_3_an_unidentified_task_is_reported_and_never_touched() {
    let unidentified = session().unidentified();
    for case in [
        unidentified.clone(),
        unidentified.clone().ended(),
        unidentified.clone().aged(DAY * 2),
        unidentified.clone().lapsed(DAY),
        unidentified.clone().forced(),
        unidentified.unrouted(Some(Probe::Done)).suspected(),
    ] {
        assert_eq!(case.row(), TaskRow::Unidentified);
    }
    assert_eq!(TaskRow::Unidentified.verdict(), TaskVerdict::KeepAndReport);
}

#[test]
fn row_4_a_session_that_its_owner_has_ended_is_an_orphan_whatever_its_lease_says() {
    for case in [session().ended(), session().ended().leased(), session().ended().aged(DAY * 2)] {
        assert_eq!(case.row(), TaskRow::Ended);
    }
    for says_nothing in [EndedTag::Stale, EndedTag::Unreadable] {
        let case = session().task(|task| task.ended = says_nothing);
        assert_eq!(case.row(), TaskRow::Live, "{says_nothing:?}");
        assert_eq!(case.task.odd_tags(), [SESSION_ENDED_TAG], "people should know");
    }
    assert_eq!(TaskRow::Ended.verdict(), TaskVerdict::Orphan(OrphanCause::Ended));
}

#[test]
fn a_lease_from_before_the_session_counts_as_none_and_people_should_know() {
    let stale = session().task(|task| task.lease = Lease::Stale);
    assert_eq!(stale.row(), TaskRow::Live);
    assert_eq!(stale.clone().aged(HOUR * 2 + SECOND).row(), TaskRow::TooOld);
    assert_eq!(stale.task.odd_tags(), [LEASE_TAG]);
}

#[test]
fn row_5_beyond_the_hard_age_a_task_is_an_orphan_whatever_its_lease_says() {
    for case in [session(), session().leased(), session().lapsed(SECOND), session().unreadable()] {
        assert_eq!(case.aged(DAY + SECOND).row(), TaskRow::BeyondHardAge);
    }
    assert_ne!(session().leased().aged(DAY).row(), TaskRow::BeyondHardAge);
    assert_eq!(TaskRow::BeyondHardAge.verdict(), TaskVerdict::Orphan(OrphanCause::TooOld));
}

#[test]
fn row_5_a_task_that_never_started_gets_too_old_as_well() {
    let never_started = session().task(|task| (task.started, task.address) = (false, None));
    assert_eq!(never_started.aged(DAY + SECOND).row(), TaskRow::BeyondHardAge);
}

#[test]
fn row_6_a_lease_in_the_future_keeps_a_task_up_to_the_hard_age() {
    let leased = session().leased();
    for case in [
        leased.clone(),
        leased.clone().aged(DAY),
        leased.clone().forced(),
        leased.unrouted(Some(Probe::Done)).suspected(),
    ] {
        assert_eq!(case.row(), TaskRow::Leased);
    }
    assert_ne!(session().lapsed(Duration::ZERO).row(), TaskRow::Leased, "it ends now");
    assert_eq!(TaskRow::Leased.verdict(), TaskVerdict::Keep);
}

#[test]
fn row_6_a_lease_that_cannot_be_read_is_not_known_to_be_over() {
    let unreadable = session().unreadable();
    for case in [
        unreadable.clone().aged(DAY),
        unreadable.clone().forced(),
        unreadable.unrouted(Some(Probe::Done)).suspected(),
    ] {
        assert_eq!(case.row(), TaskRow::LeaseUnreadable);
    }
    assert_eq!(TaskRow::LeaseUnreadable.verdict(), TaskVerdict::KeepAndReport);
}

#[test]
fn forced_what_an_operator_declares_over_is_an_orphan_of_that_cluster_and_time_alone() {
    for case in [session(), session().lapsed(SECOND), session().aged(MINUTE)] {
        assert_eq!(case.forced().row(), TaskRow::Forced);
    }
    let made_then = session().forced().aged(Duration::ZERO);
    assert_eq!(made_then.row(), TaskRow::Live, "made at created_before is not made before it");
    let elsewhere = session().forced().task(|task| {
        task.arn = super::fixtures::task_arn("two", "x");
    });
    assert_eq!(elsewhere.row(), TaskRow::Live);
    assert_eq!(TaskRow::Forced.verdict(), TaskVerdict::Orphan(OrphanCause::Forced));
}

#[test]
fn row_7_a_lease_past_its_grace_makes_an_orphan_where_others_are_renewed() {
    let lapsed = session().lapsed(MINUTE * 15 + SECOND);
    assert_eq!(lapsed.row(), TaskRow::LeaseExpired);
    let a_quarter = lapsed.leases(|leases| (leases.lapsed, leases.running) = (5, 15));
    assert_eq!(a_quarter.row(), TaskRow::LeaseExpired);
    assert_eq!(TaskRow::LeaseExpired.verdict(), TaskVerdict::Orphan(OrphanCause::LeaseExpired));
}

#[test]
fn row_7_a_lease_past_the_maximum_session_age_makes_an_orphan_in_any_case() {
    let alone = |leases: &mut Leases| {
        *leases = Leases { lapsed: 99, running: 0, extended: 0, reaped: 9, all_listed: false };
    };
    assert_eq!(session().lapsed(HOUR * 2 + SECOND).leases(alone).row(), TaskRow::LeaseExpired);
    assert_eq!(session().lapsed(HOUR * 2).leases(alone).row(), TaskRow::LeaseLapsed);
}

#[test]
fn row_7a_a_lease_within_its_grace_is_kept() {
    for since in [Duration::ZERO, SECOND, MINUTE * 15] {
        assert_eq!(session().lapsed(since).row(), TaskRow::LeaseLapsed);
    }
    assert_eq!(TaskRow::LeaseLapsed.verdict(), TaskVerdict::KeepAndReport);
}

#[test]
fn row_7a_a_lease_in_the_past_is_kept_while_no_other_lease_was_seen_extended() {
    let case = session().lapsed(HOUR).leases(|leases| leases.extended = 0);
    assert_eq!(case.row(), TaskRow::LeaseLapsed, "that others run proves nothing");
}

#[test]
fn row_7a_those_that_were_reaped_before_count_as_lapsed() {
    let after = |reaped| session().lapsed(HOUR).leases(|leases| leases.reaped = reaped);
    assert_eq!(after(2).row(), TaskRow::LeaseExpired, "3 of 13 leased ones");
    let broken = after(3);
    assert_eq!(broken.row(), TaskRow::LeaseLapsed, "4 of 14: one after the other");
    assert!(broken.circumstances.leases.are_lapsing());
    assert!(!broken.leases(|leases| leases.lapsed = 0).circumstances.leases.are_lapsing());
}

#[test]
fn row_7a_a_lease_in_the_past_is_kept_while_a_cluster_is_not_listed() {
    let case = session().lapsed(HOUR).leases(|leases| leases.all_listed = false);
    assert_eq!(case.row(), TaskRow::LeaseLapsed);
}

#[test]
fn row_7a_where_more_than_a_quarter_of_the_leases_lapse_they_are_kept_and_look_broken() {
    for (lapsed, running) in [(6, 15), (2, 1), (10, 1), (60, 1)] {
        let case = session().lapsed(HOUR);
        let case = case.leases(|leases| (leases.lapsed, leases.running) = (lapsed, running));
        assert_eq!(case.row(), TaskRow::LeaseLapsed, "{lapsed} of {}", lapsed + running);
        assert!(case.circumstances.leases.are_lapsing());
    }
}

#[test]
fn row_7a_a_lapsed_lease_is_judged_by_itself_not_by_age_or_container() {
    let lapsed = session().lapsed(SECOND).aged(HOUR * 20);
    assert_eq!(lapsed.unrouted(Some(Probe::Done)).suspected().row(), TaskRow::LeaseLapsed);
}

#[test]
fn row_8_without_a_lease_a_task_gets_no_older_than_the_maximum_session_age() {
    assert_eq!(session().aged(HOUR * 2 + SECOND).row(), TaskRow::TooOld);
    assert_eq!(session().aged(HOUR * 2).row(), TaskRow::Live);
    assert_eq!(TaskRow::TooOld.verdict(), TaskVerdict::Orphan(OrphanCause::TooOld));
}

#[test]
fn row_9_no_traffic_and_done_twice_makes_an_orphan() {
    let done = session().unrouted(Some(Probe::Done)).suspected();
    assert_eq!(done.row(), TaskRow::Done);
    assert_eq!(done.clone().aged(MINUTE * 10 + SECOND).row(), TaskRow::Done);
    assert_eq!(done.aged(MINUTE * 10).row(), TaskRow::Live, "it may still be starting");
    assert_eq!(TaskRow::Done.verdict(), TaskVerdict::Orphan(OrphanCause::Done));
}

#[test]
fn row_9_a_task_with_traffic_is_kept_whatever_its_container_says() {
    let mut case = session().unrouted(Some(Probe::Done)).suspected();
    case.evidence.routed = Routed::Yes;
    assert_eq!(case.row(), TaskRow::Live);
}

#[test]
fn row_9_is_not_decided_while_a_target_group_is_not_listed() {
    let done = session().unrouted(Some(Probe::Done)).suspected().partly_listed();
    assert_eq!(done.row(), TaskRow::Undecided);
    assert_eq!(done.aged(MINUTE * 10).row(), TaskRow::Live, "too young for row 9 in any case");
    assert_eq!(TaskRow::Undecided.verdict(), TaskVerdict::KeepAndReport);
}

#[test]
fn row_9a_no_traffic_and_done_once_makes_a_suspect() {
    assert_eq!(session().unrouted(Some(Probe::Done)).row(), TaskRow::SuspectedDone);
    assert_eq!(TaskRow::SuspectedDone.verdict(), TaskVerdict::Suspect);
}

#[test]
fn row_9b_no_traffic_and_any_other_probe_is_kept_and_reported_however_long() {
    for probe in [None, Some(Probe::Active), Some(Probe::Answers), Some(Probe::Silent)] {
        let case = session().unrouted(probe);
        assert_eq!(case.row(), TaskRow::Unrouted, "{probe:?}");
        assert_eq!(case.suspected().row(), TaskRow::Unrouted, "{probe:?}");
    }
    assert_eq!(TaskRow::Unrouted.verdict(), TaskVerdict::KeepAndReport);
}

#[test]
fn row_10_a_young_task_and_one_with_traffic_are_live() {
    assert_eq!(session().row(), TaskRow::Live);
    let starting = session().aged(MINUTE).unrouted(None);
    assert_eq!(starting.row(), TaskRow::Live);
    assert_eq!(TaskRow::Live.verdict(), TaskVerdict::Keep);
}

#[test]
fn every_row_has_a_place_of_its_own_in_the_report() {
    let rows = [
        TaskRow::ToldToStop,
        TaskRow::Protected,
        TaskRow::Unidentified,
        TaskRow::Unclaimed,
        TaskRow::UnclaimedTooLong,
        TaskRow::Ended,
        TaskRow::StartUnknown,
        TaskRow::BeyondHardAge,
        TaskRow::Leased,
        TaskRow::LeaseUnreadable,
        TaskRow::Forced,
        TaskRow::LeaseExpired,
        TaskRow::LeaseLapsed,
        TaskRow::TooOld,
        TaskRow::Done,
        TaskRow::SuspectedDone,
        TaskRow::Unrouted,
        TaskRow::Undecided,
        TaskRow::Live,
    ];
    assert_eq!(rows.len(), TaskRow::Live as usize + 1, "each of them, and the last is the last");
    let labels: std::collections::BTreeSet<_> = rows.map(TaskRow::label).into();
    assert_eq!(labels.len(), rows.len());
    let shown: Vec<_> = rows.into_iter().filter(|row| !row.is_finding()).collect();
    assert_eq!(
        shown,
        [TaskRow::ToldToStop, TaskRow::Unclaimed, TaskRow::Leased, TaskRow::Live],
        "all else is reported"
    );
}

#[test]
fn a_limit_of_any_length_is_a_limit() {
    let mut policy = policy();
    policy.max_session_age = Duration::MAX;
    policy.blast_radius.part = Percent::WHOLE;
    let old = session().aged(DAY);
    let row = task_row(&old.task, old.evidence, &old.circumstances, &policy, now());
    assert_eq!(row, TaskRow::Live);
}
