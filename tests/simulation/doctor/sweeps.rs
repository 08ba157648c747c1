//! What only the reaper can tell.

use super::{Function, HOUR, MINUTE, assert_light, fleet, lights, text};
use crate::invoke::{INTERVAL, config, function_at, look, sweeps};
use session_cleanup::aws::Pace;
use session_cleanup_tests::world::{Setup, World};

#[tokio::test(start_paused = true)]
async fn sweeps_that_have_stopped_are_found_on_a_stack_where_nothing_is_wrong() {
    let world = World::new(Setup::default());
    fleet(&world);
    let light = async |light| {
        let report = Function::Reaper.examined_with(&world, &[]).await;
        assert_light(&report, "last_sweep", "suspects.json", light);
    };
    light("yellow").await;
    for report in sweeps(&world, "sweep", 3).await {
        assert_eq!(report["problems"], serde_json::json!([]), "{report:#}");
    }
    light("green").await;
    tokio::time::sleep(INTERVAL * 4).await;
    light("red").await;
    look(&world, "again").await;
    light("green").await;
}

#[tokio::test(start_paused = true)]
async fn sweeps_that_have_the_same_trouble_again_and_again_are_found() {
    let setup =
        Setup { clusters: vec!["sessions".to_owned(), "gone".to_owned()], ..Setup::default() };
    let world = World::new(setup);
    fleet(&world);
    world.delete_cluster("gone");
    sweeps(&world, "sweep", 2).await;
    let report = Function::Reaper.examined_with(&world, &[]).await;
    assert_light(&report, "last_sweep", "in a row", "red");
}

#[tokio::test(start_paused = true)]
async fn leases_that_lapse_together_are_red_and_those_that_are_renewed_are_not() {
    let world = World::new(Setup::default());
    fleet(&world);
    let report = Function::Reaper.examined_with(&world, &[]).await;
    assert_light(&report, "leases", "", "green");
    for number in 0..4 {
        world
            .session(&format!("lapsed-{number}"))
            .started_ago(HOUR)
            .lease_lapsed(MINUTE * 20)
            .start();
    }
    let report = Function::Reaper.examined_with(&world, &[]).await;
    assert_light(&report, "leases", "", "red");
}

#[tokio::test(start_paused = true)]
async fn sessions_in_a_cluster_that_was_forgotten_are_found_by_their_targets() {
    let world = World::new(Setup::default());
    fleet(&world);
    let report = Function::Reaper.examined_with(&world, &[]).await;
    assert_eq!(lights(&report, "holders", ""), ["green"], "{}", text(&report));
    world.add_cluster("forgotten");
    world.session("elsewhere").in_cluster("forgotten").start();
    let report = Function::Reaper.examined_with(&world, &[]).await;
    assert_light(&report, "holders", "forgotten", "red");
    world.session("web").in_cluster("forgotten").of_family("web").start();
    let report = Function::Reaper.examined_with(&world, &[]).await;
    assert_light(&report, "holders", "forgotten", "yellow");
}

#[tokio::test(start_paused = true)]
async fn limits_that_do_not_fit_the_fleet_are_found() {
    let world = World::new(Setup::default());
    fleet(&world);
    let report = Function::Reaper.examined_with(&world, &[]).await;
    for variable in ["MAX_SESSION_AGE", "BLAST_RADIUS_PERCENT", "REAPER_TIMEOUT"] {
        assert_light(&report, "configuration", variable, "green");
    }
    let tight =
        [("MAX_SESSION_AGE", "10m"), ("BLAST_RADIUS_PERCENT", "100"), ("REAPER_MODE", "enforce")];
    let report = Function::Reaper.examined_with(&world, &tight).await;
    assert_light(&report, "configuration", "MAX_SESSION_AGE", "red");
    assert_light(&report, "configuration", "BLAST_RADIUS_PERCENT", "yellow");
    assert_light(&report, "configuration", "REAPER_MODE", "green");
    let kept = world.keys("ledger");
    assert!(!kept.iter().any(|key| key.starts_with("receipts/")), "an examination reaps nobody");
}

/// It was left behind; only where most are so old are they meant to be.
#[tokio::test(start_paused = true)]
async fn one_session_that_is_too_old_is_no_sign_of_a_wrong_limit() {
    for young in 0..3 {
        let world = World::new(Setup::default());
        world.session("old").started_ago(HOUR * 3).start();
        for number in 0..young {
            world.session(&format!("young-{number}")).start();
        }
        let report = Function::Reaper.examined_with(&world, &[]).await;
        assert_light(&report, "configuration", "MAX_SESSION_AGE", "yellow");
    }
}

/// What an examination has no time to list is not known, and not small.
#[tokio::test(start_paused = true)]
async fn a_fleet_that_an_examination_can_not_list_is_judged_by_a_page_of_it() {
    let world = World::new(Setup::default());
    for number in 0..1_200 {
        world.session(&format!("one-{number}")).unregistered().start();
    }
    let pace = Pace::share(config(&world.setup(), &SLOW).sweep.rate_share);
    let (context, _) = function_at(&world, "doctor", pace, &SLOW);
    let report = Function::Reaper.examined(&context).await;
    assert_light(&report, "configuration", "REAPER_TIMEOUT", "yellow");
    assert_light(&report, "leases", "", "yellow");
    assert_light(&report, "cluster", "sessions", "green");
    let checks = report["checks"].to_string();
    assert!(checks.contains("(a page of each cluster)"), "{}", text(&report));
}

const SLOW: [(&str, &str); 1] = [("RATE_SHARE_PERCENT", "1")];

/// At one percent of AWS's rates a fleet of thousands is listed in no sweep's time.
#[tokio::test(start_paused = true)]
async fn a_fleet_that_no_sweep_can_list_in_its_time_is_found() {
    let world = World::new(Setup::default());
    for number in 0..2_500 {
        world.session(&format!("one-{number}")).unregistered().start();
    }
    let report = Function::Reaper.examined_with(&world, &SLOW).await;
    assert_light(&report, "configuration", "REAPER_TIMEOUT", "red");
}
