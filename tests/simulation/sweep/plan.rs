//! `plan`: an operator reads a report, and has what it names acted on, and nothing else.

use super::crowd::{HOUR, MINUTE, target_row, task_row};
use super::fleet::leave_zombie;
use crate::invoke::{INTERVAL, assert_unharmed, enforce, function, invoke_reaper, look, receipt};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Fault, Setup, World};

async fn enforce_plan(world: &World, caller: &str, report: &Value) -> Value {
    let order = json!({"mode": "enforce", "plan": report["kept_as"]});
    invoke_reaper(&function(world, caller), &order).await
}

#[tokio::test(start_paused = true)]
async fn with_a_plan_nothing_outside_the_stored_report_is_acted_on() {
    let world = World::new(Setup::default());
    let old = world.session("old").started_ago(HOUR * 3).start();
    let report = look(&world, "look").await;
    // Both became victims only after someone has read the report.
    let later = world.session("later").started_ago(HOUR * 4).start();
    let lost = world.session("lost").started_ago(HOUR * 25).upload_never_works().start();
    let acted = enforce_plan(&world, "plan", &report).await;
    assert_eq!(acted["plan"], report["kept_as"], "{acted:#}");
    assert_eq!(task_row(&acted, &old), ("T8 too_old", "acted"), "{acted:#}");
    assert_eq!(receipt(&world, &old).as_deref(), Some("cleaned"));
    for task in [&later, &lost] {
        assert_eq!(task_row(&acted, task).1, "not_planned", "{acted:#}");
        assert!(world.completion_calls(task).is_empty() && !world.is_stopping(task));
    }
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "next").await;
    assert_eq!(receipt(&world, &later).as_deref(), Some("cleaned"), "{}", world.history());
    assert_unharmed(&world);
}

/// The report of an order names those whom the order left out, too; it is no order for them.
#[tokio::test(start_paused = true)]
async fn whom_an_order_left_out_is_not_in_the_plan_that_its_own_report_makes() {
    let world = World::new(Setup::default());
    let old = world.session("old").started_ago(HOUR * 3).upload_never_works().start();
    let report = look(&world, "look").await;
    let later = world.session("later").started_ago(HOUR * 4).start();
    let acted = enforce_plan(&world, "plan", &report).await;
    assert_eq!(task_row(&acted, &later).1, "not_planned", "{acted:#}");
    tokio::time::sleep(INTERVAL).await;
    let again = enforce_plan(&world, "again", &acted).await;
    assert_eq!(task_row(&again, &old).1, "tried", "{again:#}");
    assert_eq!(task_row(&again, &later).1, "not_planned", "{again:#}");
    assert!(world.completion_calls(&later).is_empty() && !world.is_stopping(&later));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_planned_victim_is_decided_anew() {
    let world = World::new(Setup::default());
    let renewed = world.session("renewed").started_ago(HOUR * 3).start();
    let old = world.session("old").started_ago(HOUR * 3).start();
    let report = look(&world, "look").await;
    let until = (world.now() + HOUR).to_string();
    world.set_tag(&renewed, "lease-expires-at", &until);
    let acted = enforce_plan(&world, "plan", &report).await;
    assert!(world.completion_calls(&renewed).is_empty(), "{acted:#}");
    assert!(!world.is_stopping(&renewed) && world.is_stopping(&old), "{acted:#}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_target_outside_the_plan_stays_registered() {
    let world = World::new(Setup::default());
    let planned = leave_zombie(&world, 1);
    look(&world, "first").await;
    tokio::time::sleep(INTERVAL).await;
    let report = look(&world, "second").await;
    assert_eq!(target_row(&report, planned), ("G5 zombie", "would_act"), "{report:#}");
    let other = leave_zombie(&world, 2);
    for caller in ["third", "fourth"] {
        tokio::time::sleep(INTERVAL).await;
        look(&world, caller).await;
    }
    let acted = enforce_plan(&world, "plan", &report).await;
    assert_eq!(target_row(&acted, planned).1, "acted", "{acted:#}");
    assert_eq!(target_row(&acted, other), ("G5 zombie", "not_planned"), "{acted:#}");
    assert!(world.registered("sessions").contains(&other));
    assert_unharmed(&world);
}

/// An order that can't be understood must not become another one.
#[tokio::test(start_paused = true)]
async fn what_is_no_report_of_this_stack_is_refused_and_nothing_is_done() {
    let world = World::new(Setup::default());
    let old = world.session("old").started_ago(HOUR * 3).start();
    let foreign = old.arn().replace("/sessions/", "/another/");
    let report_of =
        |task: &str| json!({"tasks": [{"task_arn": task, "action": "would_act"}], "targets": []});
    let stored = [
        ("sweeps/garbage.json", json!("no report")),
        ("sweeps/empty.json", json!({"tasks": [], "targets": []})),
        ("sweeps/foreign.json", report_of(&foreign)),
        ("sweeps/newer.json", json!({"version": 99, "tasks": [], "targets": []})),
    ];
    for (key, document) in &stored {
        world.put_object("ledger", key, document.to_string());
    }
    let keys = stored.iter().map(|(key, _)| *key).chain(["sweeps/missing.json", "suspects.json"]);
    for (number, key) in keys.enumerate() {
        let order = json!({"mode": "enforce", "plan": key});
        let answer = invoke_reaper(&function(&world, &format!("r-{number}")), &order).await;
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{key}: {answer:#}"));
        assert!(error.contains("`plan`"), "{error}");
    }
    world.fault(Fault::on(Api::GetObject).always().denied());
    let order = json!({"mode": "enforce", "plan": "sweeps/empty.json"});
    let answer = invoke_reaper(&function(&world, "denied"), &order).await;
    assert!(answer["error"].to_string().contains("GetObject"), "{answer:#}");
    assert_eq!(world.count(Api::ListTasks) + world.count(Api::PutObject), 0, "nothing was done");
    assert!(!world.is_stopping(&old));
    tokio::time::sleep(MINUTE).await;
    assert_unharmed(&world);
}
