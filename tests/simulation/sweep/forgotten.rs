//! A memory that is too old to count: sweeps fail, or come less often than `SWEEP_INTERVAL` says.

use super::crowd::{HOUR, metric, says, target_row};
use crate::invoke::{INTERVAL, function_with, invoke_reaper, look};
use serde_json::json;
use session_cleanup_tests::world::{Setup, World};
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
    }
    tokio::time::sleep(INTERVAL).await;
    let in_time = look(&world, "sweep-4").await;
    assert_eq!(in_time["problems"], json!([]), "{in_time:#}");
    assert_eq!(target_row(&in_time, nobody).0, "G5 zombie", "{in_time:#}");
}
