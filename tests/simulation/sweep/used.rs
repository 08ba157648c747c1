//! What leaving orphans costs: the vCPU hours and GB hours of each, since it became one.

use super::crowd::{HOUR, MINUTE, enforce_with, healthy};
use crate::invoke::{MetricLines, assert_unharmed, function_with, invoke_reaper, task_in};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Setup, World};

async fn look(world: &World) -> (Value, MetricLines) {
    let (context, metrics) = function_with(world, "sweep", &[]);
    (invoke_reaper(&context, &json!({ "mode": "report" })).await, metrics)
}

fn hours(metrics: &MetricLines) -> f64 {
    let lines = metrics.lock().unwrap();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["OrphanVcpuHours"].as_f64()).sum()
}

/// A sweep takes a moment of simulated time.
fn about(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() < 0.01)
}

#[tokio::test(start_paused = true)]
async fn each_orphan_carries_what_it_has_used_since_it_became_one_and_the_report_their_sum() {
    let world = World::new(Setup { task_size: Some(("512", "4096")), ..Setup::default() });
    healthy(&world, 3);
    // Two hours are a session's; since then it is one.
    let old = world.session("old").started_ago(HOUR * 5).start();
    let ended = world.session("ended").started_ago(HOUR).ended_by_owner().start();
    world.set_tag(&ended, "session-ended-at", &(world.now() - MINUTE * 30).to_string());
    let protected = world.session("kept").started_ago(HOUR * 5).tag("cleanup-protection", "true");
    let protected = protected.start();
    let (report, metrics) = look(&world).await;
    for (task, expected) in [(&old, 3.0), (&ended, 0.5)] {
        let used = &task_in(&report, task)["used"];
        assert!(about(&used["vcpu_hours"], expected / 2.0), "{used}");
        assert!(about(&used["gb_hours"], expected * 4.0), "{used}");
    }
    assert_eq!(task_in(&report, &protected)["used"], Value::Null, "it is no orphan");
    let sum = &report["counts"]["orphans_used"];
    assert!(about(&sum["vcpu_hours"], 1.75) && about(&sum["gb_hours"], 14.0), "{sum}");
    assert!(about(&json!(hours(&metrics)), 1.75), "{}", hours(&metrics));
    assert_eq!(report["counts"]["orphans_of_unknown_size"], 0);
}

#[tokio::test(start_paused = true)]
async fn an_orphan_whose_size_is_not_told_is_left_out_and_that_is_said() {
    for size in [None, Some(("much", "512"))] {
        let world = World::new(Setup { task_size: size, ..Setup::default() });
        let old = world.session("old").started_ago(HOUR * 5).start();
        let (report, metrics) = look(&world).await;
        assert_eq!(task_in(&report, &old)["used"], Value::Null);
        assert_eq!(report["counts"]["orphans_of_unknown_size"], 1, "{report:#}");
        assert!(hours(&metrics).abs() < f64::EPSILON);
    }
}

#[tokio::test(start_paused = true)]
async fn the_receipt_of_an_orphan_says_what_it_had_used() {
    let world = World::new(Setup::default());
    let old = world.session("old").started_ago(HOUR * 4).start();
    let (report, _) = enforce_with(&world, "sweep", &[]).await;
    let receipt = &world.receipts()[old.id()];
    assert_eq!(receipt["outcome"], "cleaned", "{report:#}");
    assert!(about(&receipt["used_as_orphan"]["vcpu_hours"], 2.0), "{receipt:#}");
    assert!(about(&receipt["used_as_orphan"]["gb_hours"], 4.0), "{receipt:#}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn one_that_an_operator_declares_over_has_used_nothing_as_an_orphan_yet() {
    let world = World::new(Setup::default());
    let live = world.session("live").started_ago(HOUR).start();
    world.allow_force("sessions", world.now());
    let order = json!({
        "mode": "enforce",
        "force_cluster": { "cluster": "sessions", "created_before": world.now().to_string() },
    });
    let (context, _) = function_with(&world, "sweep", &[]);
    let report = invoke_reaper(&context, &order).await;
    let found = task_in(&report, &live);
    assert_eq!(found["row"], "TF forced", "{report:#}");
    assert!(about(&found["used"]["vcpu_hours"], 0.0), "{found:#}");
}
