//! The report: from it alone a person can read why a task or a target was or was not touched.

use super::crowd::{HOUR, MINUTE, healthy, left_targets, renewing};
use crate::invoke::{INTERVAL, assert_unharmed, enforce, look, target_in, task_in};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Fault, Health, Setup, World};
use std::time::Duration;

fn kept_reports(world: &World) -> Vec<String> {
    let keys = world.keys("ledger");
    keys.into_iter().filter(|key| key.starts_with("sweeps/")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_plain_fleet_leaves_no_report_behind() {
    let world = World::new(Setup::default());
    healthy(&world, 5);
    world.session("leased").leased_for(HOUR).start();
    for caller in ["sweep-1", "sweep-2"] {
        let report = enforce(&world, caller).await;
        assert_eq!(report["kept_as"], Value::Null);
        assert_eq!((&report["tasks"], &report["targets"]), (&json!([]), &json!([])));
        assert_eq!(report["counts"]["session_tasks"], 6);
        assert_eq!(report["counts"]["targets"], 6);
        tokio::time::sleep(INTERVAL).await;
    }
    assert_eq!(world.keys("ledger"), ["suspects.json"], "the leases that were seen to run");
}

/// Its answer names it, but every sweep would leave the same report behind.
#[tokio::test(start_paused = true)]
async fn a_task_that_an_operator_protects_is_no_news() {
    let world = World::new(Setup::default());
    let protected = world.session("protected").tag("cleanup-protection", "true").start();
    let report = look(&world, "sweep").await;
    assert_eq!(task_in(&report, &protected)["row"], "T2 protected");
    assert_eq!(kept_reports(&world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_report_is_kept_under_sweeps_once_anything_was_found() {
    let findings: [(&str, fn(&World)); 4] = [
        ("an unidentified task", |world| {
            world.session("x").unidentified().start();
        }),
        ("a suspected target", |world| drop(left_targets(world, "sessions", 1))),
        ("a listing that fails", |world| {
            world.fault(Fault::on(Api::ListTasks).always().denied());
        }),
        ("suspects that can't be read", |world| {
            world.fault(Fault::on(Api::GetObject).always().denied());
        }),
    ];
    for (what, happens) in findings {
        let world = World::new(Setup::default());
        healthy(&world, 2);
        happens(&world);
        let report = look(&world, "sweep").await;
        let key = report["kept_as"].as_str().unwrap_or_else(|| panic!("{what}: {report:#}"));
        assert_eq!(kept_reports(&world), [key], "{what}");
        let kept = world.object("ledger", key).unwrap();
        let mut kept: Value = serde_json::from_slice(&kept).unwrap();
        let version = kept.as_object_mut().unwrap().remove("version");
        assert_eq!(version, Some(json!(1)), "each object of the ledger names its version");
        assert_eq!(kept, report, "{what}: what is kept is what was answered");
    }
}

/// Every row of both tables that is a finding, with what it rests on and what was done.
#[tokio::test(start_paused = true)]
async fn a_person_can_read_why_each_task_was_or_was_not_touched() {
    let world = World::new(Setup::default());
    let session = |name| world.session(name);
    let protected = session("protected").tag("cleanup-protection", "true").start();
    let unidentified = session("unidentified").unidentified().start();
    let ended = session("ended")
        .started_ago(HOUR)
        .ended_by_owner()
        .tag("session-ended-at", "2026-11-02T08:55:00Z")
        .start();
    let ancient = session("ancient").started_ago(HOUR * 25).start();
    let unreadable = session("unreadable").tag("lease-expires-at", "tomorrow").start();
    let expired = session("expired").lease_lapsed(MINUTE * 16).start();
    let lapsed = session("lapsed").lease_lapsed(MINUTE * 10).start();
    renewing(&world, "renewed");
    for number in 0..7 {
        let name = format!("leased-{number}");
        world.session(&name).leased_for(HOUR).start();
    }
    let old = session("old").started_ago(HOUR * 3).start();
    let failing = session("failing").started_ago(HOUR * 3).upload_never_works().start();
    let done = session("done").started_ago(HOUR).completed().start();
    let unrouted = session("unrouted").started_ago(HOUR).unregistered().start();
    let report = enforce(&world, "sweep").await;

    let expected = [
        (&protected, "T2 protected", "kept"),
        (&unidentified, "T3 unidentified", "kept"),
        (&ended, "T4 ended", "acted"),
        (&ancient, "T5 beyond_hard_age", "acted"),
        (&unreadable, "T6 lease_unreadable", "kept"),
        (&expired, "T7 lease_expired", "acted"),
        (&lapsed, "T7a lease_lapsed", "kept"),
        (&old, "T8 too_old", "acted"),
        (&failing, "T8 too_old", "tried"),
        (&done, "T9a suspected_done", "suspected"),
        (&unrouted, "T9b unrouted", "kept"),
    ];
    for (task, row, action) in expected {
        let found = task_in(&report, task);
        let told = [&found["row"], &found["action"]];
        assert_eq!(told, [&json!(row), &json!(action)], "{found:#}");
        assert!(found["evidence"]["created_at"].is_string());
        assert_eq!(found["evidence"]["address"], task.address().to_string());
    }
    assert_eq!(
        report["tasks"].as_array().unwrap().len(),
        expected.len(),
        "the leased ones are fine"
    );
    let evidence = |task| &task_in(&report, task)["evidence"];
    assert_eq!(evidence(&ended)["session_ended_at"], "2026-11-02T08:55:00Z");
    assert_eq!(evidence(&expired)["lease_expires_at"], "2026-11-02T08:44:00Z");
    assert_eq!(evidence(&ancient)["salvage_window_over"], false, "not asked twice yet");
    assert_eq!(evidence(&unrouted)["probe"], "active");
    assert_eq!(evidence(&done)["routed"], false);
    for (task, words) in [
        (&protected, "cleanup-protection"),
        (&unidentified, "names no session"),
        (&ended, "tagged since 2026-11-02T08:55:00Z"),
        (&ancient, "HARD_AGE"),
        (&unreadable, "can't be read as a time"),
        (&expired, "its lease ended at 2026-11-02T08:44:00Z, and its owner does not renew it"),
        (&lapsed, "its lease ended at 2026-11-02T08:50:00Z"),
        (&old, "it has no lease; it was created at 2026-11-02T06:00:00Z"),
        (&done, "its container says that it is done"),
        (&unrouted, "no traffic reaches it, and our own health check finds a session active"),
    ] {
        let why = task_in(&report, task)["why"].as_str().unwrap();
        assert!(why.contains(words), "{why}");
    }
    let result = task_in(&report, &failing)["result"].as_str().unwrap();
    assert!(result.contains("HTTP 500"), "{result}");
    let cleanup = &task_in(&report, &old)["cleanup"];
    assert_eq!(cleanup["outcome"], "cleaned");
    assert!(cleanup["duration_ms"].as_u64().unwrap() >= 3_000, "its upload takes 3 s");
    assert!(!cleanup["steps"].as_array().unwrap().is_empty());
    let rows = &report["counts"]["tasks_by_row"];
    assert_eq!(
        (&rows["T8 too_old"], &rows["T7a lease_lapsed"], &rows["T2 protected"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(report["counts"]["orphans"], 5);
    assert_eq!(report["counts"]["reaped"], 4);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_second_look_that_spares_a_victim_says_why() {
    let world = World::new(Setup::default());
    let session = world.session("renewed").lease_lapsed(MINUTE * 20).start();
    renewing(&world, "another");
    let renewed = session.clone();
    world.before(Api::DescribeTasks, 2, move |world| {
        let end = world.now() + HOUR;
        world.set_tag(&renewed, "lease-expires-at", &end.to_string());
    });
    let zombie = left_targets(&world, "sessions", 1)[0];
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_in(&report, &session)["action"], "spared", "{report:#}");
    let why = task_in(&report, &session)["result"].as_str().unwrap();
    assert!(why.contains("its row is T6"), "{why}");
    tokio::time::sleep(INTERVAL).await;
    // The load balancer is asked once for all, and then once more for this one.
    world.before(Api::DescribeTargetHealth, 2, move |world| {
        world.report("sessions", zombie, Health::new("healthy", ""));
    });
    let report = enforce(&world, "sweep-2").await;
    let why = target_in(&report, zombie)["why"].as_str().unwrap();
    assert!(why.starts_with("no task of the account holds its address"), "{why}");
    assert!(why.contains("nothing accepts the connection of our own health check"), "{why}");
    assert_eq!(target_in(&report, zombie)["action"], "spared", "{report:#}");
    let why = target_in(&report, zombie)["result"].as_str().unwrap();
    assert!(why.contains("its row is G6"), "{why}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_report_counts_its_calls_and_throttles_and_its_time() {
    let world = World::new(Setup::default());
    healthy(&world, 3);
    world.fault(Fault::on(Api::ListTasks).times(2).throttled());
    world.session("unidentified").unidentified().start();
    let report = look(&world, "sweep").await;
    let sent = world.count_by("sweep");
    assert_eq!(report["api"]["calls"], sent - 1, "all but the last, which wrote it");
    assert_eq!(report["api"]["throttles"], 2);
    let took = Duration::from_millis(report["duration_ms"].as_u64().unwrap());
    assert!(took > Duration::from_millis(150), "{took:?}");
    assert_eq!(report["started_at"], "2026-11-02T09:00:00Z");
}
