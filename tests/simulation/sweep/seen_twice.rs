//! Seen twice: what may be a passing state is acted on only when two consecutive sweeps saw it, at
//! least half an interval apart and at most three.

use super::crowd::{HOUR, MINUTE, says, target_row, task_row};
use crate::invoke::{
    INTERVAL, assert_unharmed, enforce, function_with, invoke_reaper, look, target_in,
};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Call, Crash, Fault, Health, Setup, TaskHandle, World};
use std::net::Ipv4Addr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A session that is done and a target that nobody has: each may be a passing state.
fn suspicious() -> (World, TaskHandle, Ipv4Addr) {
    let world = World::new(Setup::default());
    let done = world.session("done").started_ago(HOUR).completed().start();
    let nobody = Ipv4Addr::new(127, 0, 99, 1);
    world.leave_target("sessions", nobody);
    (world, done, nobody)
}

fn rows(report: &Value, done: &TaskHandle, nobody: Ipv4Addr) -> [String; 2] {
    [task_row(report, done).0.to_owned(), target_row(report, nobody).0.to_owned()]
}

#[tokio::test(start_paused = true)]
async fn a_second_sweep_less_than_half_an_interval_later_does_not_act() {
    let (world, done, nobody) = suspicious();
    assert_eq!(
        rows(&enforce(&world, "sweep-1").await, &done, nobody),
        ["T9a suspected_done", "G4 suspected"]
    );
    tokio::time::sleep(MINUTE * 2).await;
    let soon = enforce(&world, "sweep-2").await;
    assert_eq!(rows(&soon, &done, nobody), ["T9a suspected_done", "G4 suspected"], "{soon:#}");
    assert!(!world.is_stopping(&done));
    assert!(world.registered("sessions").contains(&nobody));
    tokio::time::sleep(SECOND * 30).await;
    let later = enforce(&world, "sweep-3").await;
    assert_eq!(rows(&later, &done, nobody), ["T9 done", "G5 zombie"], "{later:#}");
    assert!(world.is_stopping(&done));
    assert!(!world.registered("sessions").contains(&nobody));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_suspicion_more_than_three_intervals_old_counts_no_more() {
    for (pause, expected) in [
        (MINUTE * 14 + SECOND * 30, ["T9 done", "G5 zombie"]),
        (INTERVAL * 3 + SECOND, ["T9a suspected_done", "G4 suspected"]),
    ] {
        let (world, done, nobody) = suspicious();
        look(&world, "sweep-1").await;
        tokio::time::sleep(pause).await;
        let report = look(&world, "sweep-2").await;
        assert_eq!(rows(&report, &done, nobody), expected, "after {pause:?}: {report:#}");
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn suspects_are_kept_in_the_mode_report_too_so_that_enforce_acts_at_once() {
    let (world, done, nobody) = suspicious();
    let report = look(&world, "sweep-1").await;
    assert_eq!(rows(&report, &done, nobody), ["T9a suspected_done", "G4 suspected"]);
    tokio::time::sleep(INTERVAL).await;
    let report = look(&world, "sweep-2").await;
    assert_eq!(task_row(&report, &done), ("T9 done", "would_act"), "{report:#}");
    assert_eq!(target_row(&report, nobody), ("G5 zombie", "would_act"), "{report:#}");
    assert!(!world.is_stopping(&done));
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-3").await;
    assert_eq!(task_row(&report, &done), ("T9 done", "acted"), "{report:#}");
    assert_eq!(target_row(&report, nobody), ("G5 zombie", "acted"), "{report:#}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_suspicion_that_one_sweep_contradicts_starts_anew() {
    let (world, done, nobody) = suspicious();
    let first = enforce(&world, "sweep-1").await;
    assert_eq!(rows(&first, &done, nobody), ["T9a suspected_done", "G4 suspected"]);
    world.report("sessions", nobody, Health::new("healthy", ""));
    world.report("sessions", done.address(), Health::new("healthy", ""));
    tokio::time::sleep(INTERVAL).await;
    let contradicted = enforce(&world, "sweep-2").await;
    assert_eq!(rows(&contradicted, &done, nobody), ["none", "G6 foreign"], "{contradicted:#}");
    world.report_truth("sessions", nobody);
    world.report_truth("sessions", done.address());
    tokio::time::sleep(INTERVAL).await;
    let again = enforce(&world, "sweep-3").await;
    assert_eq!(rows(&again, &done, nobody), ["T9a suspected_done", "G4 suspected"], "{again:#}");
    assert!(target_in(&again, nobody)["suspect_since"].is_null(), "{again:#}");
    assert!(!world.is_stopping(&done));
    assert_eq!(world.count(Api::DeregisterTargets), 0);
    tokio::time::sleep(INTERVAL).await;
    let twice = enforce(&world, "sweep-4").await;
    assert_eq!(rows(&twice, &done, nobody), ["T9 done", "G5 zombie"], "{twice:#}");
    assert_unharmed(&world);
}

/// What is registered at a zombie's address after it is gone may be somebody's who is not seen yet.
#[tokio::test(start_paused = true)]
async fn a_target_that_comes_back_is_suspect_anew_also_where_the_sweep_died_that_removed_the_one_before()
 {
    let begin = async || {
        let (world, _, nobody) = suspicious();
        enforce(&world, "sweep-1").await;
        tokio::time::sleep(INTERVAL).await;
        (world, nobody)
    };
    let (world, nobody) = begin().await;
    enforce(&world, "sweep-2").await;
    let calls = world.calls();
    let mut calls = calls.iter().filter(|call| call.caller == "sweep-2");
    let is_it =
        |call: &Call| call.api == Api::DeregisterTargets && call.is_about(&nobody.to_string());
    let removes = calls.position(is_it).unwrap() + 1;
    for (dies, is_verified) in [(false, true), (true, true), (false, false)] {
        let (world, nobody) = begin().await;
        if !is_verified {
            world.after(Api::DeregisterTargets, 1, |world| {
                world.fault(Fault::on(Api::ListTasks).always().denied());
            });
        }
        let sweep = enforce(&world, "sweep-2");
        if dies {
            let _ = world.run_until_crash("sweep-2", Crash::After(removes), sweep).await;
        } else {
            sweep.await;
        }
        assert!(!world.registered("sessions").contains(&nobody), "{}", world.history());
        world.faults_cease();
        tokio::time::sleep(INTERVAL).await;
        world.leave_target("sessions", nobody);
        for (number, row) in ["G4 suspected", "G5 zombie"].iter().enumerate() {
            let report = enforce(&world, &format!("after-{number}")).await;
            assert_eq!(target_row(&report, nobody).0, *row, "{number}: {report:#}");
            tokio::time::sleep(INTERVAL).await;
        }
        assert_unharmed(&world);
    }
}

/// What a sweep could not see is neither confirmed nor contradicted.
#[tokio::test(start_paused = true)]
async fn a_suspicion_outlives_a_sweep_that_could_not_see() {
    let (world, done, nobody) = suspicious();
    enforce(&world, "sweep-1").await;
    world.fault(Fault::on(Api::DescribeTargetHealth).always().server_error());
    tokio::time::sleep(INTERVAL).await;
    let blind = enforce(&world, "sweep-2").await;
    assert_eq!(rows(&blind, &done, nobody), ["T9 undecided", "none"], "{blind:#}");
    assert!(!world.is_stopping(&done));
    world.faults_cease();
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-3").await;
    assert_eq!(rows(&report, &done, nobody), ["T9 done", "G5 zombie"], "{report:#}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn of_two_sweeps_at_once_the_loser_says_that_its_suspects_do_not_count() {
    let (world, done, nobody) = suspicious();
    let (one, other) = tokio::join!(enforce(&world, "sweep-a"), enforce(&world, "sweep-b"));
    let lost =
        |report: &Value| says(&report["problems"], "another sweep has written suspects.json");
    assert_eq!([&one, &other].iter().filter(|report| lost(report)).count(), 1, "{one:#} {other:#}");
    assert_eq!(world.count(Api::StopTask) + world.count(Api::DeregisterTargets), 0);
    tokio::time::sleep(INTERVAL).await;
    let (one, other) = tokio::join!(enforce(&world, "sweep-c"), enforce(&world, "sweep-d"));
    assert_eq!([&one, &other].iter().filter(|report| lost(report)).count(), 1);
    assert!(world.is_stopping(&done) && !world.registered("sessions").contains(&nobody));
    assert_unharmed(&world);
}

/// The SDK repeats it, and is told that somebody has written in between; or it is written again when the sweep ends.
#[tokio::test(start_paused = true)]
async fn a_memory_whose_answer_was_lost_is_no_other_sweeps() {
    let put = || Fault::on(Api::PutObject).of("suspects.json");
    for (fault, problems) in [
        (put().answer_lost(), 0),
        (put().answer_hangs(), 0),
        (put().times(2).answer_hangs(), 1),
        (put().nth(2).answer_lost(), 0),
    ] {
        let (world, done, nobody) = suspicious();
        world.fault(fault.clone());
        let report = enforce(&world, "sweep-1").await;
        let found = report["problems"].as_array().unwrap().len();
        assert_eq!(found, problems, "{fault:?}: {:#}", report["problems"]);
        world.faults_cease();
        tokio::time::sleep(INTERVAL).await;
        let report = enforce(&world, "sweep-2").await;
        assert_eq!(rows(&report, &done, nobody), ["T9 done", "G5 zombie"], "{report:#}");
        assert_unharmed(&world);
    }
}

/// Whose version is in the way can't be read at first: what the sweep has done by its end is remembered all the same.
#[tokio::test(start_paused = true)]
async fn a_memory_whose_answer_was_lost_and_that_cannot_be_read_back_is_written_at_the_end() {
    let (world, _, _) = suspicious();
    world.fault(Fault::on(Api::PutObject).of("suspects.json").answer_lost());
    world.fault(Fault::on(Api::GetObject).of("suspects.json").nth(2).denied());
    let report = enforce(&world, "sweep-1").await;
    assert!(says(&report["problems"], "another version was there, perhaps our own"), "{report:#}");
    assert!(!says(&report["problems"], "another sweep has written"), "{report:#}");
    let calls = world.calls();
    let last =
        calls.iter().rfind(|call| call.api == Api::PutObject && call.is_about("suspects.json"));
    assert!(last.is_some_and(|call| call.outcome.is_success()), "{}", world.history());
    assert_unharmed(&world);
}

/// Once more while what was written before is being replaced.
#[tokio::test(start_paused = true)]
async fn a_memory_whose_answers_were_lost_twice_is_no_other_sweeps() {
    let (world, done, nobody) = suspicious();
    let put = || Fault::on(Api::PutObject).of("suspects.json");
    world.fault(put().times(2).answer_hangs());
    world.fault(put().nth(4).answer_lost());
    let report = enforce(&world, "sweep-1").await;
    assert!(!says(&report["problems"], "another sweep has written"), "{}", world.history());
    world.faults_cease();
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(rows(&report, &done, nobody), ["T9 done", "G5 zombie"], "{report:#}");
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn the_suspects_of_a_sweep_that_was_overtaken_are_dropped() {
    let (world, done, nobody) = suspicious();
    let others = r#"{ "tasks": [], "targets": [], "failed_salvages": [] }"#;
    world.before(Api::PutObject, 1, move |world| {
        world.put_object("ledger", "suspects.json", others);
    });
    let overtaken = enforce(&world, "sweep-1").await;
    assert!(
        says(&overtaken["problems"], "its suspects are kept, ours are dropped"),
        "{overtaken:#}"
    );
    assert_eq!(world.object("ledger", "suspects.json").unwrap(), others);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(rows(&report, &done, nobody), ["T9a suspected_done", "G4 suspected"], "{report:#}");
    assert_unharmed(&world);
}

/// The interval is the schedule's: where it is configured, the two sweeps move with it.
#[tokio::test(start_paused = true)]
async fn a_longer_interval_asks_for_sweeps_further_apart() {
    let (world, done, _) = suspicious();
    let sweep = async |caller: &str| {
        let every_hour = [("SWEEP_INTERVAL", "1h")];
        let context = function_with(&world, caller, &every_hour).0;
        invoke_reaper(&context, &json!({ "mode": "report" })).await
    };
    assert_eq!(task_row(&sweep("sweep-1").await, &done).0, "T9a suspected_done");
    tokio::time::sleep(MINUTE * 29).await;
    assert_eq!(task_row(&sweep("sweep-2").await, &done).0, "T9a suspected_done");
    tokio::time::sleep(MINUTE * 2).await;
    assert_eq!(task_row(&sweep("sweep-3").await, &done).0, "T9 done");
}
