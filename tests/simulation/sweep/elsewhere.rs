//! Sessions of clusters and target groups that nobody configured. So busy that no health check and no
//! probe gets through, they look dead from everywhere, and are not.

use super::crowd::{
    HOUR, MINUTE, healthy, left_targets, says, stopped, target_row, task_row, too_old, warns,
};
use crate::invoke::{
    INTERVAL, assert_unharmed, config, enforce, function_at, invoke_reaper, receipt, target_in,
    task_in,
};
use serde_json::json;
use session_cleanup::aws::Pace;
use session_cleanup_tests::world::{Api, Fault, Limits, Setup, World};

#[tokio::test(start_paused = true)]
async fn a_busy_session_of_a_cluster_that_nobody_configured_keeps_its_target() {
    for (family, row) in
        [("session", "G1 held_elsewhere"), ("another-platform", "G2 misrouted_elsewhere")]
    {
        let world = World::new(Setup::default());
        let busy = world.session("busy").of_family(family).in_cluster("elsewhere").deaf().start();
        for number in 1..=3 {
            let report = enforce(&world, &format!("sweep-{number}")).await;
            let finding = target_in(&report, busy.address());
            assert_eq!(finding["row"], row, "{report:#}");
            assert_eq!(finding["holder"], busy.arn(), "the report names who holds the address");
            assert_eq!(finding["probe"], "silent");
            assert_eq!(finding["action"], "kept");
            assert_eq!(report["counts"]["misrouted"], 0, "that alarm is for our own clusters");
            tokio::time::sleep(INTERVAL).await;
        }
        assert_eq!(world.count(Api::ListClusters), 3, "its fate hung on the other clusters");
        assert_eq!(world.count(Api::DeregisterTargets), 0, "{}", world.history());
        assert!(world.registered("sessions").contains(&busy.address()));
        assert!(world.is_live(&busy));
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_strangers_busy_task_in_a_configured_cluster_is_kept_and_reported_as_misrouted() {
    let world = World::new(Setup::default());
    let stranger = world.session("stranger").of_family("another-platform").deaf().start();
    for number in 1..=3 {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        assert_eq!(target_row(&report, stranger.address()), ("G2 misrouted", "kept"), "{report:#}");
        assert_eq!(report["counts"]["misrouted"], 1);
        tokio::time::sleep(INTERVAL).await;
    }
    assert_eq!(world.count(Api::ListClusters), 0, "its owner is known without them");
    assert_eq!(world.count(Api::DeregisterTargets), 0);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn while_another_cluster_cannot_be_listed_its_busy_session_is_undecided_and_kept() {
    let faults = [
        ("ListClusters", Fault::on(Api::ListClusters).always().server_error()),
        ("ListClusters", Fault::on(Api::ListClusters).always().denied()),
        ("ListClusters", Fault::on(Api::ListClusters).always().hangs()),
        ("ListTasks", Fault::on(Api::ListTasks).of("elsewhere").always().throttled()),
        ("ListTasks", Fault::on(Api::ListTasks).of("elsewhere").always().denied()),
        ("DescribeTasks", Fault::on(Api::DescribeTasks).of("elsewhere").always().reset()),
    ];
    for (call, fault) in faults {
        let world = World::new(Setup::default());
        let busy = world.session("busy").in_cluster("elsewhere").deaf().start();
        world.fault(fault.clone());
        for number in 1..=3 {
            let report = enforce(&world, &format!("sweep-{number}")).await;
            let row = target_row(&report, busy.address());
            assert_eq!(row, ("G7 undecided", "kept"), "{fault:?} {report:#}");
            assert!(warns(&report, "incomplete"), "{report:#}");
            assert!(says(&report["not_decided"], call), "{report:#}");
            tokio::time::sleep(INTERVAL).await;
        }
        assert_eq!(world.count(Api::DeregisterTargets), 0, "{}", world.history());
        world.faults_cease();
        let report = enforce(&world, "sweep-4").await;
        assert_eq!(
            target_row(&report, busy.address()),
            ("G1 held_elsewhere", "kept"),
            "{report:#}"
        );
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn other_clusters_are_not_listed_where_no_targets_fate_depends_on_them() {
    let world = World::new(Setup::default());
    world.add_cluster("elsewhere");
    world.session("live").start();
    let answering = world.session("answering").in_cluster("elsewhere").start();
    let report = enforce(&world, "sweep").await;
    assert_eq!(world.count(Api::ListClusters), 0, "{}", world.history());
    assert_eq!(target_row(&report, answering.address()), ("G6 foreign", "kept"), "{report:#}");
    assert_unharmed(&world);
}

/// Thousands of clusters can't be listed in a sweep's time at our share of AWS's rates. That decides
/// nothing about the target; the orphans don't pay for it.
#[tokio::test(start_paused = true)]
async fn an_account_with_more_clusters_than_can_be_listed_does_not_keep_its_orphans() {
    let world = World::new(Setup { limits: Limits::aws(), ..Setup::default() });
    for number in 0..3_000 {
        world.add_cluster(&format!("elsewhere-{number}"));
    }
    let zombie = left_targets(&world, "sessions", 1)[0];
    let old = too_old(&world, "old", 5, |session| session);
    let share = config(&world.setup(), &[]).sweep.rate_share;
    let (context, _) = function_at(&world, "sweep", Pace::share(share), &[]);
    let report = invoke_reaper(&context, &json!({ "mode": "enforce" })).await;
    assert_eq!(target_row(&report, zombie), ("G7 undecided", "kept"), "{report:#}");
    assert!(warns(&report, "incomplete"), "{report:#}");
    assert_eq!(stopped(&world, &old).len(), 5, "{report:#}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn busy_sessions_of_a_target_group_that_nobody_configured_are_unrouted_and_kept() {
    let world = World::new(Setup::default());
    world.add_target_group("another-service");
    let busy: Vec<_> = (0..20)
        .map(|number| {
            let session = world.session(&format!("busy-{number}")).started_ago(HOUR);
            session.registered_in(&["another-service"]).deaf().start()
        })
        .collect();
    for number in 1..=4 {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        for session in &busy {
            assert_eq!(task_row(&report, session), ("T9b unrouted", "kept"), "{report:#}");
            assert_eq!(task_in(&report, session)["evidence"]["probe"], "blind");
            assert_eq!(task_in(&report, session)["evidence"]["routed"], false);
        }
        assert_eq!(report["counts"]["unrouted"], 20);
        tokio::time::sleep(INTERVAL).await;
    }
    assert_eq!(world.count(Api::ContainerComplete), 0, "{}", world.history());
    assert!(busy.iter().all(|session| world.is_live(session)));
    assert_eq!(world.registered("another-service").len(), 20);
    assert_unharmed(&world);
}

/// A keep that rests on silence has an end: the maximum session age, and then the salvage window.
#[tokio::test(start_paused = true)]
async fn an_unrouted_session_is_kept_until_its_age_bounds_it() {
    let world = World::new(Setup::default());
    healthy(&world, 1);
    let age = MINUTE * 117;
    let deaf = world.session("deaf").started_ago(age).unregistered().deaf().start();
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_row(&report, &deaf), ("T9b unrouted", "kept"));
    assert!(world.completion_calls(&deaf).is_empty());
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(task_row(&report, &deaf), ("T8 too_old", "tried"), "{report:#}");
    assert!(!world.is_stopping(&deaf), "its artifacts are not given up yet");
    tokio::time::sleep(MINUTE * 14).await;
    enforce(&world, "sweep-3").await;
    tokio::time::sleep(MINUTE * 14).await;
    enforce(&world, "sweep-4").await;
    assert!(!world.is_stopping(&deaf));
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep-5").await;
    assert!(world.is_stopping(&deaf), "{}", world.history());
    assert_eq!(receipt(&world, &deaf).as_deref(), Some("artifacts_lost"));
    assert_unharmed(&world);
}
