//! An orphan of each cause is reaped, and nothing that lives is.

use super::crowd::renewing;
use crate::invoke::{INTERVAL, assert_clean, assert_unharmed, enforce, look, target_in, task_in};
use session_cleanup_tests::world::{Api, Setup, World};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn an_orphan_of_each_cause_is_reaped_and_the_living_are_left_alone() {
    let world = World::new(Setup::default());
    let ended = world
        .session("ended")
        .ended_by_owner()
        .tag("session-ended-at", "2026-11-02T08:59:00Z")
        .start();
    let old = world.session("old").started_ago(HOUR * 3).start();
    let lapsed = world.session("lapsed").lease_lapsed(Duration::from_mins(20)).start();
    let leased = renewing(&world, "leased");
    let done = world.session("done").started_ago(HOUR).completed().start();
    let protected =
        world.session("protected").started_ago(HOUR * 30).tag("cleanup-protection", "true").start();
    let young = world.session("young").start();
    let report = enforce(&world, "sweep-1").await;
    for orphan in [&ended, &old, &lapsed] {
        assert_clean(&world, orphan);
        assert_eq!(task_in(&report, orphan)["action"], "acted", "{report:#}");
    }
    assert_eq!(task_in(&report, &done)["row"], "T9a suspected_done");
    assert!(!world.is_stopping(&done));
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(task_in(&report, &done)["row"], "T9 done", "{report:#}");
    assert_clean(&world, &done);
    for living in [&leased, &young] {
        assert!(world.is_live(living));
        assert!(world.completion_calls(living).is_empty());
    }
    assert!(!world.is_stopping(&protected));
    let calls = world.calls().len();
    tokio::time::sleep(INTERVAL).await;
    let third = enforce(&world, "sweep-3").await;
    assert_eq!(third["counts"]["orphans"], 0, "{third:#}");
    let acts = [Api::StopTask, Api::ContainerComplete, Api::DeregisterTargets];
    assert!(world.calls()[calls..].iter().all(|call| !acts.contains(&call.api)));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_zombie_target_is_deregistered_by_the_second_sweep_and_its_intent_settled_by_the_third() {
    let world = World::new(Setup::default());
    world.session("live").start();
    let zombie = "127.0.99.1".parse().unwrap();
    world.leave_target("sessions", zombie);
    let report = look(&world, "sweep-1").await;
    assert_eq!(target_in(&report, zombie)["row"], "G4 suspected", "{report:#}");
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(target_in(&report, zombie)["action"], "acted", "{report:#}\n{}", world.history());
    assert!(!world.registered("sessions").contains(&zombie));
    assert_eq!(crate::invoke::open_intents(&world).len(), 1);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-3").await;
    assert_eq!(report["intents"]["settled"], 1, "{report:#}");
    assert_eq!(crate::invoke::open_intents(&world).len(), 0);
    assert_eq!(report["targets"].as_array().unwrap().len(), 0, "{report:#}");
    assert_unharmed(&world);
}
