//! What the version before this one has written into the ledger: a stack is upgraded while sessions run. The
//! samples in `tests/samples` are that version's own.

use crate::invoke::{
    INTERVAL, assert_clean, assert_unharmed, enforce, function, open_intents, outcome, receipt,
    report, target_in, task_in,
};
use serde_json::json;
use session_cleanup_tests::world::{Setup, TaskHandle, World};
use std::time::Duration;

/// The task of `erin` and of everyone else, in the samples, by the last part of its ARN.
const TASKS: [(&str, &str); 5] = [
    ("cleaned", "9a45cd888d59f0d601445b6a189663f5"),
    ("awaiting-salvage", "1842218b97e7a4964dda1bc7277a55f9"),
    ("artifacts-lost", "120d43ca60abacb44d8c1a51fabcc9a2"),
    ("artifacts-unverified", "a932a25a24e3239e56aa24f5973547e2"),
    ("intent", "9a45cd888d59f0d601445b6a189663f5"),
];

fn sample(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/ledger-before-versions");
    std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap()
}

/// The sample as that of this world's task.
fn sample_of(name: &str, task: &TaskHandle) -> String {
    let text = sample(name);
    let known = TASKS.iter().find(|(of, _)| name.ends_with(of)).unwrap().1;
    assert!(text.contains(known), "{name} is about {known}");
    text.replace(known, task.id())
}

#[tokio::test(start_paused = true)]
async fn a_final_receipt_tells_a_duplicate_also_when_ecs_has_forgotten_the_task() {
    for (name, id) in
        [("cleaned", "alice"), ("artifacts-lost", "carol"), ("artifacts-unverified", "dave")]
    {
        let world = World::new(Setup::default());
        let session = world.session(id).identified_by_tag().stopped(137);
        let session = if name == "cleaned" { session.completed() } else { session };
        let session = session.start();
        let before = sample_of(&format!("receipt-{name}"), &session);
        world.put_object("ledger", &format!("receipts/{}.json", session.id()), before);
        let event = world.session_ended_event(&session, "completed");
        for age in [Duration::ZERO, Duration::from_hours(3)] {
            tokio::time::sleep(age).await;
            let answer = report(&function(&world, "completion"), &event).await;
            assert_eq!(outcome(&answer), "already_clean", "{name}, {age:?}: {answer:?}");
        }
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_not_final_keeps_nothing_from_being_cleaned() {
    let world = World::new(Setup::default());
    let bob = world.session("bob").start();
    let before = sample_of("receipt-awaiting-salvage", &bob);
    world.put_object("ledger", &format!("receipts/{}.json", bob.id()), before);
    let event = world.session_ended_event(&bob, "completed");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "cleaned");
    assert_eq!(receipt(&world, &bob).as_deref(), Some("cleaned"));
    assert_clean(&world, &bob);
}

/// What it suspected counts: the next sweep is the second that saw it.
#[tokio::test(start_paused = true)]
async fn suspects_count_on() {
    let world = World::new(Setup::default());
    let hour = Duration::from_hours(1);
    let done = world.session("done").started_ago(hour).completed().start();
    let failing = world.session("failing").started_ago(hour * 3).upload_never_works().start();
    let zombie = "127.0.99.1".parse().unwrap();
    world.leave_target("sessions", zombie);
    let suspects: serde_json::Value = serde_json::from_str(&sample("suspects")).unwrap();
    let mut text = suspects.to_string();
    for (of, task) in [("tasks", &done), ("failed_salvages", &failing)] {
        let known = suspects[of][0]["task"].as_str().unwrap();
        text = text.replace(known, task.arn());
    }
    world.put_object("ledger", "suspects.json", text);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep").await;
    assert_eq!(report["problems"], json!([]), "{report:#}");
    assert_eq!(target_in(&report, zombie)["row"], "G5 zombie", "{report:#}");
    assert_eq!(task_in(&report, &done)["row"], "T9 done", "{report:#}");
    let since = &task_in(&report, &failing)["evidence"]["salvage_failing_since"];
    assert_eq!(*since, suspects["failed_salvages"][0]["since"], "{report:#}");
    // The sweep before is none of this world's.
    let said = world.violations();
    assert!(said.iter().all(|what| what.contains("no two sweeps")), "{said:?}");
}

/// It deregistered a target and died; the session runs on.
#[tokio::test(start_paused = true)]
async fn an_intent_is_settled() {
    let world = World::new(Setup::default());
    let erin = world.session("erin").start();
    world.owner_deregisters(&erin);
    world.put_object("ledger", "intents/1793610000-before.json", sample_of("intent", &erin));
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep").await;
    assert!(world.registered("sessions").contains(&erin.address()), "{}", world.history());
    assert_eq!(open_intents(&world), Vec::<String>::new());
    assert_unharmed(&world);
}

/// A rollback meets what a newer version wrote: nobody is suspect by it, and that is said once.
#[tokio::test(start_paused = true)]
async fn suspects_of_a_newer_version_are_not_read_in_part() {
    let world = World::new(Setup::default());
    let zombie = "127.0.99.1".parse().unwrap();
    world.leave_target("sessions", zombie);
    let mut suspects: serde_json::Value = serde_json::from_str(&sample("suspects")).unwrap();
    suspects["version"] = json!(2);
    world.put_object("ledger", "suspects.json", suspects.to_string());
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-1").await;
    assert!(report["problems"].to_string().contains("a newer version"), "{report:#}");
    assert_eq!(target_in(&report, zombie)["row"], "G4 suspected", "{report:#}");
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(report["problems"], json!([]), "{report:#}");
    assert_eq!(target_in(&report, zombie)["row"], "G5 zombie", "{report:#}");
}
