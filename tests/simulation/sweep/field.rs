//! What went wrong in a production system of this kind, as a sweep meets it.

use super::crowd::{HOUR, MINUTE, metric, stopped, target_row, task_row};
use crate::invoke::{
    INTERVAL, assert_unharmed, deliver, deliver_until_done, enforce, function, function_with,
    invoke_reaper, open_intents, receipt, sweeps,
};
use serde_json::json;
use session_cleanup_tests::world::{Api, Setup, TaskHandle, World};

/// Field failure 4: the task is kept alive because the upload failed, and then nothing ever reclaims
/// it or its target. Here the reaper does, and the loss is on record.
#[tokio::test(start_paused = true)]
async fn a_task_that_was_kept_for_its_artifacts_is_reclaimed_in_the_end() {
    let world = World::new(Setup::default());
    let kept = world.session("kept").upload_never_works().start();
    let event = world.session_ended_event(&kept, "failed");
    assert_eq!(deliver_until_done(&world, "completion", &event, 3).await, None);
    assert!(!world.is_stopping(&kept), "its artifacts may still come");
    for number in 1..=8 {
        enforce(&world, &format!("sweep-{number}")).await;
        tokio::time::sleep(INTERVAL).await;
    }
    assert!(world.is_stopping(&kept), "{}", world.history());
    assert!(!world.registered("sessions").contains(&kept.address()));
    assert_eq!(receipt(&world, &kept).as_deref(), Some("artifacts_lost"));
    assert_unharmed(&world);
}

/// Field failure 4, the better end: the upload works later, and nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_task_that_was_kept_for_its_artifacts_is_saved_by_a_later_sweep() {
    let world = World::new(Setup::default());
    let kept = world.session("kept").upload_never_works().start();
    let event = world.session_ended_event(&kept, "failed");
    assert_eq!(deliver(&function(&world, "completion"), &[event]).await, [0]);
    world.behaves(&kept, |container| container.failing_uploads = 0);
    let report = enforce(&world, "sweep").await;
    assert_eq!(task_row(&report, &kept), ("T4 ended", "acted"), "{report:#}");
    assert_eq!(receipt(&world, &kept).as_deref(), Some("cleaned"));
    assert_unharmed(&world);
}

/// Field failure 6: the fail-safe lists *every* task in the cluster and stops it, and other users' live
/// sessions die. The automatic one is an alarm's sweep by the tables; the operator's takes nothing that
/// was created later, is leased or is not a session.
#[tokio::test(start_paused = true)]
async fn the_fail_safe_spares_other_users_sessions() {
    let world = World::new(Setup::default());
    let mut others: Vec<TaskHandle> =
        (0..6).map(|number| world.session(&format!("user-{number}")).start()).collect();
    let stuck = world.session("stuck").started_ago(HOUR * 3).start();
    let alarm = json!({
        "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "detail": { "alarmName": "cleanups-fail", "state": { "value": "ALARM" } },
    });
    let (context, _) = function_with(&world, "alarmed", &[("REAPER_MODE", "enforce")]);
    invoke_reaper(&context, &alarm).await;
    assert!(world.is_stopping(&stuck), "{}", world.history());
    assert!(others.iter().all(|user| world.is_live(user)));

    for user in &others {
        world.owner_ends(user);
    }
    let created_before = world.now();
    world.allow_force("sessions", created_before);
    tokio::time::sleep(MINUTE * 5).await;
    let service = world.session("service").group("service:web").unregistered().start();
    let leased = world.session("leased").started_ago(HOUR).leased_for(MINUTE * 10).start();
    let later = world.session("later").start();
    let order = json!({ "cluster": "sessions", "created_before": created_before.to_string() });
    let payload = json!({ "mode": "enforce", "force_cluster": order });
    invoke_reaper(&function(&world, "forced"), &payload).await;
    assert_eq!(stopped(&world, &others).len(), 6);
    others = vec![service, leased, later];
    assert!(stopped(&world, &others).is_empty(), "{}", world.history());
    assert!(others.iter().all(|user| world.completion_calls(user).is_empty()));
    assert_unharmed(&world);
}

/// Field failure 7: a task dies by itself, its target stays, its artifacts are gone. The loss is on
/// record from the task's event, and the target goes by two sweeps.
#[tokio::test(start_paused = true)]
async fn the_target_of_a_task_that_died_is_deregistered_by_two_sweeps() {
    let world = World::new(Setup::default());
    let living = world.session("living").start();
    let dead = world.session("dead").start();
    world.crash(&dead, 137);
    tokio::time::sleep(MINUTE).await;
    let (context, metrics) = function_with(&world, "completion", &[]);
    assert!(deliver(&context, &[world.task_event(&dead)]).await.is_empty());
    assert_eq!(receipt(&world, &dead).as_deref(), Some("artifacts_lost"));
    assert_eq!(metric(&metrics, "ArtifactsLost"), 1);
    assert!(world.registered("sessions").contains(&dead.address()), "it is the reaper's");
    let reports = sweeps(&world, "sweep", 3).await;
    assert_eq!(
        target_row(&reports[0], dead.address()),
        ("G4 suspected", "suspected"),
        "{:#}",
        reports[0]
    );
    assert_eq!(target_row(&reports[1], dead.address()), ("G5 zombie", "acted"), "{:#}", reports[1]);
    assert_eq!(world.registered("sessions"), [living.address()]);
    assert!(open_intents(&world).is_empty());
    assert_unharmed(&world);
}

/// Field failure 8: the address of a stopped task is given to a new session before the old target is
/// gone, and a naive "deregister this address" cuts off a live session. Here at every point: before the
/// second look, before the act, and while the load balancer answers.
#[tokio::test(start_paused = true)]
async fn a_session_that_gets_the_address_of_a_dead_one_keeps_its_traffic() {
    let points = [
        None,
        Some(Api::DescribeTargetHealth),
        Some(Api::ListTasks),
        Some(Api::ContainerHealth),
        Some(Api::PutObject),
        Some(Api::DeregisterTargets),
    ];
    for point in points {
        let world = World::new(Setup::default());
        let dead = world.session("dead").start();
        world.crash(&dead, 137);
        tokio::time::sleep(MINUTE).await;
        enforce(&world, "sweep-1").await;
        tokio::time::sleep(INTERVAL).await;
        let old = dead.clone();
        let move_in = move |world: &World| {
            // So busy that nothing but ECS knows of it.
            world.session("new").at_address_of(&old).deaf().start();
        };
        match point {
            None => move_in(&world),
            Some(api) => world.before(api, 1, move_in),
        }
        let report = enforce(&world, "sweep-2").await;
        let address = dead.address();
        assert!(world.registered("sessions").contains(&address), "{point:?} {report:#}");
        assert_unharmed(&world);
        sweeps(&world, "later", 2).await;
        assert!(world.registered("sessions").contains(&address), "{point:?}");
        assert!(open_intents(&world).is_empty());
        assert_unharmed(&world);
    }
}
