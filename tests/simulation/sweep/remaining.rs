//! What a sweep leaves: alarms rest on how many sweeps in a row did.

use super::crowd::{HOUR, enforce_with, healthy, left_targets, metric, renewing, too_old};
use crate::invoke::{
    INTERVAL, assert_unharmed, crash_leaves_an_intent, enforce, function_with, invoke_reaper,
};
use jiff::SignedDuration;
use serde_json::json;
use session_cleanup_tests::world::{Api, Crash, Fault, HealthTimes, Setup, World};
use std::time::Duration;

/// So many sweeps an interval apart; the figure of this metric after each.
async fn sweeps_count(world: &World, mode: &str, count: u64, name: &str) -> Vec<u64> {
    let mut counted = Vec::new();
    for number in 1..=count {
        let (context, metrics) = function_with(world, &format!("{mode}-{number}"), &[]);
        invoke_reaper(&context, &json!({ "mode": mode })).await;
        counted.push(metric(&metrics, name));
        tokio::time::sleep(INTERVAL).await;
    }
    counted
}

#[tokio::test(start_paused = true)]
async fn orphans_that_a_sweep_leaves_are_counted_in_a_row_in_both_modes() {
    let world = World::new(Setup::default());
    healthy(&world, 2);
    too_old(&world, "old", 3, |session| session);
    assert_eq!(sweeps_count(&world, "report", 3, "OrphansRemainInARow").await, [1, 2, 3]);
    assert_eq!(sweeps_count(&world, "enforce", 1, "OrphansRemainInARow").await, [0]);
    world.fault(Fault::on(Api::StopTask).always().denied());
    too_old(&world, "stays", 1, |session| session);
    assert_eq!(sweeps_count(&world, "enforce", 2, "OrphansRemainInARow").await, [1, 2]);
    assert_unharmed(&world);
}

/// It waits for the next sweep, so it is left; that it waits has an alarm of its own.
#[tokio::test(start_paused = true)]
async fn an_orphan_beyond_the_blast_radius_is_left_and_a_reaped_one_is_not() {
    let world = World::new(Setup::default());
    too_old(&world, "old", 12, |session| session);
    let (report, metrics) = enforce_with(&world, "sweep", &[]).await;
    assert_eq!(
        (&report["counts"]["orphans"], &report["counts"]["reaped"]),
        (&json!(12), &json!(10))
    );
    assert_eq!(metric(&metrics, "OrphansRemaining"), 2, "{report:#}");
    assert_unharmed(&world);
}

/// Nothing is wrong with either.
#[tokio::test(start_paused = true)]
async fn an_upload_under_way_and_an_orphan_that_was_spared_are_not_left() {
    let world = World::new(Setup::default());
    world.session("slow").started_ago(HOUR * 3).answers_202().uploads_in(HOUR).start();
    renewing(&world, "leased");
    let renewed = world.session("renewed").lease_lapsed(HOUR / 3).start();
    world.before(Api::DescribeTasks, 2, move |world| {
        world.set_tag(&renewed, "lease-expires-at", &(world.now() + HOUR).to_string());
    });
    let (report, metrics) = enforce_with(&world, "sweep", &[]).await;
    assert_eq!(report["counts"]["orphans"], 2, "{report:#}");
    assert_eq!(report["counts"]["under_way"], 1, "{report:#}");
    assert_eq!(metric(&metrics, "OrphansRemaining"), 0, "{report:#}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn zombies_that_a_sweep_leaves_are_counted_in_a_row_in_both_modes() {
    let denied = || Fault::on(Api::DeregisterTargets).always().denied();
    for (mode, trouble) in [("report", None), ("enforce", Some(denied()))] {
        let world = World::new(Setup::default());
        healthy(&world, 2);
        left_targets(&world, "sessions", 2);
        if let Some(trouble) = trouble {
            world.fault(trouble);
        }
        let counted = sweeps_count(&world, mode, 4, "ZombiesRemainInARow").await;
        assert_eq!(counted, [0, 1, 2, 3], "{mode}: suspects at first\n{}", world.history());
        world.faults_cease();
        let after = sweeps_count(&world, "enforce", 2, "ZombiesRemainInARow").await;
        assert_eq!(after, [0, 0], "{mode}");
        assert_unharmed(&world);
    }
}

/// Two that were deregistered one sweep after the other used to ring the alarm for those that remain.
#[tokio::test(start_paused = true)]
async fn a_zombie_that_is_gone_is_not_left_however_late_reads_show_it() {
    for lag in [0, 1, 3] {
        let health = HealthTimes { reads_lag: Duration::from_secs(lag), ..HealthTimes::default() };
        let world = World::new(Setup { health, ..Setup::default() });
        healthy(&world, 2);
        left_targets(&world, "sessions", 2);
        let counted = sweeps_count(&world, "enforce", 3, "ZombiesRemainInARow").await;
        assert_eq!(counted, [0, 0, 0], "reads lag {lag} s\n{}", world.history());
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_saved_and_can_not_be_stopped_is_counted_in_a_row() {
    let world = World::new(Setup::default());
    too_old(&world, "old", 1, |session| session);
    world.fault(Fault::on(Api::StopTask).always().denied());
    assert_eq!(sweeps_count(&world, "enforce", 3, "RunOnInARow").await, [1, 2, 3]);
    world.faults_cease();
    assert_eq!(sweeps_count(&world, "enforce", 1, "RunOnInARow").await, [0]);
    assert_unharmed(&world);
}

/// A live session without its target, after a crash.
#[tokio::test(start_paused = true)]
async fn an_intent_that_stays_open_is_counted_in_a_row() {
    let world = World::new(Setup::default());
    let live = world.session("live").started_ago(HOUR).start();
    crash_leaves_an_intent(&world, &live, INTERVAL * 2);
    world.fault(Fault::on(Api::RegisterTargets).always().throttled());
    assert_eq!(sweeps_count(&world, "report", 2, "PendingInARow").await, [1, 2]);
    world.faults_cease();
    assert_eq!(sweeps_count(&world, "report", 2, "PendingInARow").await, [0, 0]);
    assert!(world.registered("sessions").contains(&live.address()));
    assert_unharmed(&world);
}

/// Someone orders a sweep between two of the schedule, and it dies.
#[tokio::test(start_paused = true)]
async fn a_sweep_that_dies_between_two_others_does_not_hide_that_these_follow_each_other() {
    for number in 1..=30 {
        let world = World::new(Setup::default());
        too_old(&world, "old", 1, |session| session);
        world.fault(Fault::on(Api::StopTask).always().denied());
        assert_eq!(sweeps_count(&world, "enforce", 1, "RunOnInARow").await, [1]);
        // The one of the schedule is due.
        let ordered = enforce(&world, "ordered");
        let died = world.run_until_crash("ordered", Crash::After(number), ordered).await.is_none();
        let counted = sweeps_count(&world, "enforce", 1, "RunOnInARow").await;
        assert_eq!(counted, [2], "{number}\n{}", world.history());
        assert_unharmed(&world);
        if !died {
            assert!(number > 10, "it ends after so few calls?\n{}", world.history());
            return;
        }
    }
    panic!("no sweep has come to its end");
}

/// The clock of one sandbox is ahead, the next one's is right.
#[tokio::test(start_paused = true)]
async fn a_sweep_whose_clock_was_ahead_silences_none_after_it() {
    let world = World::new(Setup::default());
    too_old(&world, "old", 1, |session| session);
    world.fault(Fault::on(Api::StopTask).always().denied());
    world.adjust(|setup| setup.functions_clock_is_ahead = SignedDuration::from_mins(30));
    assert_eq!(sweeps_count(&world, "enforce", 1, "RunOnInARow").await, [1]);
    world.adjust(|setup| setup.functions_clock_is_ahead = SignedDuration::ZERO);
    let counted = sweeps_count(&world, "enforce", 2, "RunOnInARow").await;
    assert_eq!(counted, [2, 3], "{}", world.history());
}
