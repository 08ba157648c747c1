//! The ledger in trouble: it can't be written, or read, or holds garbage, or hangs.

use super::crowd::{
    ACTS, HOUR, calls_of, enforce_with, healthy, metric, says, target_row, task_row,
};
use crate::invoke::{
    INTERVAL, assert_clean, assert_unharmed, crash_leaves_an_intent, enforce, open_intents,
    receipt, target_in,
};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Fault, Latency, Setup, TaskHandle, World};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Three that live, one of them deaf in another cluster, an orphan, and a zombie target.
struct Scene {
    world: World,
    orphan: TaskHandle,
    zombie: Ipv4Addr,
}

fn scene() -> Scene {
    let world = World::new(Setup::default());
    healthy(&world, 2);
    world.session("deaf").in_cluster("elsewhere").deaf().start();
    let orphan = world.session("orphan").started_ago(HOUR * 3).start();
    let zombie = Ipv4Addr::new(127, 0, 99, 1);
    world.leave_target("sessions", zombie);
    Scene { world, orphan, zombie }
}

#[tokio::test(start_paused = true)]
async fn while_the_ledger_cannot_be_written_nothing_is_deregistered_on_inference() {
    let put = || Fault::on(Api::PutObject).always();
    for fault in [put().server_error(), put().denied(), put().throttled(), put().hangs()] {
        let Scene { world, orphan, zombie } = scene();
        crate::invoke::look(&world, "sweep-1").await;
        tokio::time::sleep(INTERVAL).await;
        world.fault(fault.clone());
        let (report, metrics) = enforce_with(&world, "sweep-2", &[]).await;
        assert_eq!(target_row(&report, zombie), ("G5 zombie", "tried"), "{fault:?} {report:#}");
        assert_eq!(task_row(&report, &orphan), ("T8 too_old", "tried"), "{report:#}");
        let why = target_in(&report, zombie)["result"].as_str().unwrap();
        assert!(why.contains("PutObject") || why.contains("intent"), "{why}");
        assert_eq!(world.count(Api::DeregisterTargets), 0, "{}", world.history());
        assert_eq!(world.count(Api::StopTask), 0);
        assert!(says(&report["problems"], "the next sweep will not know its suspects"));
        assert!(says(&report["problems"], "this report is in the log alone"), "{report:#}");
        assert_eq!(report["kept_as"], Value::Null);
        assert!(metric(&metrics, "SweepProblems") >= 2);
        assert_unharmed(&world);

        world.faults_cease();
        tokio::time::sleep(INTERVAL).await;
        let report = enforce(&world, "sweep-3").await;
        assert_eq!(target_row(&report, zombie), ("G5 zombie", "acted"), "{report:#}");
        assert_clean(&world, &orphan);
        assert_eq!(world.registered("sessions").len(), 3);
    }
}

/// The task is stopped, and no sweep sees it as an orphan again.
#[tokio::test(start_paused = true)]
async fn a_receipt_that_could_not_be_written_is_written_by_the_next_sweep() {
    for forgotten in [false, true] {
        let Scene { world, orphan, .. } = scene();
        world.fault(Fault::on(Api::PutObject).of("receipts/").always().denied());
        enforce(&world, "sweep-1").await;
        assert!(world.is_stopping(&orphan) && world.receipts().is_empty(), "{}", world.history());
        world.faults_cease();
        // ECS forgets it after an hour.
        tokio::time::sleep(if forgotten { HOUR * 2 } else { INTERVAL }).await;
        enforce(&world, "sweep-2").await;
        let written = receipt(&world, &orphan);
        let known = if forgotten { "artifacts_unverified" } else { "cleaned" };
        assert_eq!(written.as_deref(), Some(known), "{}", world.history());
        let calls = world.count_by("sweep-2");
        tokio::time::sleep(INTERVAL).await;
        enforce(&world, "sweep-3").await;
        assert!(world.count_by("sweep-3") <= calls, "nobody is looked at for ever");
        assert_unharmed(&world);
    }
}

/// Where the memory can't be read, there are no suspects: rows that rest on facts are decided all the
/// same.
#[tokio::test(start_paused = true)]
async fn while_the_ledger_cannot_be_read_nobody_is_suspect_and_facts_still_count() {
    let faults: [(&str, fn(Fault) -> Fault); 3] =
        [("server error", Fault::server_error), ("denied", Fault::denied), ("reset", Fault::reset)];
    for (name, effect) in faults {
        let Scene { world, orphan, zombie } = scene();
        let done = world.session("done").started_ago(HOUR).completed().start();
        crate::invoke::look(&world, "sweep-1").await;
        for api in [Api::GetObject, Api::ListObjects] {
            world.fault(effect(Fault::on(api).of("ledger").always()));
        }
        for number in 2..=4 {
            tokio::time::sleep(INTERVAL).await;
            let report = enforce(&world, &format!("sweep-{number}")).await;
            assert_eq!(
                target_row(&report, zombie),
                ("G4 suspected", "suspected"),
                "{name} {report:#}"
            );
            assert_eq!(task_row(&report, &done), ("T9a suspected_done", "suspected"), "{report:#}");
            assert!(says(&report["problems"], "no suspects are known"), "{report:#}");
            assert!(says(&report["intents"]["problems"], "ListObjectsV2"), "{report:#}");
        }
        assert_clean(&world, &orphan);
        assert!(!world.is_stopping(&done));
        assert_eq!(world.registered("sessions").len(), 5, "two healthy, deaf, done, zombie");
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_instead_of_suspects_is_replaced_and_makes_nobody_suspect() {
    let garbage = ["", "not JSON", "[]", r#"{"tasks": "all"}"#, r#"{"tasks":[{"task":"x"}]}"#];
    for text in garbage {
        let Scene { world, zombie, .. } = scene();
        world.put_object("ledger", "suspects.json", text);
        let report = enforce(&world, "sweep-1").await;
        assert!(says(&report["problems"], "suspects.json can't be read"), "{text:?} {report:#}");
        assert_eq!(target_row(&report, zombie), ("G4 suspected", "suspected"));
        tokio::time::sleep(INTERVAL).await;
        let report = enforce(&world, "sweep-2").await;
        assert_eq!(report["problems"], json!([]), "it was replaced");
        assert_eq!(target_row(&report, zombie), ("G5 zombie", "acted"), "{report:#}");
        assert_unharmed(&world);
    }
}

/// Else every sweep would complain of it for ever.
#[tokio::test(start_paused = true)]
async fn garbage_is_replaced_even_where_nobody_is_suspect() {
    let world = World::new(Setup::default());
    healthy(&world, 2);
    world.put_object("ledger", "suspects.json", "not JSON");
    let report = enforce(&world, "sweep-1").await;
    assert!(says(&report["problems"], "suspects.json can't be read"), "{report:#}");
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(report["problems"], json!([]), "{report:#}");
    assert_eq!(report["kept_as"], Value::Null);
}

/// An object that a person may read, from which nothing is concluded: of another account, say.
#[tokio::test(start_paused = true)]
async fn an_intent_that_cannot_be_read_stays_and_is_reported() {
    let Scene { world, .. } = scene();
    world.put_object("ledger", "intents/1-x.json", "garbage");
    let report = enforce(&world, "sweep").await;
    assert!(says(&report["intents"]["problems"], "intents/1-x.json"), "{report:#}");
    assert!(world.object("ledger", "intents/1-x.json").is_some());
    assert_unharmed(&world);
}

/// As when the ledger let nothing be deleted for a day. More than can be read in a sweep's time, and
/// the live session whose target is in one of them must not wait for ever.
#[tokio::test(start_paused = true)]
async fn thousands_of_intents_that_were_left_behind_are_settled_by_and_by() {
    let latency = Latency { s3: Duration::from_millis(100), ..Latency::default() };
    let world = World::new(Setup { latency, ..Setup::default() });
    let live = world.session("live").started_ago(HOUR * 3 / 2).start();
    world.owner_deregisters(&live);
    let (setup, written_at) = (world.setup(), world.now() - HOUR);
    for number in 0..2_000 {
        let ip = if number == 1_999 { live.address() } else { Ipv4Addr::new(127, 0, 99, 1) };
        let entry = json!({
            "group": setup.target_group_arn("sessions"),
            "address": { "ip": ip, "port": setup.port },
            "held_by": "nobody",
        });
        let intent = json!({ "written_at": written_at.to_string(), "entries": [entry] });
        let key = format!("intents/{}-{number:04}.json", written_at.as_second());
        world.put_object("ledger", &key, intent.to_string());
    }
    let report = enforce(&world, "sweep-1").await;
    assert!(
        says(&report["intents"]["problems"], "1500 intents wait for the next sweeps"),
        "{report:#}"
    );
    for number in 2..=4 {
        tokio::time::sleep(INTERVAL).await;
        enforce(&world, &format!("sweep-{number}")).await;
    }
    assert_eq!(open_intents(&world), Vec::<String>::new());
    assert!(world.registered("sessions").contains(&live.address()));
}

/// A live session waits for the target that a crash took from it: that is not forgotten.
#[tokio::test(start_paused = true)]
async fn an_intent_that_cannot_be_settled_stays_and_is_settled_later() {
    for fault in [
        Fault::on(Api::RegisterTargets).always().denied(),
        Fault::on(Api::ListTasks).always().server_error(),
    ] {
        let world = World::new(Setup::default());
        let live = world.session("live").started_ago(HOUR).start();
        crash_leaves_an_intent(&world, &live, INTERVAL * 2);
        world.fault(fault.clone());
        let report = enforce(&world, "sweep-1").await;
        assert!(says(&report["intents"]["problems"], "it stays"), "{fault:?} {report:#}");
        assert_eq!(open_intents(&world).len(), 1, "{fault:?} {report:#}");
        world.faults_cease();
        tokio::time::sleep(INTERVAL).await;
        let report = enforce(&world, "sweep-2").await;
        assert_eq!(report["intents"]["re_registered"], 1, "{report:#}");
        assert!(world.registered("sessions").contains(&live.address()), "{}", world.history());
        assert!(open_intents(&world).is_empty());
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_healthy_fleet_costs_no_call_of_s3_per_task_and_no_probe() {
    let mut used = Vec::new();
    for size in [10, 300] {
        let world = World::new(Setup::default());
        healthy(&world, size);
        let report = enforce(&world, "sweep").await;
        assert_eq!(report["counts"]["session_tasks"], size);
        assert_eq!(world.count(Api::ContainerHealth), 0);
        assert_eq!(calls_of(&world, &ACTS), 0);
        let s3 = [Api::PutObject, Api::GetObject, Api::HeadObject, Api::ListObjects];
        used.push(calls_of(&world, &s3));
        let pages = size.div_ceil(100);
        let reads = calls_of(&world, &[Api::ListTasks, Api::DescribeTasks]);
        assert_eq!(reads, 2 * pages, "a page of the listing and a look at its tasks");
        assert_unharmed(&world);
    }
    assert_eq!(
        used,
        [3, 3],
        "the suspects twice and the list of intents, whatever the fleet's size"
    );
}

/// Whoever asks when the last sweep was finds it, however well all is.
#[tokio::test(start_paused = true)]
async fn a_sweep_of_a_healthy_fleet_says_when_it_was() {
    let world = World::new(Setup::default());
    healthy(&world, 3);
    for sweep in ["first", "second"] {
        let began = world.now();
        enforce(&world, sweep).await;
        let memory = world.object("ledger", "suspects.json").expect("a memory");
        let memory: Value = serde_json::from_slice(&memory).unwrap();
        let swept_at: jiff::Timestamp = memory["swept_at"].as_str().unwrap().parse().unwrap();
        assert!(swept_at.duration_since(began).as_secs() < 1, "{memory}");
        tokio::time::sleep(INTERVAL).await;
    }
}
