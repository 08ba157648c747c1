//! What is wrong is found, each by its own light; and what is right is green.

use super::{BOTH, Function, HOUR, always, assert_light, fleet, lights, text};
use crate::invoke::function_with;
use session_cleanup::completion;
use session_cleanup::deadline::Deadline;
use session_cleanup_tests::world::{Api, Fault, GroupSetup, Setup, World};

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_set_up_right_has_no_red_light_and_says_what_only_reports() {
    for function in BOTH {
        let world = World::new(Setup::default());
        fleet(&world);
        crate::invoke::look(&world, "sweep").await;
        let report = function.examined_with(&world, &[]).await;
        println!("{}", text(&report));
        assert_eq!(report["lights"]["red"], 0, "{}", text(&report));
        let yellow: u64 = match function {
            Function::Completion => 0,
            // The reaper reports, as every new stack does.
            Function::Reaper => 1,
        };
        assert_eq!(report["lights"]["yellow"], yellow, "{}", text(&report));
        assert!(text(&report).lines().all(|line| line.chars().count() <= 120));
    }
}

#[tokio::test(start_paused = true)]
async fn in_every_mode_the_completion_function_answers_its_doctor() {
    for mode in ["enforce", "observe"] {
        let world = World::new(Setup::default());
        fleet(&world);
        let report = Function::Completion.examined_with(&world, &[("COMPLETION_MODE", mode)]).await;
        let light = if mode == "observe" { "yellow" } else { "green" };
        assert_light(&report, "configuration", "COMPLETION_MODE", light);
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_beside_the_question_is_refused_and_nothing_is_called() {
    let world = World::new(Setup::default());
    fleet(&world);
    let (context, _) = function_with(&world, "doctor", &[]);
    let order = serde_json::json!({"doctor": {}, "mode": "enforce"});
    let deadline = Deadline::after(HOUR);
    let refused = completion::handle(&context, order.clone(), deadline, "request").await;
    assert!(refused.unwrap_err().to_string().contains("`mode`"));
    let refused = crate::invoke::invoke_reaper(&context, &order).await;
    assert!(refused["error"].as_str().unwrap().contains("`mode`"), "{refused:#}");
    assert_eq!(world.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn clusters_families_and_groups_that_are_not_there_are_found() {
    for function in BOTH {
        let world = World::new(Setup {
            clusters: vec!["sessions".to_owned(), "gone".to_owned()],
            families: vec!["session".to_owned(), "misspelt".to_owned()],
            target_groups: vec!["sessions".to_owned(), "lost".to_owned()],
            ..Setup::default()
        });
        fleet(&world);
        world.delete_cluster("gone");
        world.delete_target_group("lost");
        let report = function.examined_with(&world, &[]).await;
        assert_light(&report, "cluster", "gone", "red");
        assert_light(&report, "cluster", "sessions", "green");
        assert_light(&report, "family", "misspelt", "yellow");
        assert_light(&report, "family", "session", "green");
        assert_light(&report, "target_group", "lost", "red");
        assert_light(&report, "target_group", "sessions", "green");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_made_for_something_else_is_found() {
    let mistakes: [(fn(&mut GroupSetup), &str); 4] = [
        (|made| made.target_type = "instance".to_owned(), "red"),
        (|made| made.is_checked = false, "red"),
        (|made| made.health_path = Some("/up".to_owned()), "yellow"),
        (|made| made.is_routed_to = false, "yellow"),
    ];
    for (mistake, light) in mistakes {
        let world = World::new(Setup::default());
        fleet(&world);
        world.set_up_target_group("sessions", mistake);
        let report = Function::Completion.examined_with(&world, &[]).await;
        assert_light(&report, "target_group", "sessions", light);
        assert_eq!(lights(&report, "target_group", "sessions").len(), 1, "{}", text(&report));
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_no_target_has_is_found_and_so_is_one_where_nobody_listens() {
    for function in BOTH {
        let world = World::new(Setup::default());
        fleet(&world);
        let report = function.examined_with(&world, &[("CONTAINER_PORT", "9090")]).await;
        assert_light(&report, "target_group", "sessions", "red");
        assert_light(&report, "route", "session", "red");
        assert!(text(&report).contains("ContainerPort"), "{}", text(&report));
    }
    let empty = World::new(Setup::default());
    empty.set_up_target_group("sessions", |made| made.port = Some(9090));
    let report = Function::Completion.examined_with(&empty, &[]).await;
    assert_light(&report, "target_group", "sessions", "yellow");
    assert_light(&report, "route", "-", "yellow");
}

#[tokio::test(start_paused = true)]
async fn the_artifact_bucket_is_there_and_its_markers_can_be_read() {
    let name = "artifact_bucket";
    for function in BOTH {
        let world = World::new(Setup::default());
        fleet(&world);
        let report = function.examined_with(&world, &[("ARTIFACT_BUCKET", "nowhere")]).await;
        assert_light(&report, name, "nowhere", "red");
        // A 403 where a 404 belongs: s3:ListBucket or s3:GetObject is missing.
        always(&world, Fault::on(Api::HeadObject).denied());
        let report = function.examined_with(&world, &[]).await;
        assert_light(&report, name, "artifacts", "red");
        assert!(text(&report).contains("Allow s3:GetObject"), "{}", text(&report));
        world.faults_cease();
        let report = function.examined_with(&world, &[("ARTIFACT_MARKER", "done.txt")]).await;
        assert_light(&report, name, "artifacts", "yellow");
        let report = function.examined_with(&world, &[("ARTIFACT_PREFIX", "elsewhere/")]).await;
        assert_light(&report, name, "artifacts", "yellow");
        let discarded = [("ARTIFACT_MODE", "discard"), ("ARTIFACT_BUCKET", "")];
        let report = function.examined_with(&world, &discarded).await;
        assert_light(&report, name, "-", "green");
        assert_light(&report, "configuration", "ARTIFACT_MODE", "yellow");
    }
}

/// Its container does not listen yet: its silence would say nothing of the route.
#[tokio::test(start_paused = true)]
async fn a_task_that_only_starts_is_not_asked_whether_containers_can_be_reached() {
    for function in BOTH {
        let world = World::new(Setup::default());
        world.session("starts").pending().start();
        let report = function.examined_with(&world, &[]).await;
        assert_eq!(world.count(Api::ContainerHealth), 0, "{}", text(&report));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_in_another_region_is_read_there() {
    let elsewhere = Some("eu-central-1".to_owned());
    let world = World::new(Setup { artifact_region: elsewhere, ..Setup::default() });
    fleet(&world);
    let report = Function::Completion.examined_with(&world, &[]).await;
    assert_eq!(lights(&report, "artifact_bucket", "artifacts"), ["green"; 3], "{}", text(&report));
    assert!(text(&report).contains("eu-central-1"), "{}", text(&report));
}

/// Each permission in turn is missing: its own light is red, and no other permission's.
#[tokio::test(start_paused = true)]
async fn each_permission_that_is_missing_is_found_by_its_name() {
    let tries = [
        (Api::StopTask, "", "StopTask, sessions"),
        (Api::DeregisterTargets, "", "DeregisterTargets, sessions"),
        (Api::RegisterTargets, "", "RegisterTargets, sessions"),
        (Api::PutObject, "ledger/receipts/", "PutObject, receipts/"),
        (Api::PutObject, "ledger/tasks/", "PutObject, tasks/"),
        (Api::PutObject, "ledger/unknown/", "PutObject, unknown/"),
        (Api::PutObject, "ledger/intents/", "PutObject, intents/"),
        (Api::GetObject, "ledger/receipts/", "GetObject, receipts/"),
        (Api::DeleteObject, "", "DeleteObject, intents/"),
    ];
    let of_completion = [(Api::TagResource, "", "TagResource, sessions")];
    let of_reaper = [
        (Api::PutObject, "ledger/sweeps/", "PutObject, sweeps/"),
        (Api::PutObject, "ledger/suspects.json", "PutObject, suspects.json"),
    ];
    for function in BOTH {
        let own = match function {
            Function::Completion => &of_completion[..],
            Function::Reaper => &of_reaper[..],
        };
        for (api, place, subject) in tries.iter().chain(own) {
            let world = World::new(Setup::default());
            fleet(&world);
            always(&world, Fault::on(*api).of(*place).denied());
            let report = function.examined_with(&world, &[]).await;
            assert_eq!(lights(&report, "permission", subject), ["red"], "{}", text(&report));
            let red = lights(&report, "permission", "").into_iter().filter(|light| light == "red");
            assert_eq!(red.count(), 1, "{subject}\n{}", text(&report));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_can_not_be_kept_is_answered_all_the_same() {
    for function in BOTH {
        let world = World::new(Setup::default());
        fleet(&world);
        always(&world, Fault::on(Api::PutObject).of("ledger/doctor/").denied());
        let report = function.examined_with(&world, &[]).await;
        assert_light(&report, "ledger", "ledger", "red");
        assert!(lights(&report, "ledger", "ledger").len() == 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_that_carries_nothing_is_red_unless_nobody_is_asked_there() {
    for function in BOTH {
        let world = World::new(Setup::default());
        fleet(&world);
        let report = function.examined_with(&world, &[]).await;
        assert_light(&report, "route", "session", "green");
        world.lose_every_route();
        let report = function.examined_with(&world, &[]).await;
        assert_light(&report, "route", "session", "red");
        let report = function.examined_with(&world, &[("ARTIFACT_MODE", "none")]).await;
        assert_light(&report, "route", "session", "yellow");
    }
    let world = World::new(Setup::default());
    fleet(&world);
    let report = Function::Reaper.examined_with(&world, &[("HEALTH_PATH", "/up")]).await;
    assert_light(&report, "route", "session", "yellow");
}

#[tokio::test(start_paused = true)]
async fn tasks_that_name_no_session_are_red_where_they_are_most_and_no_pool_is_configured() {
    let world = World::new(Setup::default());
    fleet(&world);
    let identity = async |variables: &[(&str, &str)], light| {
        let report = Function::Completion.examined_with(&world, variables).await;
        assert_light(&report, "identity", "", light);
    };
    identity(&[], "green").await;
    world.session("nameless").unidentified().start();
    identity(&[], "yellow").await;
    identity(&[("IDENTITY_SOURCES", "env:OTHER")], "red").await;
    identity(&[("IDENTITY_SOURCES", "env:OTHER"), ("WARM_POOL", "true")], "yellow").await;
    identity(&[("WARM_POOL", "true")], "green").await;
}
