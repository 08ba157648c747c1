//! `force_cluster`, the fail-safe of an operator: one cluster, and only what was created before.

use super::crowd::{MINUTE, enforce_with, metric, stopped, task_row, warns};
use crate::invoke::{INTERVAL, assert_clean, assert_unharmed, function, invoke_reaper};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Crash, Setup, TaskHandle, World};

fn two_clusters() -> World {
    let clusters = vec!["sessions".to_owned(), "more-sessions".to_owned()];
    World::new(Setup { clusters, ..Setup::default() })
}

/// Forces `sessions`, by now.
async fn force(world: &World, caller: &str) -> Value {
    let created_before = world.now();
    world.allow_force("sessions", created_before);
    let order = json!({ "cluster": "sessions", "created_before": created_before.to_string() });
    let payload = json!({ "mode": "enforce", "force_cluster": order });
    invoke_reaper(&function(world, caller), &payload).await
}

#[tokio::test(start_paused = true)]
async fn every_session_task_of_the_cluster_that_was_created_before_is_cleaned_up() {
    let world = two_clusters();
    let forced = [world.session("one").start(), world.session("other").start()];
    let elsewhere = world.session("elsewhere").in_cluster("more-sessions").start();
    let of_another_family = world.session("x").of_family("web").unregistered().start();
    let of_a_service = world.session("y").group("service:session").unregistered().start();
    let report = force(&world, "sweep").await;
    for task in &forced {
        assert_eq!(task_row(&report, task), ("TF forced", "acted"), "{report:#}");
        assert_clean(&world, task);
    }
    assert_eq!(report["force_cluster"]["cluster"], "sessions");
    let others = [elsewhere, of_another_family, of_a_service];
    assert!(stopped(&world, &others).is_empty(), "{}", world.history());
    assert!(others.iter().all(|task| world.completion_calls(task).is_empty()));
}

#[tokio::test(start_paused = true)]
async fn rows_2_3_and_6_are_kept_under_force() {
    let world = two_clusters();
    let protected = world.session("protected").tag("cleanup-protection", "true").start();
    let unidentified = world.session("unidentified").unidentified().start();
    let leased = world.session("leased").leased_for(MINUTE).start();
    let report = force(&world, "sweep").await;
    assert_eq!(task_row(&report, &protected), ("T2 protected", "kept"), "{report:#}");
    assert_eq!(task_row(&report, &unidentified), ("T3 unidentified", "kept"));
    assert_eq!(report["counts"]["orphans"], 0);
    let kept = [protected, unidentified, leased];
    assert!(stopped(&world, &kept).is_empty());
    assert!(kept.iter().all(|task| world.completion_calls(task).is_empty()));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_created_later_is_untouched() {
    let world = two_clusters();
    let before = world.session("before").start();
    let created_before = world.now();
    world.allow_force("sessions", created_before);
    tokio::time::sleep(MINUTE * 10).await;
    let later = world.session("later").started_ago(MINUTE * 9).start();
    let order = json!({ "cluster": "sessions", "created_before": created_before.to_string() });
    let payload = json!({ "mode": "enforce", "force_cluster": order });
    let report = invoke_reaper(&function(&world, "sweep"), &payload).await;
    assert_eq!(task_row(&report, &before), ("TF forced", "acted"), "{report:#}");
    assert!(world.is_live(&later) && world.completion_calls(&later).is_empty());
    assert!(world.registered("sessions").contains(&later.address()));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn the_blast_radius_holds_under_force() {
    let world = two_clusters();
    let fleet: Vec<TaskHandle> =
        (0..30).map(|number| world.session(&format!("s-{number}")).start()).collect();
    let report = force(&world, "sweep-1").await;
    assert_eq!(stopped(&world, &fleet).len(), 10, "{}", world.history());
    assert!(warns(&report, "blast_radius_reached"));
    tokio::time::sleep(INTERVAL).await;
    force(&world, "sweep-2").await;
    assert_eq!(stopped(&world, &fleet).len(), 20);
    assert_unharmed(&world);
}

/// The fail-safe saves first, too.
#[tokio::test(start_paused = true)]
async fn salvage_holds_under_force() {
    let world = two_clusters();
    let stubborn = world.session("stubborn").upload_never_works().start();
    let report = force(&world, "sweep").await;
    assert_eq!(task_row(&report, &stubborn), ("TF forced", "tried"), "{report:#}");
    assert!(!world.is_stopping(&stubborn));
    assert!(world.registered("sessions").contains(&stubborn.address()));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_be_obeyed_to_the_letter_makes_no_call() {
    let world = two_clusters();
    world.session("live").start();
    let now = world.now();
    let recent = now.to_string();
    let old = (now - MINUTE * 16).to_string();
    let future = (now + MINUTE).to_string();
    let order = |cluster: &str, at: &str| json!({ "cluster": cluster, "created_before": at });
    let refused = [
        ("enforce", order("unknown", &recent), "force_cluster.cluster"),
        ("enforce", order("*", &recent), "force_cluster.cluster"),
        ("enforce", order("sessions", &old), "force_cluster.created_before"),
        ("enforce", order("sessions", &future), "force_cluster.created_before"),
        ("enforce", order("sessions", "now"), "force_cluster.created_before"),
        ("enforce", json!({ "cluster": "sessions" }), "force_cluster.created_before"),
        ("enforce", json!({ "created_before": recent }), "force_cluster.cluster"),
        ("report", order("sessions", &recent), "force_cluster"),
        ("enforce", json!("sessions"), "force_cluster"),
    ];
    for (mode, order, field) in refused {
        let payload = json!({ "mode": mode, "force_cluster": order });
        let answer = invoke_reaper(&function(&world, "sweep"), &payload).await;
        let error = answer["error"].as_str().unwrap_or("none");
        assert!(error.contains(&format!("`{field}`")), "{payload} {answer}");
    }
    assert!(world.calls().is_empty(), "{}", world.history());
}

/// The order dies with the sweep that got it: a session that was about to be ended lives on. That is no event of
/// another fleet's.
#[tokio::test(start_paused = true)]
async fn what_a_forced_sweep_that_died_had_begun_is_no_event_out_of_scope() {
    let mut lived_on = 0;
    for number in 1..20 {
        let world = two_clusters();
        let session = world.session("live").start();
        let crash = Crash::Before(number);
        let crashed = world.run_until_crash("forced", crash, force(&world, "forced")).await;
        if crashed.is_some() {
            break;
        }
        tokio::time::sleep(INTERVAL).await;
        let (report, metrics) = enforce_with(&world, "next", &[]).await;
        assert_eq!(metric(&metrics, "OutcomeOutOfScope"), 0, "{number} {report:#}");
        if !world.is_stopping(&session) && world.completion_calls(&session).is_empty() {
            assert!(world.is_live(&session), "{}", world.history());
            lived_on += usize::from(metric(&metrics, "OutcomeRejected") == 1);
        }
    }
    assert!(lived_on > 0, "no sweep died between its memory and its acts");
}
