//! Limits on harm: the mode `report`, and the blast radius for tasks and for targets.

use super::crowd::{
    ACTS, HOUR, calls_of, enforce_with, healthy, left_targets, metric, renewing, stopped,
    target_row, task_row, too_old, warns,
};
use crate::invoke::{
    INTERVAL, assert_unharmed, config, crash_leaves_an_intent, enforce, function_at, invoke_reaper,
    look, open_intents, sweeps,
};
use serde_json::json;
use session_cleanup::aws::Pace;
use session_cleanup_tests::world::{Api, Health, Limits, SessionBuilder, Setup, TaskHandle, World};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn the_mode_report_changes_nothing_but_the_suspects() {
    let world = World::new(Setup::default());
    let lapsed = Duration::from_mins(20);
    let session = |name| world.session(name);
    let orphans = [
        session("ended")
            .started_ago(HOUR * 2)
            .tag("session-ended-at", "2026-11-02T08:00:00Z")
            .ended_by_owner()
            .start(),
        session("ancient").started_ago(HOUR * 30).start(),
        session("old").started_ago(HOUR * 3).start(),
        session("lapsed").lease_lapsed(lapsed).start(),
        session("stuck").started_ago(HOUR * 3).never_started().start(),
        session("done").started_ago(HOUR).completed().start(),
    ];
    renewing(&world, "leased");
    let zombies = left_targets(&world, "sessions", 3);
    let registered = world.registered("sessions");
    look(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    let report = look(&world, "sweep-2").await;
    for orphan in &orphans {
        assert_eq!(task_row(&report, orphan).1, "would_act", "{report:#}");
    }
    for zombie in &zombies {
        assert_eq!(target_row(&report, *zombie), ("G5 zombie", "would_act"), "{report:#}");
    }
    assert_eq!(report["counts"]["orphans"], 6);
    assert_eq!(
        (&report["counts"]["reaped"], &report["counts"]["deregistered"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(calls_of(&world, &ACTS), 0, "{}", world.history());
    assert_eq!(calls_of(&world, &[Api::RegisterTargets, Api::DeleteObject]), 0);
    assert!(stopped(&world, &orphans).is_empty());
    assert_eq!(world.registered("sessions"), registered);
    for key in world.keys("ledger") {
        assert!(key == "suspects.json" || key.starts_with("sweeps/"), "{key}");
    }
    assert_unharmed(&world);
}

/// Who reads it decides whether to enforce: it must not promise more than a sweep may do.
#[tokio::test(start_paused = true)]
async fn the_mode_report_says_what_would_wait_beyond_the_blast_radius() {
    let world = World::new(Setup::default());
    let old = too_old(&world, "old", 32, SessionBuilder::unregistered);
    left_targets(&world, "sessions", 14);
    look(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    let report = look(&world, "sweep-2").await;
    for (number, orphan) in old.iter().enumerate() {
        let action = if number < 10 { "would_act" } else { "would_wait" };
        assert_eq!(task_row(&report, orphan), ("T8 too_old", action), "{report:#}");
    }
    let targets = report["targets"].as_array().unwrap();
    let such = |action| targets.iter().filter(|finding| finding["action"] == action).count();
    assert_eq!((such("would_act"), such("would_wait")), (10, 4), "{report:#}");
    assert!(!warns(&report, "blast_radius_reached"), "nothing waits: nobody has acted");
    assert_eq!(calls_of(&world, &ACTS), 0, "{}", world.history());
}

/// Both modes repair our own doing.
#[tokio::test(start_paused = true)]
async fn the_mode_report_settles_what_a_crash_left_behind() {
    let world = World::new(Setup::default());
    let live = world.session("live").start();
    crash_leaves_an_intent(&world, &live, Duration::ZERO);
    let report = look(&world, "sweep-1").await;
    assert_eq!(report["intents"]["settled"], 0, "whoever wrote it may still be at work");
    tokio::time::sleep(INTERVAL).await;
    let report = look(&world, "sweep-2").await;
    assert_eq!(report["intents"]["re_registered"], 1, "{report:#}");
    assert!(world.registered("sessions").contains(&live.address()), "{}", world.history());
    assert!(open_intents(&world).is_empty());
    assert_unharmed(&world);
}

fn names(tasks: &[TaskHandle]) -> Vec<&str> {
    tasks.iter().map(TaskHandle::session_id).collect()
}

#[tokio::test(start_paused = true)]
async fn a_sweep_stops_the_oldest_up_to_the_blast_radius_and_says_that_the_rest_waits() {
    // In a small fleet ten, in a large one a quarter.
    for (orphans, living, most) in [(32, 0, 10), (60, 20, 20)] {
        let world = World::new(Setup::default());
        healthy(&world, living);
        let old = too_old(&world, "old", orphans, |session| session);
        let (report, metrics) = enforce_with(&world, "sweep-1", &[]).await;
        assert_eq!(stopped(&world, &old), names(&old[..most]), "the oldest first");
        assert_eq!(report["counts"]["reaped"], most);
        for waiting in &old[most..] {
            assert_eq!(task_row(&report, waiting), ("T8 too_old", "waits"), "{report:#}");
            assert!(world.completion_calls(waiting).is_empty());
        }
        assert!(warns(&report, "blast_radius_reached"));
        assert_eq!(metric(&metrics, "BlastRadiusReached"), 1);
        assert_eq!(metric(&metrics, "OrphansReaped"), u64::try_from(most).unwrap());
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_cleaned_by_the_next_sweeps_and_the_warning_ends() {
    let world = World::new(Setup::default());
    let old = too_old(&world, "old", 32, |session| session);
    let reports = sweeps(&world, "sweep", 4).await;
    let limited: Vec<bool> =
        reports.iter().map(|report| warns(report, "blast_radius_reached")).collect();
    assert_eq!(limited, [true, true, true, false]);
    assert_eq!(stopped(&world, &old).len(), 32);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn exactly_the_blast_radius_reaches_no_limit() {
    let world = World::new(Setup::default());
    let old = too_old(&world, "old", 10, |session| session);
    let (report, metrics) = enforce_with(&world, "sweep", &[]).await;
    assert_eq!(stopped(&world, &old).len(), 10);
    assert!(!warns(&report, "blast_radius_reached"), "{report:#}");
    assert_eq!(metric(&metrics, "BlastRadiusReached"), 0);
}

#[tokio::test(start_paused = true)]
async fn each_target_group_has_a_blast_radius_of_its_own() {
    let target_groups = vec!["sessions".to_owned(), "more-sessions".to_owned()];
    let world = World::new(Setup { target_groups, ..Setup::default() });
    let many = left_targets(&world, "sessions", 60);
    let few = left_targets(&world, "more-sessions", 14);
    look(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    let (report, metrics) = enforce_with(&world, "sweep-2", &[]).await;
    assert_eq!(world.registered("sessions").len(), 60 - 15, "a quarter of it");
    assert_eq!(world.registered("more-sessions").len(), 14 - 10, "ten in any case");
    assert_eq!(report["counts"]["deregistered"], 25);
    assert!(warns(&report, "blast_radius_reached"));
    assert_eq!(metric(&metrics, "BlastRadiusReached"), 1);
    let waits = report["targets"].as_array().unwrap().iter();
    assert_eq!(waits.filter(|finding| finding["action"] == "waits").count(), 45 + 4);
    tokio::time::sleep(INTERVAL).await;
    sweeps(&world, "sweep-3", 5).await;
    for (group, targets) in [("sessions", many), ("more-sessions", few)] {
        let left = world.registered(group);
        assert!(targets.iter().all(|target| !left.contains(target)), "{left:?}");
    }
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn targets_that_have_been_suspect_longest_are_deregistered_first() {
    let world = World::new(Setup::default());
    let mut later = left_targets(&world, "sessions", 12);
    let first = later.split_off(6);
    for address in &later {
        world.report("sessions", *address, Health::new("healthy", ""));
    }
    look(&world, "sweep-1").await;
    for address in &later {
        world.report_truth("sessions", *address);
    }
    tokio::time::sleep(INTERVAL).await;
    look(&world, "sweep-2").await;
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-3").await;
    assert_eq!(report["counts"]["zombies"], 12, "{report:#}");
    let left = world.registered("sessions");
    assert_eq!(left.len(), 2);
    assert!(first.iter().all(|address| !left.contains(address)), "{left:?} of {first:?}");
}

/// We are guests: owners start sessions and renew leases from the same buckets.
#[tokio::test(start_paused = true)]
async fn a_sweep_at_its_share_of_awss_rates_is_never_throttled() {
    let world = World::new(Setup { limits: Limits::aws(), ..Setup::default() });
    healthy(&world, 750);
    // More than AWS lets be stopped at once.
    let old = too_old(&world, "old", 250, |session| session);
    let share = config(&world.setup(), &[]).sweep.rate_share;
    let (context, _) = function_at(&world, "sweep", Pace::share(share), &[]);
    let report = invoke_reaper(&context, &json!({ "mode": "enforce" })).await;
    assert_eq!(report["counts"]["reaped"], 250, "{:#}", report["counts"]);
    assert_eq!(stopped(&world, &old).len(), 250);
    assert_eq!((world.throttles(), &report["api"]["throttles"]), (0, &json!(0)));
    assert_unharmed(&world);
}
