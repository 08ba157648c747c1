//! Sessions of one batch share calls, and nothing else.

use crate::invoke::{
    assert_clean, assert_unharmed, deliver, function, function_over, open_intents, outcome,
    receipt, report,
};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde_json::json;
use session_cleanup::aws::HttpSeam;
use session_cleanup::session::TaskArn;
use session_cleanup_tests::world::{Api, Fault, Setup, TaskHandle, World};

fn sessions(world: &World, count: usize) -> Vec<TaskHandle> {
    (0..count).map(|n| world.session(&format!("s-{n}")).start()).collect()
}

#[tokio::test(start_paused = true)]
async fn one_foreign_task_arn_in_a_batch_of_100_fails_alone() {
    let world = World::new(Setup::default());
    let tasks = sessions(&world, 100);
    let mut events: Vec<_> =
        tasks.iter().map(|task| world.session_ended_event(task, "completed")).collect();
    events[42]["detail"]["task_arn"] =
        json!(tasks[42].arn().replace(&world.setup().account, "111111111111"));
    assert_eq!(deliver(&function(&world, "completion"), &events).await, [42]);
    for (number, task) in tasks.iter().enumerate().filter(|(number, _)| *number != 42) {
        assert_eq!(receipt(&world, task).as_deref(), Some("cleaned"), "session {number}");
    }
    assert!(!world.is_stopping(&tasks[42]));
    assert_eq!(world.count(Api::DescribeTasks), 2, "no call is made with it");
}

/// `DescribeTasks` refuses a whole call for one bad ARN, should one ever get past the edge.
#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_refused_as_a_whole_is_repeated_singly() {
    let world = World::new(Setup::default());
    let mut arns: Vec<TaskArn> =
        sessions(&world, 5).iter().map(|task| TaskArn::parse(task.arn()).unwrap().0).collect();
    let foreign = arns[0].as_str().replace(&world.setup().account, "111111111111");
    arns.insert(2, TaskArn::parse(&foreign).unwrap().0);
    let context = function(&world, "completion");
    let snapshots = context.aws.tasks.describe(&arns).await;
    for (number, snapshot) in snapshots.iter().enumerate() {
        assert_eq!(snapshot.is_err(), number == 2, "{number}: {snapshot:?}");
    }
    assert_eq!(world.count(Api::DescribeTasks), 1 + 6);
}

#[tokio::test(start_paused = true)]
async fn a_deregistration_that_is_refused_for_one_target_is_repeated_singly() {
    let world = World::new(Setup::default());
    let tasks = sessions(&world, 4);
    let refused = format!("{}:8080", tasks[2].address());
    world.fault(Fault::on(Api::DeregisterTargets).of(&refused).always().impossible());
    let events: Vec<_> =
        tasks.iter().map(|task| world.session_ended_event(task, "completed")).collect();
    assert_eq!(deliver(&function(&world, "completion"), &events).await, [2]);
    for (number, task) in tasks.iter().enumerate().filter(|(number, _)| *number != 2) {
        assert_eq!(receipt(&world, task).as_deref(), Some("cleaned"), "session {number}");
        let steps = world.receipts()[task.id()]["steps"].to_string();
        assert!(steps.contains("\"deregistered\""), "session {number} at the first go: {steps}");
    }
    assert_eq!(receipt(&world, &tasks[2]).as_deref(), Some("incomplete"));
    assert_unharmed(&world);
}

/// The load balancer is asked again only after a pause, and for all that still hold their addresses.
#[tokio::test(start_paused = true)]
async fn a_deregistration_that_fails_for_a_moment_is_repeated_whole() {
    for effect in [Fault::throttled, Fault::server_error] {
        let world = World::new(Setup::default());
        let tasks = sessions(&world, 3);
        world.fault(effect(Fault::on(Api::DeregisterTargets).nth(1)));
        let events: Vec<_> =
            tasks.iter().map(|task| world.session_ended_event(task, "completed")).collect();
        assert!(deliver(&function(&world, "completion"), &events).await.is_empty());
        assert_eq!(world.count(Api::DeregisterTargets), 2, "{}", world.history());
        for task in &tasks {
            assert_clean(&world, task);
        }
        assert!(open_intents(&world).is_empty(), "{}", world.history());
        assert_unharmed(&world);
    }
}

/// Whether a call without an answer was obeyed is not known; what was refused was not done, and keeps no stop waiting.
#[tokio::test(start_paused = true)]
async fn only_a_deregistration_without_an_answer_leaves_its_intent() {
    let effects: [(fn(Fault) -> Fault, bool, i64); 4] = [
        (Fault::impossible, false, 5),
        (Fault::throttled, false, 12),
        (Fault::server_error, true, 12),
        (Fault::answer_lost, true, 12),
    ];
    for (effect, is_left, seconds) in effects {
        let world = World::new(Setup::default());
        let alice = world.session("alice").start();
        world.fault(effect(Fault::on(Api::DeregisterTargets).always()));
        let event = world.session_ended_event(&alice, "completed");
        let began = world.now();
        let answer = report(&function(&world, "completion"), &event).await;
        assert_ne!(open_intents(&world).is_empty(), is_left, "{answer:?}\n{}", world.history());
        let calls = world.calls();
        let stop = calls.iter().find(|call| call.api == Api::StopTask).expect("it is saved");
        let waited = stop.sent_at.duration_since(began).as_secs();
        assert!(waited < seconds, "the stop waited {waited} s for it\n{}", world.history());
    }
}

/// The ledger has a quarter of the deregistration's time, for the owner's word does not rest on it.
#[tokio::test(start_paused = true)]
async fn a_ledger_that_does_not_answer_keeps_no_ended_sessions_target() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    world.fault(Fault::on(Api::PutObject).of("intents/").always().hangs());
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "cleaned", "{answer:?}");
    assert!(world.registered("sessions").is_empty(), "{}", world.history());
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn one_sessions_failing_upload_delays_no_other() {
    let world = World::new(Setup::default());
    let tasks = sessions(&world, 3);
    let stuck = world.session("stuck").upload_never_works().start();
    let events: Vec<_> = tasks
        .iter()
        .chain([&stuck])
        .map(|task| world.session_ended_event(task, "completed"))
        .collect();
    assert_eq!(deliver(&function(&world, "completion"), &events).await, [3]);
    for task in &tasks {
        assert_clean(&world, task);
        let took = world.receipts()[task.id()]["duration_ms"].as_u64().unwrap();
        assert!(took < 5_000, "{took} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_in_a_batch_is_harmless() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let event = world.session_ended_event(&alice, "completed");
    let failed = deliver(&function(&world, "completion"), &[event.clone(), event]).await;
    assert!(failed.is_empty(), "{failed:?}\n{}", world.history());
    assert_eq!(world.uploads_begun(&alice), 1);
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn two_functions_at_the_same_session_are_harmless() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let event = world.session_ended_event(&alice, "completed");
    let (one, two) = (function(&world, "one"), function(&world, "two"));
    let (one, two) = tokio::join!(report(&one, &event), report(&two, &event));
    for answer in [one, two] {
        assert!(["cleaned", "already_clean"].contains(&outcome(&answer)), "{answer:?}");
    }
    assert_clean(&world, &alice);
}

/// Panics, in the session's own task, as soon as its container is called.
#[derive(Debug, Clone)]
struct PanicsAt {
    address: String,
    world: SharedHttpClient,
}

#[derive(Debug, Clone)]
struct PanicsAtConnector {
    address: String,
    world: SharedHttpConnector,
}

impl HttpClient for PanicsAt {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(PanicsAtConnector {
            address: self.address.clone(),
            world: self.world.http_connector(settings, components),
        })
    }
}

impl HttpConnector for PanicsAtConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert!(!request.uri().contains(&self.address), "a panic in the middle of a cleanup");
        self.world.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_session_fails_that_item_alone() {
    let world = World::new(Setup::default());
    let tasks = sessions(&world, 5);
    let seam = HttpSeam::new(SharedHttpClient::new(PanicsAt {
        address: tasks[3].address().to_string(),
        world: world.caller("completion"),
    }));
    let context = function_over(&world, &seam, "completion", &[]).0;
    let events: Vec<_> =
        tasks.iter().map(|task| world.session_ended_event(task, "completed")).collect();
    assert_eq!(deliver(&context, &events).await, [3]);
    for (number, task) in tasks.iter().enumerate().filter(|(number, _)| *number != 3) {
        assert_eq!(receipt(&world, task).as_deref(), Some("cleaned"), "session {number}");
    }
    assert!(!world.is_stopping(&tasks[3]));
    assert_unharmed(&world);
}
