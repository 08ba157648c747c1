//! Orphans that never started: there is nothing to save, unless ECS is out of date.

use super::crowd::{HOUR, MINUTE, enforce_with, metric, task_row};
use crate::invoke::{INTERVAL, assert_unharmed, enforce, receipt, task_in};
use session_cleanup_tests::world::{Api, Setup, World};

#[tokio::test(start_paused = true)]
async fn an_orphan_that_never_started_is_stopped_without_an_upload() {
    let world = World::new(Setup::default());
    let stuck = world.session("stuck").started_ago(HOUR * 3).never_started().start();
    let (report, metrics) = enforce_with(&world, "sweep", &[]).await;
    assert_eq!(task_row(&report, &stuck), ("T8 too_old", "acted"), "{report:#}");
    assert_eq!(task_in(&report, &stuck)["cleanup"]["artifacts"], "nothing_to_save");
    assert!(world.is_stopping(&stuck));
    assert_eq!(receipt(&world, &stuck).as_deref(), Some("cleaned"));
    assert_eq!(world.count(Api::ContainerComplete), 0);
    assert_eq!(world.count(Api::ContainerHealth), 2, "where a container answers, it has started");
    assert_eq!(metric(&metrics, "ArtifactsLost"), 0);
    assert_unharmed(&world);
}

/// A container that refuses is asked once more: that fits into the shortest time that a stop may be given.
#[tokio::test(start_paused = true)]
async fn an_orphan_that_never_started_is_stopped_however_short_a_stop_may_take() {
    let world = World::new(Setup::default());
    let stuck = world.session("stuck").started_ago(HOUR * 3).never_started().start();
    let (report, _) = enforce_with(&world, "sweep", &[("STOP_TIMEOUT", "1s")]).await;
    assert_eq!(task_row(&report, &stuck), ("T8 too_old", "acted"), "{report:#}");
    assert!(world.is_stopping(&stuck));
    assert_unharmed(&world);
}

/// A transparent proxy, or a mesh: what answers may be the session, whose start ECS does not show yet.
#[tokio::test(start_paused = true)]
async fn an_orphan_that_never_started_and_answers_is_stopped_one_window_after_the_hard_age() {
    let world = World::new(Setup::default());
    let stuck = world.session("stuck").accepts_while_it_does_not_run();
    let orphan = stuck.started_ago(HOUR * 24 + MINUTE * 25).never_started().start();
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_row(&report, &orphan), ("T5 beyond_hard_age", "tried"), "{report:#}");
    let notes = &task_in(&report, &orphan)["cleanup"]["notes"];
    assert!(notes.to_string().contains("something answers at its address"), "{notes}");
    tokio::time::sleep(INTERVAL * 2).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(task_row(&report, &orphan), ("T5 beyond_hard_age", "acted"), "{report:#}");
    assert_eq!(receipt(&world, &orphan).as_deref(), Some("cleaned"));
    assert_eq!(world.count(Api::ContainerComplete), 0);
    assert_unharmed(&world);
}
