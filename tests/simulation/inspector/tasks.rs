//! Why a task is, or is not, touched.

use super::{HOUR, explain, says};
use crate::invoke::{INTERVAL, enforce, look, sweeps};
use serde_json::json;
use session_cleanup_tests::world::{Health, Setup, World};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_live_session_is_told_why_it_is_kept_and_when_it_will_be_too_old() {
    let world = World::new(Setup::default());
    let live = world.session("live").started_ago(HOUR / 2).start();
    look(&world, "sweep").await;
    for about in [live.arn(), live.id(), "live"] {
        let answer = explain(&world, about).await;
        let task = &answer["tasks"][0];
        assert_eq!((&task["row"], &task["verdict"]), (&json!("T10 live"), &json!("kept")));
        assert_eq!(task["session_id"], "live");
        assert_eq!(task["evidence"]["routed"], true);
        says(&answer, "T8 too_old from 2026");
        says(&answer, "Nothing: the stored reports have no finding about it.");
    }
}

#[tokio::test(start_paused = true)]
async fn an_orphan_is_told_with_what_the_last_sweeps_said_of_it() {
    let world = World::new(Setup::default());
    let old = world.session("old").started_ago(HOUR * 3).start();
    let reports = [look(&world, "first").await, {
        tokio::time::sleep(INTERVAL).await;
        look(&world, "second").await
    }];
    let answer = explain(&world, old.id()).await;
    assert_eq!(answer["tasks"][0]["row"], "T8 too_old");
    let said: Vec<_> = answer["sweeps"].as_array().unwrap().iter().collect();
    assert_eq!(said.len(), 2);
    for (mention, report) in said.into_iter().zip(reports.iter().rev()) {
        assert_eq!(mention["kept_as"], report["kept_as"], "the newest first");
        assert_eq!(
            (&mention["row"], &mention["action"]),
            (&json!("T8 too_old"), &json!("would_act"))
        );
    }
    says(&answer, "an orphan: a sweep in the mode enforce cleans it up, artifacts first");
    says(&answer, "a lease that runs, or the tag cleanup-protection, keeps it");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_we_stopped_is_told_with_the_cause_and_its_receipt() {
    let world = World::new(Setup::default());
    let old = world.session("old").started_ago(HOUR * 3).start();
    enforce(&world, "sweep").await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    let answer = explain(&world, old.arn()).await;
    let end = &answer["tasks"][0]["end"];
    assert_eq!(
        end["stopped_by"], "this system, for orphan_too_old; artifacts confirmed",
        "{answer:#}"
    );
    assert_eq!(answer["receipts"][0]["outcome"], "cleaned");
    assert_eq!(answer["sweeps"][0]["action"], "acted");
    // ECS forgets it; the ledger does not.
    tokio::time::sleep(HOUR * 2).await;
    let later = explain(&world, old.arn()).await;
    says(&later, "ECS does not know it");
    assert_eq!(later["receipts"][0]["outcome"], "cleaned", "{later:#}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_others_stopped_is_told_with_their_words() {
    let world = World::new(Setup::default());
    let by_hand = world.session("by-hand").start();
    world.operator_stops(&by_hand, "stopped for lunch");
    let crashed = world.session("crashed").start();
    world.crash(&crashed, 137);
    tokio::time::sleep(Duration::from_secs(40)).await;
    let answer = explain(&world, by_hand.id()).await;
    says(&answer, "someone who called StopTask: stopped for lunch");
    let answer = explain(&world, crashed.id()).await;
    assert_eq!(answer["tasks"][0]["row"], "T0 told_to_stop");
    let codes = &answer["tasks"][0]["end"]["exit_codes"];
    assert!(codes.as_object().unwrap().values().any(|code| *code == 137), "{codes}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_session_task_is_told_why() {
    let world = World::new(Setup::default());
    world.add_cluster("another");
    let web = world.session("web").of_family("web").start();
    let service = world.session("service").group("service:web").start();
    let another = world.session("another").in_cluster("another").start();
    for (task, why) in [
        (&web, "its family web is none of FAMILIES"),
        (&service, "a service runs it (service:web)"),
        (&another, "its cluster another is none of CLUSTERS"),
    ] {
        let answer = explain(&world, task.arn()).await;
        assert_eq!(answer["tasks"][0]["row"], "T1 no_session_task", "{answer:#}");
        says(&answer, why);
    }
}

/// A word that a later sweep did not hear again is no word of today.
#[tokio::test(start_paused = true)]
async fn what_a_container_answered_an_earlier_sweep_is_not_taken_for_its_last_word() {
    let world = World::new(Setup::default());
    let done = world.session("done").started_ago(HOUR).completed().start();
    world.owner_deregisters(&done);
    look(&world, "first").await;
    let answer = explain(&world, done.arn()).await;
    assert_eq!(answer["tasks"][0]["row"], "T9a suspected_done", "{answer:#}");
    says(&answer, "answered the last sweep: done");
    // Traffic reaches it again, so that the next sweep has nothing to say of it.
    world.owner_registers(&done);
    world.report("sessions", done.address(), Health::new("healthy", ""));
    tokio::time::sleep(INTERVAL).await;
    let report = look(&world, "second").await;
    assert_eq!(report["tasks"], json!([]), "{report:#}");
    world.owner_deregisters(&done);
    tokio::time::sleep(INTERVAL).await;
    let answer = explain(&world, done.arn()).await;
    assert_eq!(answer["tasks"][0]["row"], "T9b unrouted", "{answer:#}");
    says(&answer, "it was not asked");
}

/// A sweep stops it, since others renew their leases; one task alone does not show that.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_over_is_not_called_kept_where_only_sweeps_can_tell() {
    let world = World::new(Setup::default());
    let renewed: Vec<_> =
        (0..8).map(|n| world.session(&format!("r-{n}")).leased_for(HOUR).start()).collect();
    let lapsed = world.session("lapsed").started_ago(HOUR).lease_lapsed(HOUR / 2).start();
    look(&world, "first").await;
    for task in &renewed {
        world.set_tag(task, "lease-expires-at", &(world.now() + HOUR * 2).to_string());
    }
    tokio::time::sleep(INTERVAL).await;
    let report = look(&world, "second").await;
    assert_eq!(crate::invoke::task_in(&report, &lapsed)["row"], "T7 lease_expired", "{report:#}");
    let answer = explain(&world, "lapsed").await;
    says(
        &answer,
        "only a sweep, which sees all leases, can decide this; the last one said T7 lease_expired",
    );
}

/// The table is one: what a sweep finds and what is explained right after can't differ, but for what a sweep
/// alone sees.
#[tokio::test(start_paused = true)]
async fn a_sweep_and_an_explanation_give_each_task_the_same_row() {
    let world = World::new(Setup::default());
    let tasks = [
        world.session("protected").tag("cleanup-protection", "true").start(),
        world.session("unidentified").unidentified().start(),
        world.session("ended").tag("session-ended-at", &world.now().to_string()).start(),
        world.session("beyond").started_ago(HOUR * 30).leased_for(HOUR).start(),
        world.session("unreadable").tag("lease-expires-at", "tomorrow").start(),
        world.session("lapsed").lease_lapsed(HOUR / 2).start(),
        world.session("too-old").started_ago(HOUR * 3).start(),
        world.session("unrouted").started_ago(HOUR).unregistered().start(),
        world.session("done").started_ago(HOUR).unregistered().completed().start(),
    ];
    let reports = sweeps_that_look(&world).await;
    let report = reports.last().unwrap();
    let mut rows = Vec::new();
    for task in &tasks {
        let row = crate::invoke::task_in(report, task)["row"].clone();
        let answer = explain(&world, task.arn()).await;
        let explained = &answer["tasks"][0];
        assert_eq!(explained["row"], row, "{answer:#}");
        let finding = crate::invoke::task_in(report, task);
        assert_eq!(explained["why"], finding["why"]);
        assert_eq!(explained["change"], finding["change"]);
        rows.push(row.as_str().unwrap().to_owned());
    }
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), tasks.len(), "each is another row: {rows:?}");
}

async fn sweeps_that_look(world: &World) -> Vec<serde_json::Value> {
    let mut reports = Vec::new();
    for caller in ["look-1", "look-2"] {
        reports.push(look(world, caller).await);
        tokio::time::sleep(INTERVAL).await;
    }
    reports
}

#[tokio::test(start_paused = true)]
async fn a_stopped_session_is_explained_by_its_id_as_well() {
    let world = World::new(Setup::default());
    world.session("old").started_ago(HOUR * 3).start();
    sweeps(&world, "sweep", 1).await;
    let answer = explain(&world, "old").await;
    assert_eq!(answer["receipts"][0]["outcome"], "cleaned", "{answer:#}");
    assert_eq!(answer["tasks"][0]["row"], "T0 told_to_stop");
}
