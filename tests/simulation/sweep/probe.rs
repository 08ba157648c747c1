//! Our own health check: what it answers of a task and of a target, and what follows.

use super::crowd::{HOUR, MINUTE, target_row, task_row};
use crate::invoke::{INTERVAL, assert_unharmed, enforce, look, target_in, task_in};
use serde_json::json;
use session_cleanup_tests::world::{Absent, Api, Fault, Health, Setup, TaskHandle, World};
use std::net::Ipv4Addr;

fn unhealthy() -> Health {
    Health::new("unhealthy", "Target.Timeout")
}

#[tokio::test(start_paused = true)]
async fn of_tasks_without_traffic_only_one_that_says_done_twice_is_an_orphan() {
    let world = World::new(Setup::default());
    let session = |name| world.session(name).started_ago(HOUR).unregistered();
    let done = session("done").completed().start();
    let kept = [
        (session("active").start(), "active"),
        (session("silent-connection").silent().start(), "answers"),
        (session("another-names-itself").completed().health_names("x").start(), "answers"),
        (session("refuses").refuses().start(), "silent"),
        (session("deaf").deaf().start(), "blind"),
    ];
    for number in 1..=3 {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        for (task, probe) in &kept {
            let finding = task_in(&report, task);
            assert_eq!(finding["evidence"]["probe"], *probe, "{}", task.session_id());
            assert_eq!(task_row(&report, task), ("T9b unrouted", "kept"), "{report:#}");
            assert!(world.completion_calls(task).is_empty());
        }
        match number {
            1 => {
                assert_eq!(
                    task_row(&report, &done),
                    ("T9a suspected_done", "suspected"),
                    "{report:#}"
                );
                assert_eq!(task_in(&report, &done)["evidence"]["probe"], "done");
                assert!(!world.is_stopping(&done));
            }
            2 => assert_eq!(task_row(&report, &done), ("T9 done", "acted"), "{report:#}"),
            _ => assert!(task_in(&report, &done).is_null(), "{report:#}"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
    assert!(world.is_stopping(&done));
    assert_unharmed(&world);
}

/// Whatever else a container answers, it is not that it is done.
#[tokio::test(start_paused = true)]
async fn a_broken_answer_is_an_answer_and_no_word_of_being_done() {
    for fault in [
        Fault::on(Api::ContainerHealth).always().server_error(),
        Fault::on(Api::ContainerHealth).always().throttled(),
        Fault::on(Api::ContainerHealth).always().reset(),
        Fault::on(Api::ContainerHealth).always().hangs(),
    ] {
        let world = World::new(Setup::default());
        let task = world.session("broken").started_ago(HOUR).unregistered().completed().start();
        world.fault(fault.clone());
        for number in 1..=2 {
            let report = enforce(&world, &format!("sweep-{number}")).await;
            assert_eq!(task_in(&report, &task)["evidence"]["probe"], "answers", "{fault:?}");
            assert_eq!(task_row(&report, &task), ("T9b unrouted", "kept"), "{report:#}");
            tokio::time::sleep(INTERVAL).await;
        }
        assert!(!world.is_stopping(&task));
        assert_unharmed(&world);
    }
}

/// A container may answer 503 until its session begins, and its target takes a while to be healthy.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_starting_up_is_not_asked() {
    let world = World::new(Setup::default());
    let starting = world.session("starting").started_ago(MINUTE * 2).completed().start();
    for number in 1..=2 {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        assert!(task_in(&report, &starting).is_null(), "{report:#}");
        assert_eq!(world.count(Api::ContainerHealth), 0);
        tokio::time::sleep(INTERVAL).await;
    }
    let report = enforce(&world, "sweep-3").await;
    assert_eq!(
        task_row(&report, &starting),
        ("T9a suspected_done", "suspected"),
        "it had its time: {report:#}"
    );
}

/// A server that no task of the account stands behind, at an address that the load balancer gets no
/// answer from.
fn server(world: &World, name: &str, completed: bool, mute: bool) -> TaskHandle {
    let mut server = world.session(name).hidden_for(HOUR * 48);
    if completed {
        server = server.completed();
    }
    if mute {
        server = server.silent();
    }
    let server = server.start();
    world.report("sessions", server.address(), unhealthy());
    server
}

#[tokio::test(start_paused = true)]
async fn a_target_at_which_anything_answers_is_foreign_and_kept() {
    let world = World::new(Setup::default());
    let servers = [
        (server(&world, "active", false, false), "active"),
        (server(&world, "done", true, false), "answers"),
        (server(&world, "mute", false, true), "answers"),
    ];
    for number in 1..=3 {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        for (server, probe) in &servers {
            let finding = target_in(&report, server.address());
            assert_eq!(finding["probe"], *probe, "{report:#}");
            assert_eq!(target_row(&report, server.address()), ("G6 foreign", "kept"), "{report:#}");
            assert!(finding["holder"].is_null());
        }
        assert_eq!(report["counts"]["foreign"], 3);
        tokio::time::sleep(INTERVAL).await;
    }
    assert_eq!(world.count(Api::DeregisterTargets), 0);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_refuses_and_one_that_nobody_can_reach_are_silent() {
    for absent in [Absent::Refused, Absent::Unreachable] {
        let world = World::new(Setup { absent, ..Setup::default() });
        let nobody: Ipv4Addr = "127.0.99.1".parse().unwrap();
        world.leave_target("sessions", nobody);
        let report = enforce(&world, "sweep-1").await;
        assert_eq!(target_in(&report, nobody)["probe"], "silent", "{absent:?} {report:#}");
        assert_eq!(target_row(&report, nobody), ("G4 suspected", "suspected"));
        tokio::time::sleep(INTERVAL).await;
        let report = enforce(&world, "sweep-2").await;
        assert_eq!(target_row(&report, nobody), ("G5 zombie", "acted"), "{report:#}");
        assert_unharmed(&world);
    }
}

/// The whole sweep may lie between the first question and the act.
#[tokio::test(start_paused = true)]
async fn what_is_no_longer_silent_or_done_is_spared_by_one_more_question() {
    let world = World::new(Setup::default());
    let task = world.session("task").started_ago(HOUR).unregistered().completed().start();
    let server = server(&world, "server", false, false);
    world.behaves(&server, |container| container.deaf = true);
    look(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    let (at_work, heard) = (task.clone(), server.clone());
    // Everything is decided, and the suspects are being written.
    world.before(Api::PutObject, 1, move |world| {
        world.behaves(&at_work, |container| container.health_names = Some("another".to_owned()));
        world.behaves(&heard, |container| container.deaf = false);
    });
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(task_row(&report, &task), ("T9 done", "spared"), "{report:#}");
    assert_eq!(target_row(&report, server.address()), ("G5 zombie", "spared"), "{report:#}");
    assert_eq!(world.count(Api::ContainerComplete) + world.count(Api::DeregisterTargets), 0);
    assert_unharmed(&world);
}

/// The load balancer alone never ends a registration, nor does it alone clear one.
#[tokio::test(start_paused = true)]
async fn a_target_in_any_other_state_is_kept_and_reported() {
    let states = [
        ("healthy", "", "G6 foreign"),
        ("initial", "Elb.RegistrationInProgress", "G6 foreign"),
        ("unhealthy", "Target.ResponseCodeMismatch", "G6 foreign"),
        ("unused", "Target.NotInUse", "G7 unclear"),
        ("unavailable", "Target.HealthCheckDisabled", "G7 unclear"),
        ("unhealthy", "Elb.InternalError", "G7 unclear"),
        ("unhealthy", "Target.SomethingNew", "G7 unclear"),
        ("a-state-of-tomorrow", "", "G7 unclear"),
    ];
    for (state, reason, row) in states {
        let world = World::new(Setup::default());
        let nobody: Ipv4Addr = "127.0.99.1".parse().unwrap();
        world.leave_target("sessions", nobody);
        world.report("sessions", nobody, Health::new(state, reason));
        for number in 1..=3 {
            let report = enforce(&world, &format!("sweep-{number}")).await;
            assert_eq!(target_row(&report, nobody), (row, "kept"), "{state} {reason}");
            tokio::time::sleep(INTERVAL).await;
        }
        assert_eq!(world.count(Api::DeregisterTargets), 0);
        assert_eq!(world.count(Api::ContainerHealth), 0, "it was not even asked");
    }
}

/// A proxy, a framework that starts, a server that sheds load: none of them says that a session is done.
#[tokio::test(start_paused = true)]
async fn a_503_that_names_no_session_or_another_is_no_word_of_being_done() {
    for body in [
        json!(null),
        json!({}),
        json!("upstream connect error"),
        json!({ "message": "starting" }),
        json!({ "session_id": "another" }),
        json!({ "session_id": null }),
    ] {
        let world = World::new(Setup::default());
        let starting =
            world.session("starting").started_ago(HOUR).answers_503(body.clone()).start();
        for number in 1..=4 {
            let report = enforce(&world, &format!("sweep-{number}")).await;
            assert_eq!(task_row(&report, &starting), ("T9b unrouted", "kept"), "{body} {report:#}");
            tokio::time::sleep(INTERVAL).await;
        }
        assert!(world.is_live(&starting), "{body}");
        assert_unharmed(&world);
    }
}
