//! What time alone makes of a task.

use super::fixtures::{HOUR, MINUTE, now, policy, scope, task};
use super::scene::scene;
use crate::session::{LEASE_TAG, SessionTask, Task};
use crate::sweep::decide::judge_task::{circumstances, judge};
use crate::sweep::decide::{
    Circumstances, Leases, NextRow, Routed, TaskEvidence, TaskRow, next_row, task_row,
};
use jiff::SignedDuration;
use proptest::prelude::*;

fn routed() -> TaskEvidence {
    TaskEvidence { routed: Routed::Yes, probe: None, suspected: false, claimed_since: None }
}

fn calm() -> Circumstances {
    let leases = Leases { lapsed: 0, running: 10, extended: 1, reaped: 0, all_listed: true };
    Circumstances { leases, force: None }
}

#[test]
fn a_session_without_a_lease_is_told_when_it_gets_too_old() {
    let task = SessionTask::read(&task("x"), scope(), now()).unwrap();
    let from = task.created_at + HOUR * 2;
    let next = next_row(&task, routed(), &calm(), &policy(), now());
    assert_eq!(next, Some(NextRow { from, row: TaskRow::TooOld }));
}

#[test]
fn a_lease_that_runs_is_told_when_it_lapses_if_nobody_extends_it() {
    let end = now() + MINUTE;
    let mut leased = task("x");
    leased.tags.insert(LEASE_TAG.to_owned(), end.to_string());
    let leased = SessionTask::read(&leased, scope(), now()).unwrap();
    let next = next_row(&leased, routed(), &calm(), &policy(), now());
    assert_eq!(next, Some(NextRow { from: end, row: TaskRow::LeaseLapsed }));
}

#[test]
fn time_does_not_give_back_what_is_an_orphan_for_its_hard_age() {
    let mut old = task("x");
    old.created_at = now() - HOUR * 30;
    let old = SessionTask::read(&old, scope(), now()).unwrap();
    assert_eq!(next_row(&old, routed(), &calm(), &policy(), now()), None);
}

/// Also by the sweep that is the first to see it claimed.
#[test]
fn a_session_of_a_pool_without_a_start_is_told_when_its_hard_age_ends_it() {
    let mut policy = policy();
    policy.warm_pool = true;
    let old = Task { created_at: now() - HOUR * 3, ..task("x") };
    let task = SessionTask::read(&old, scope(), now()).unwrap();
    for (claimed_since, from) in
        [(None, now() + HOUR * 24), (Some(now() - HOUR), now() + HOUR * 23)]
    {
        let evidence = TaskEvidence { claimed_since, ..routed() };
        let next = next_row(&task, evidence, &calm(), &policy, now());
        assert_eq!(next, Some(NextRow { from, row: TaskRow::BeyondHardAge }));
    }
}

proptest! {
    /// Whatever the task, the table agrees with the forecast at every moment until then, and right after.
    #[test]
    fn the_table_says_at_each_time_what_was_forecast(scene in scene(), part in 0.0..1.0_f64, later in 1..200_i64) {
        scene.on_known(|known| {
            let (circumstances, healthy) = (circumstances(known), known.seen.healthy());
            for task in &known.seen.tasks {
                let judged = judge(known, task, &circumstances, &healthy);
                let at = |time| task_row(task, judged.evidence, &circumstances, known.policy, time);
                let next = next_row(task, judged.evidence, &circumstances, known.policy, now());
                if let Some(NextRow { from, row }) = next {
                    let wait = from.duration_since(now()).mul_f64(part);
                    prop_assert_eq!(at(now() + wait), judged.row, "before {}", from);
                    prop_assert_eq!(at(from + SignedDuration::from_nanos(1)), row);
                    prop_assert_ne!(row, judged.row);
                } else {
                    prop_assert_eq!(at(now() + SignedDuration::from_hours(later)), judged.row);
                }
            }
            Ok(())
        })?;
    }
}
