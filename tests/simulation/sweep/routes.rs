//! Nobody's silence is believed alone: a security group that someone has changed looks like the death of
//! everybody behind it.

use super::crowd::{
    HOUR, MINUTE, enforce_with, healthy, left_targets, metric, says, stopped, target_row, task_row,
    too_old, warns,
};
use crate::invoke::{INTERVAL, assert_unharmed, enforce, receipt, sweeps, task_in};
use session_cleanup_tests::world::{Absent, Api, Fault, Setup, World};

/// Every session of this fleet is an orphan: no living one is left that could be asked.
#[tokio::test(start_paused = true)]
async fn without_a_route_nobody_is_stopped_however_long_it_lasts() {
    for living in [0, 8] {
        let world = World::new(Setup::default());
        healthy(&world, living);
        let orphans = too_old(&world, "old", 6, |session| session);
        let tagged = world.session("ended").ended_by_owner().start();
        world.set_tag(&tagged, "session-ended-at", &world.now().to_string());
        world.lose_every_route();
        for number in 1..=20 {
            let (report, metrics) = enforce_with(&world, &format!("sweep-{number}"), &[]).await;
            assert!(warns(&report, "route_broken"), "{number}: {:#}", report["warnings"]);
            assert_eq!(metric(&metrics, "RoutesBroken"), 1);
            assert_eq!(metric(&metrics, "ArtifactsLost"), 0);
            let cleanup = &task_in(&report, &tagged)["cleanup"];
            assert_eq!(cleanup["outcome"], "incomplete", "{report:#}");
            assert!(says(&cleanup["notes"], "security groups"), "{report:#}");
            tokio::time::sleep(INTERVAL).await;
        }
        assert!(stopped(&world, &orphans).is_empty(), "{}", world.history());
        assert!(!world.is_stopping(&tagged));
        // The route is whole again: everybody gets a fair try, however long the window has been over.
        world.routes_are_back();
        let report = enforce(&world, "after").await;
        assert!(!warns(&report, "route_broken"), "{report:#}");
        for orphan in orphans.iter().chain([&tagged]) {
            assert_eq!(receipt(&world, orphan).as_deref(), Some("cleaned"), "{report:#}");
        }
        assert_unharmed(&world);
    }
}

/// What its container said before is looked up, and that may fail: it is kept for one reason more.
#[tokio::test(start_paused = true)]
async fn a_lost_route_rings_although_no_receipt_can_be_read() {
    let world = World::new(Setup::default());
    world.session("orphan").started_ago(HOUR * 3).silent().start();
    sweeps(&world, "silent", 6).await;
    world.lose_every_route();
    world.fault(Fault::on(Api::GetObject).of("receipts/").always().server_error());
    tokio::time::sleep(INTERVAL).await;
    let (report, metrics) = enforce_with(&world, "cut-off", &[]).await;
    assert!(warns(&report, "route_broken"), "{report:#}");
    assert_eq!(metric(&metrics, "RoutesBroken"), 1);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn one_that_stays_silent_among_those_that_answer_is_given_up_after_its_window() {
    let world = World::new(Setup::default());
    healthy(&world, 1);
    let orphan = world.session("orphan").started_ago(HOUR * 3).deaf().start();
    let mut sweeps = 0;
    while !world.is_stopping(&orphan) {
        sweeps += 1;
        let report = enforce(&world, &format!("sweep-{sweeps}")).await;
        assert!(!warns(&report, "route_broken"), "{report:#}");
        assert!(sweeps < 10, "it is never given up\n{}", world.history());
        tokio::time::sleep(INTERVAL).await;
    }
    assert_eq!(receipt(&world, &orphan).as_deref(), Some("artifacts_lost"));
    assert_unharmed(&world);
}

/// Those of another subnet, or of another family, say nothing of this one.
#[tokio::test(start_paused = true)]
async fn who_answers_in_another_subnet_or_family_proves_no_route() {
    for (subnet, family) in [("subnet-b", "session"), ("subnet-a", "notebook")] {
        let families = vec!["session".to_owned(), "notebook".to_owned()];
        let world = World::new(Setup { families, ..Setup::default() });
        world.session("living").in_subnet(subnet).of_family(family).start();
        let orphan =
            world.session("orphan").started_ago(HOUR * 3).in_subnet("subnet-a").deaf().start();
        for report in sweeps(&world, "sweep", 10).await {
            assert_eq!(task_row(&report, &orphan), ("T8 too_old", "tried"), "{report:#}");
            assert!(warns(&report, "route_broken"));
        }
        assert!(!world.is_stopping(&orphan), "{}", world.history());
        assert_unharmed(&world);
    }
}

/// A refusal comes from whoever has the address: nobody listens there any more.
#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_believed_by_itself() {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").started_ago(HOUR * 3).refuses().start();
    for report in sweeps(&world, "sweep", 8).await {
        assert!(!warns(&report, "route_broken"), "{report:#}");
    }
    assert_eq!(receipt(&world, &orphan).as_deref(), Some("artifacts_lost"));
    assert_unharmed(&world);
}

/// A container that is gone for ever must not live for ever.
#[tokio::test(start_paused = true)]
async fn silence_without_a_route_is_bounded_by_the_hard_age_and_the_salvage_window() {
    let world = World::new(Setup::default());
    let age = HOUR * 24 + MINUTE * 18;
    let orphan = world.session("orphan").started_ago(age).deaf().start();
    for (number, stops) in [(1, false), (2, false), (3, false), (4, true)] {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        assert_eq!(world.is_stopping(&orphan), stops, "{number}: {report:#}");
        tokio::time::sleep(INTERVAL).await;
    }
    assert_eq!(receipt(&world, &orphan).as_deref(), Some("artifacts_lost"));
    assert_unharmed(&world);
}

/// What no sweep of a broken route asked has not been asked in vain.
#[tokio::test(start_paused = true)]
async fn tries_without_a_route_are_no_tries() {
    let world = World::new(Setup::default());
    healthy(&world, 1);
    let orphan = world.session("orphan").started_ago(HOUR * 3).upload_fails(1).start();
    world.lose_every_route();
    sweeps(&world, "blind", 12).await;
    world.routes_are_back();
    let report = enforce(&world, "one").await;
    assert_eq!(task_row(&report, &orphan), ("T8 too_old", "tried"), "{report:#}");
    assert!(!world.is_stopping(&orphan), "it was asked for the first time");
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "two").await;
    assert_eq!(receipt(&world, &orphan).as_deref(), Some("cleaned"), "{}", world.history());
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_target_is_no_zombie_while_the_tasks_of_its_group_are_as_silent() {
    let world = World::new(Setup::default());
    healthy(&world, 3);
    let left = left_targets(&world, "sessions", 2);
    world.lose_every_route();
    for report in sweeps(&world, "sweep", 3).await {
        for target in &left {
            assert_eq!(target_row(&report, *target), ("G7 unclear", "kept"), "{report:#}");
        }
        assert!(warns(&report, "route_broken"));
    }
    assert_eq!(world.count(Api::DeregisterTargets), 0, "{}", world.history());
    world.routes_are_back();
    sweeps(&world, "after", 2).await;
    assert!(left.iter().all(|target| !world.registered("sessions").contains(target)));
    assert_unharmed(&world);
}

/// ECS and the load balancer agree, and there is nobody to ask.
#[tokio::test(start_paused = true)]
async fn in_a_group_without_tasks_a_silent_target_is_a_zombie() {
    for absent in [Absent::Unreachable, Absent::Refused] {
        let world = World::new(Setup { absent, ..Setup::default() });
        let left = left_targets(&world, "sessions", 2);
        let reports = sweeps(&world, "sweep", 2).await;
        assert_eq!(target_row(&reports[1], left[0]), ("G5 zombie", "acted"), "{:#}", reports[1]);
        assert!(world.registered("sessions").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_healthy_fleet_is_asked_for_no_route() {
    let world = World::new(Setup::default());
    healthy(&world, 5);
    too_old(&world, "old", 3, |session| session);
    enforce(&world, "sweep").await;
    assert_eq!(world.count(Api::ContainerHealth), 0, "{}", world.history());
}

/// The reaper comes back after an outage, or is told to enforce, and its first look meets a bad moment of the
/// network: nobody is given up in it, however old.
#[tokio::test(start_paused = true)]
async fn the_first_question_that_no_route_carries_is_never_the_last() {
    let world = World::new(Setup::default());
    let old = world.session("old").started_ago(HOUR * 30).start();
    world.lose_every_route();
    let report = enforce(&world, "sweep-1").await;
    assert!(warns(&report, "route_broken"), "{report:#}");
    assert!(!world.is_stopping(&old), "{}", world.history());
    world.routes_are_back();
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep-2").await;
    assert_eq!(receipt(&world, &old).as_deref(), Some("cleaned"), "{}", world.history());
    assert_unharmed(&world);
}
