//! `examples/coordinator/`: the same coordinator before and after, each as a process of its own.

use crate::one_stack::{PATIENCE, Scene, play};
use crate::patrol::{Patrol, patrol, task_in};
use jiff::Timestamp;
use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Dwell, Fault, SUBNET, TaskHandle};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const BEFORE: &str = "examples/coordinator/before.py";
const AFTER: &str = "examples/coordinator/after.py";

const UPLOAD: Duration = Duration::from_secs(1);
const DRAINING: Duration = Duration::from_secs(2);

/// A coordinator that runs one session, moment by moment.
struct Coordinator {
    process: Child,
    moments: Lines<BufReader<ChildStdout>>,
    go_on: ChildStdin,
}

/// Where a coordinator finds AWS: ECS and the load balancer, and all else.
struct Endpoints {
    world: String,
    rest: String,
}

impl Endpoints {
    /// One for all of AWS.
    fn all(endpoint: String) -> Self {
        Self { world: endpoint.clone(), rest: endpoint }
    }

    fn of(scene: &Scene) -> Self {
        Self { world: scene.endpoint(), rest: scene.aws().endpoint().to_owned() }
    }
}

impl Coordinator {
    /// Starts it, and waits until its session is at work.
    async fn at_work(
        program: &str,
        session_id: &str,
        settings: &Value,
        endpoints: &Endpoints,
    ) -> (Self, Value) {
        let mut process = Command::new(Path::new(ROOT).join(".venv/bin/python"))
            .arg(Path::new(ROOT).join("tests/end_to_end/coordinator.py"))
            .args([&format!("{ROOT}/{program}"), session_id, &settings.to_string()])
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", &endpoints.rest)
            .env("AWS_ENDPOINT_URL_ECS", &endpoints.world)
            .env("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", &endpoints.world)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Python is in .venv: run `make setup`");
        let moments = BufReader::new(process.stdout.take().unwrap()).lines();
        let go_on = process.stdin.take().unwrap();
        let mut coordinator = Self { process, moments, go_on };
        let at_work = coordinator.moment().await;
        assert_eq!(at_work["status"], 200, "{at_work}");
        assert_eq!(at_work["body"]["session_id"], session_id);
        assert_eq!(at_work["connected"], true, "{at_work}");
        (coordinator, at_work)
    }

    /// What it says next. It then waits.
    async fn moment(&mut self) -> Value {
        let line = timeout(PATIENCE, self.moments.next_line()).await;
        let line = line.expect("the coordinator goes on").unwrap();
        serde_json::from_str(&line.expect("the coordinator lives")).unwrap()
    }

    async fn goes_on(&mut self) {
        self.go_on.write_all(b"\n").await.unwrap();
    }

    /// The event that it puts on the bus right now is answered with 200, and is not taken.
    async fn goes_unheard(&mut self) {
        self.go_on.write_all(b"not taken\n").await.unwrap();
    }

    /// It ends by itself.
    async fn ends(mut self) {
        self.goes_on().await;
        let ended = timeout(PATIENCE, self.process.wait()).await;
        assert!(ended.expect("the coordinator ends").unwrap().success());
    }

    /// SIGTERM, as ECS and Kubernetes send it when a new version is rolled out.
    async fn is_told_to_stop(&self) {
        let id = self.process.id().expect("the coordinator lives").to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    }

    /// No block and no handler of it runs any more.
    async fn dies(mut self) {
        self.process.kill().await.unwrap();
    }
}

/// What both are told of the platform.
fn settings(world: &World, own: &Value) -> Value {
    let setup = world.setup();
    let mut settings = json!({
        "cluster": setup.clusters[0],
        "task_definition": setup.families[0],
        "network": {"awsvpcConfiguration": {"subnets": [SUBNET]}},
        "target_group": setup.target_group_arn(&setup.target_groups[0]),
        "poll": 0.2,
    });
    settings.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    settings
}

/// Tasks start in no time, and targets drain in seconds.
fn is_quick(world: &World) {
    world.adjust(|setup| {
        let moment = Duration::from_millis(200);
        let Dwell { provisioning, pending, activating, .. } = &mut setup.dwell;
        [*provisioning, *pending, *activating] = [moment; 3];
        setup.health.draining = DRAINING;
    });
}

/// The session that a coordinator has started.
fn started(world: &World, session_id: &str) -> TaskHandle {
    let task = world.task_of(session_id).expect("RunTask was called");
    world.behaves(&task, |container| container.uploads_in = UPLOAD);
    task
}

/// A session of another owner. Tasks that are run get the addresses after its own.
async fn neighbour(scene: &mut Scene) -> TaskHandle {
    is_quick(&scene.world);
    let neighbour = scene.session("neighbour");
    scene.start(neighbour).await
}

/// The same, with an owner that renews its lease.
async fn renewed_neighbour(patrol: &mut Patrol) -> TaskHandle {
    is_quick(&patrol.world);
    let neighbour = patrol.session("neighbour").renewed_for(Duration::from_mins(5));
    patrol.start(neighbour).await
}

/// When a session's lease ends.
fn lease(world: &World, session: &TaskHandle) -> Timestamp {
    world.tags(session)["lease-expires-at"].parse().unwrap()
}

/// The AWS calls of a moment, each once.
fn calls(moment: &Value) -> Vec<&str> {
    let mut calls: Vec<_> =
        moment["calls"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    calls.dedup();
    calls
}

#[test]
fn before_the_owner_is_blocked_for_upload_drain_and_stop_one_after_another() {
    play(60, async |scene| {
        let lives = neighbour(scene).await;
        let own = json!({"bucket": scene.world.setup().artifact_bucket});
        let (settings, endpoints) = (settings(&scene.world, &own), Endpoints::of(scene));
        let (mut coordinator, at_work) =
            Coordinator::at_work(BEFORE, "of-before", &settings, &endpoints).await;
        assert_eq!(calls(&at_work), ["RunTask", "DescribeTasks", "RegisterTargets"]);
        let session = started(&scene.world, "of-before");
        scene.world.owner_ends(&session);
        coordinator.goes_on().await;
        let ended = coordinator.moment().await;
        println!("{ended}");
        let steps = [
            "DescribeTasks",
            "HeadObject",
            "DeregisterTargets",
            "DescribeTargetHealth",
            "StopTask",
        ];
        assert_eq!(calls(&ended), steps);
        let blocked_for = ended["blocked_for"].as_f64().unwrap();
        assert!(blocked_for >= (UPLOAD + DRAINING).as_secs_f64(), "{ended}");
        scene.assert_cleaned(&session).await;
        assert!(scene.world.is_live(&lives));
        coordinator.ends().await;
    });
}

#[test]
fn after_the_owner_forgets_the_session_puts_one_event_and_the_session_is_cleaned() {
    play(61, async |scene| {
        let lives = neighbour(scene).await;
        let (settings, endpoints) = (settings(&scene.world, &json!({})), Endpoints::of(scene));
        let (mut coordinator, at_work) =
            Coordinator::at_work(AFTER, "of-after", &settings, &endpoints).await;
        assert_eq!(calls(&at_work), ["RunTask", "DescribeTasks", "RegisterTargets"]);
        let session = started(&scene.world, "of-after");
        assert!(scene.world.tags(&session).contains_key("lease-expires-at"));
        scene.world.owner_ends(&session);
        coordinator.goes_on().await;
        let puts = coordinator.moment().await;
        assert_eq!(puts["still_known"], json!([0, 0, 0, 0]), "{puts}");
        assert_eq!(puts["still_connected"], false, "{puts}");
        assert!(scene.world.completion_calls(&session).is_empty(), "nothing is said yet");
        coordinator.goes_on().await;
        let ended = coordinator.moment().await;
        println!("{ended}");
        assert_eq!([calls(&puts), calls(&ended)], [vec!["PutEvents"], vec![]]);
        let blocked_for = ended["blocked_for"].as_f64().unwrap();
        assert!(blocked_for < UPLOAD.as_secs_f64(), "{ended}");
        coordinator.ends().await;
        let receipt = scene.receipt(&session, "cleaned").await;
        assert_eq!(receipt["session_id"], "of-after");
        scene.assert_cleaned(&session).await;
        assert!(scene.world.is_live(&lives));
    });
}

#[test]
fn after_an_event_that_is_not_taken_is_put_again() {
    play(64, async |scene| {
        neighbour(scene).await;
        let (settings, endpoints) = (settings(&scene.world, &json!({})), Endpoints::of(scene));
        let (mut coordinator, _) =
            Coordinator::at_work(AFTER, "not-heard", &settings, &endpoints).await;
        let session = started(&scene.world, "not-heard");
        scene.world.owner_ends(&session);
        coordinator.goes_on().await;
        assert_eq!(calls(&coordinator.moment().await), ["PutEvents"]);
        coordinator.goes_unheard().await;
        assert_eq!(calls(&coordinator.moment().await), ["PutEvents"]);
        coordinator.goes_on().await;
        coordinator.moment().await;
        coordinator.ends().await;
        scene.receipt(&session, "cleaned").await;
    });
}

#[test]
fn after_a_coordinator_that_is_told_to_stop_says_that_its_session_is_over() {
    play(66, async |scene| {
        let lives = neighbour(scene).await;
        let (settings, endpoints) = (settings(&scene.world, &json!({})), Endpoints::of(scene));
        let (mut coordinator, _) =
            Coordinator::at_work(AFTER, "rolled-out", &settings, &endpoints).await;
        let session = started(&scene.world, "rolled-out");
        scene.world.owner_ends(&session);
        coordinator.is_told_to_stop().await;
        let stops = coordinator.moment().await;
        assert_eq!(calls(&stops).last(), Some(&"PutEvents"), "{stops}");
        assert_eq!(stops["still_known"], json!([0, 0, 0, 0]), "{stops}");
        coordinator.goes_on().await;
        timeout(PATIENCE, coordinator.process.wait()).await.expect("it stops").unwrap();
        scene.receipt(&session, "cleaned").await;
        scene.assert_cleaned(&session).await;
        assert!(scene.world.is_live(&lives));
    });
}

#[test]
fn before_a_coordinator_that_is_killed_leaves_its_task_and_its_target_behind() {
    patrol(62, &[], async |patrol| {
        renewed_neighbour(patrol).await;
        let own = json!({"bucket": patrol.world.setup().artifact_bucket});
        let (settings, endpoints) =
            (settings(&patrol.world, &own), Endpoints::all(patrol.endpoint()));
        let (coordinator, _) =
            Coordinator::at_work(BEFORE, "left-behind", &settings, &endpoints).await;
        let session = started(&patrol.world, "left-behind");
        coordinator.dies().await;
        for _ in 0..2 {
            patrol.half_an_interval_passes().await;
            let report = patrol.enforce().await;
            assert_eq!(*task_in(&report, &session), Value::Null, "nobody can tell: {report:#}");
        }
        patrol.assert_untouched(&session, 0);
    });
}

#[test]
fn after_a_coordinator_that_is_killed_is_found_by_the_reaper_once_its_lease_has_run_out() {
    patrol(63, &[("LEASE_GRACE", "4s")], async |patrol| {
        let lives = renewed_neighbour(patrol).await;
        // The first renewal is refused; the next turn makes up for it.
        patrol.world.fault(Fault::on(Api::TagResource).denied());
        let settings = settings(&patrol.world, &json!({"lease": 5, "renewal": 0.5}));
        let endpoints = Endpoints::all(patrol.endpoint());
        let (coordinator, _) = Coordinator::at_work(AFTER, "killed", &settings, &endpoints).await;
        let session = started(&patrol.world, "killed");
        let seen = lease(&patrol.world, &session);
        patrol.until("the end of the lease that was seen", |world| world.now() > seen).await;
        let report = patrol.enforce().await;
        assert_eq!(*task_in(&report, &session), Value::Null, "it is renewed: {report:#}");
        patrol.assert_untouched(&session, 1);

        coordinator.dies().await;
        patrol.half_an_interval_passes().await;
        let last = lease(&patrol.world, &session);
        patrol.until("the end of its last lease", |world| world.now() > last).await;
        let report = patrol.enforce().await;
        assert_eq!(task_in(&report, &session)["row"], "T7a lease_lapsed", "{report:#}");
        patrol.assert_untouched(&session, 1);
        let is_over = last + Duration::from_secs(4);
        patrol.until("the end of its grace", |world| world.now() > is_over).await;
        let report = patrol.enforce().await;
        assert_eq!(task_in(&report, &session)["row"], "T7 lease_expired", "{report:#}");
        assert_eq!(task_in(&report, &session)["action"], "acted", "{report:#}");
        patrol.assert_clean(&session);
        patrol.assert_untouched(&lives, 1);
    });
}

/// Every statement, and every line of one; neither comments nor what is said about them.
fn lines_of_code(program: &str) -> usize {
    let text = std::fs::read_to_string(format!("{ROOT}/{program}")).unwrap();
    let code: String = text.split("\"\"\"").step_by(2).collect();
    let lines = code.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

#[test]
fn after_has_fewer_lines_than_before() {
    let (before, after) = (lines_of_code(BEFORE), lines_of_code(AFTER));
    println!("{before} lines before, {after} after");
    assert!(after < before, "{before} lines before, {after} after");
    assert!(after > 50, "they are not seen: the test can't tell");
}
