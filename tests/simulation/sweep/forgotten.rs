//! A memory that is too old to count: sweeps fail, or come less often than `SWEEP_INTERVAL` says.

use super::crowd::{HOUR, metric, says, target_row};
use crate::invoke::{INTERVAL, function_with, invoke_reaper, look};
use serde_json::json;
use session_cleanup_tests::world::{Api, Fault, Setup, World};
use std::net::Ipv4Addr;

#[tokio::test(start_paused = true)]
async fn suspects_that_are_forgotten_for_their_age_are_a_problem_each_time() {
    let world = World::new(Setup::default());
    let nobody = Ipv4Addr::new(127, 0, 99, 1);
    world.leave_target("sessions", nobody);
    let first = look(&world, "sweep-1").await;
    assert_eq!(first["problems"], json!([]), "there was no sweep before: {first:#}");
    // The schedule says once an hour, and the function was told five minutes.
    for number in 2..=3 {
        tokio::time::sleep(HOUR).await;
        let (context, metrics) = function_with(&world, &format!("sweep-{number}"), &[]);
        let report = invoke_reaper(&context, &json!({ "mode": "report" })).await;
        assert_eq!(target_row(&report, nobody).0, "G4 suspected", "it is never acted on");
        assert!(says(&report["problems"], "the sweep before was 60 min ago"), "{report:#}");
        assert!(says(&report["problems"], "SWEEP_INTERVAL"), "{report:#}");
        assert_eq!(metric(&metrics, "SweepProblems"), 1);
        assert_eq!(metric(&metrics, "ProblemsInARow"), number - 1, "it rings at the second");
    }
    tokio::time::sleep(INTERVAL).await;
    let in_time = look(&world, "sweep-4").await;
    assert_eq!(in_time["problems"], json!([]), "{in_time:#}");
    assert_eq!(target_row(&in_time, nobody).0, "G5 zombie", "{in_time:#}");
}

/// Which leases were extended is forgotten too, though nobody else is suspect.
#[tokio::test(start_paused = true)]
async fn leases_that_are_forgotten_for_their_age_are_a_problem_too() {
    let world = World::new(Setup::default());
    world.session("leased").leased_for(HOUR * 20).start();
    assert_eq!(look(&world, "sweep-1").await["problems"], json!([]));
    tokio::time::sleep(HOUR).await;
    let report = look(&world, "sweep-2").await;
    assert!(says(&report["problems"], "the sweep before was 60 min ago"), "{report:#}");
}

/// In a pool something is always remembered that has no age: it must not hide what is forgotten.
#[tokio::test(start_paused = true)]
async fn a_claim_that_is_remembered_does_not_hide_what_is_forgotten() {
    let world = World::new(Setup::default());
    let pool = [("WARM_POOL", "true")];
    world.session("claimed").identified_by_tag().start();
    world.leave_target("sessions", Ipv4Addr::new(127, 0, 99, 1));
    let mut last = json!(null);
    for number in 1..=2 {
        let (context, _) = function_with(&world, &format!("sweep-{number}"), &pool);
        last = invoke_reaper(&context, &json!({ "mode": "report" })).await;
        tokio::time::sleep(HOUR).await;
    }
    assert!(says(&last["problems"], "the sweep before was 60 min ago"), "{last:#}");
}

/// A ledger that can't be written can't count either.
#[tokio::test(start_paused = true)]
async fn a_problem_that_the_next_sweep_can_not_know_of_rings_at_once() {
    for api in [Api::PutObject, Api::GetObject] {
        let world = World::new(Setup::default());
        world.leave_target("sessions", Ipv4Addr::new(127, 0, 99, 1));
        look(&world, "sweep-1").await;
        world.fault(Fault::on(api).always().denied());
        tokio::time::sleep(INTERVAL).await;
        let (context, metrics) = function_with(&world, "sweep-2", &[]);
        let report = invoke_reaper(&context, &json!({ "mode": "report" })).await;
        assert!(metric(&metrics, "ProblemsInARow") >= 2, "{report:#}");
    }
}
