//! Invocations of the functions over a simulated world, as Lambda makes them, and the queue in front of one.

use serde_json::{Value, json};
use session_cleanup::aws::Pace;
use session_cleanup::cleanup::{
    Cause, CleanupReport, Delivery, Invocation, OrphanCause, Outcome, Request, SalvageWindow,
    clean_up,
};
use session_cleanup::config::Percent;
use session_cleanup::context::Context;
use session_cleanup::deadline::Deadline;
use session_cleanup::event::TaskReference;
use session_cleanup::session::{Review, SessionId, TaskArn};
use session_cleanup::{completion, inspector, reaper};
pub(crate) use session_cleanup_histories::functions::{
    FUNCTION_TIMEOUT, INSPECTOR_TIMEOUT, INTERVAL, MetricLines, REAPER_TIMEOUT, batch,
    batch_received, config, failed_items, function, function_at, function_over, function_with,
};
use session_cleanup_tests::world::{Fault, TaskHandle, World};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Every kind of fault that a call may meet, with its name.
pub(crate) const FAULTS: [(&str, fn(Fault) -> Fault); 7] = [
    ("throttled", Fault::throttled),
    ("server error", Fault::server_error),
    ("reset", Fault::reset),
    ("refused", Fault::refused),
    ("hangs", Fault::hangs),
    ("answer lost", Fault::answer_lost),
    ("answer hangs", Fault::answer_hangs),
];

fn deadline(context: &Context) -> Deadline {
    Deadline::after(FUNCTION_TIMEOUT).earlier(context.config.timeouts.deadline_margin)
}

/// Invokes the function with one event that the queue delivers for the `received`th time.
pub(crate) async fn receive(context: &Arc<Context>, event: &Value, received: u32) -> Vec<usize> {
    receive_all(context, &[(event, received)]).await
}

/// The same with a batch of them.
pub(crate) async fn receive_all(context: &Arc<Context>, events: &[(&Value, u32)]) -> Vec<usize> {
    deliver_payload(context, batch_received(events)).await
}

/// Invokes the function with a batch; the answer is the places of the items that failed.
pub(crate) async fn deliver_bodies(context: &Arc<Context>, bodies: &[String]) -> Vec<usize> {
    deliver_payload(context, batch(bodies)).await
}

async fn deliver_payload(context: &Arc<Context>, payload: Value) -> Vec<usize> {
    let began = Instant::now();
    let answer = completion::handle(context, payload, deadline(context), &request_id())
        .await
        .expect("a batch never fails as a whole");
    assert!(began.elapsed() < FUNCTION_TIMEOUT, "the invocation outlived its deadline (I7)");
    failed_items(&answer)
}

/// Invokes the function with a batch of events.
pub(crate) async fn deliver(context: &Arc<Context>, events: &[Value]) -> Vec<usize> {
    let bodies: Vec<String> = events.iter().map(Value::to_string).collect();
    deliver_bodies(context, &bodies).await
}

/// Delivers one event as SQS does: again after the visibility timeout, by a fresh function, until it
/// is done or has been received `most` times. The answer is how often it was received, or `None`
/// when it went to the dead-letter queue.
pub(crate) async fn deliver_until_done(
    world: &World,
    caller: &str,
    event: &Value,
    most: usize,
) -> Option<usize> {
    for receipt in 1..=most {
        let context = function(world, &format!("{caller}-{receipt}"));
        if deliver(&context, std::slice::from_ref(event)).await.is_empty() {
            return Some(receipt);
        }
        tokio::time::sleep(FUNCTION_TIMEOUT * 6).await;
    }
    None
}

/// Lambda gives each invocation one of its own.
fn request_id() -> String {
    static INVOCATIONS: AtomicUsize = AtomicUsize::new(0);
    format!("request-{}", INVOCATIONS.fetch_add(1, Ordering::Relaxed))
}

/// Invokes the function with one event, and answers its report.
pub(crate) async fn report(context: &Arc<Context>, event: &Value) -> Result<Value, Value> {
    let handled =
        completion::handle(context, event.clone(), deadline(context), &request_id()).await;
    handled.map_err(|error| match error {
        completion::InvocationError::NotClean(report) => report,
        other => json!({ "error": other.to_string() }),
    })
}

/// Invokes the reaper as Lambda does; the answer is the sweep's report.
pub(crate) async fn invoke_reaper(context: &Arc<Context>, payload: &Value) -> Value {
    let began = Instant::now();
    let margin = context.config.timeouts.deadline_margin;
    let deadline = Deadline::after(REAPER_TIMEOUT).earlier(margin);
    let handled = reaper::handle(context, payload, deadline, &request_id()).await;
    assert!(began.elapsed() < REAPER_TIMEOUT, "the sweep outlived its deadline (I7)");
    handled.unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

/// Asks the inspector, as a function that calls as `inspector`, at its own pace.
pub(crate) async fn ask(world: &World, question: &Value) -> Value {
    ask_with(world, question, &[]).await
}

/// The same with variables of its own.
pub(crate) async fn ask_with(world: &World, question: &Value, changes: &[(&str, &str)]) -> Value {
    let pace = Pace::share(Percent::TENTH);
    let (context, _) = function_at(world, "inspector", pace, changes);
    let deadline =
        Deadline::after(INSPECTOR_TIMEOUT).earlier(context.config.timeouts.deadline_margin);
    let began = Instant::now();
    let answer = inspector::handle(&context, question, deadline).await;
    assert!(began.elapsed() < INSPECTOR_TIMEOUT, "the answer outlived its deadline (I7)");
    answer
}

/// One sweep that acts, by a fresh function that calls as `caller`.
pub(crate) async fn enforce(world: &World, caller: &str) -> Value {
    invoke_reaper(&function(world, caller), &json!({ "mode": "enforce" })).await
}

/// One sweep that only looks.
pub(crate) async fn look(world: &World, caller: &str) -> Value {
    invoke_reaper(&function(world, caller), &json!({ "mode": "report" })).await
}

/// So many sweeps that act, an interval apart; the answer is their reports.
pub(crate) async fn sweeps(world: &World, caller: &str, count: usize) -> Vec<Value> {
    let mut reports = Vec::new();
    for number in 1..=count {
        reports.push(enforce(world, &format!("{caller}-{number}")).await);
        tokio::time::sleep(INTERVAL).await;
    }
    reports
}

/// What a report says of a task; null when it is plainly fine.
pub(crate) fn task_in<'a>(report: &'a Value, task: &TaskHandle) -> &'a Value {
    let mut tasks = report["tasks"].as_array().expect("a report").iter();
    tasks.find(|finding| finding["task_arn"] == task.arn()).unwrap_or(&Value::Null)
}

/// What a report says of a target; null when it is plainly fine.
pub(crate) fn target_in(report: &Value, address: std::net::Ipv4Addr) -> &Value {
    let mut targets = report["targets"].as_array().expect("a report").iter();
    let is_it = |finding: &&Value| finding["address"]["ip"] == address.to_string();
    targets.find(is_it).unwrap_or(&Value::Null)
}

/// Reaps one task as the sweep does: by our inference, not by an event.
pub(crate) async fn reap(
    context: &Arc<Context>,
    task: &TaskHandle,
    salvage: SalvageWindow,
) -> CleanupReport {
    let invocation = Invocation::begin(context, deadline(context));
    let request = Request {
        task: TaskReference::Arn(TaskArn::parse(task.arn()).unwrap().0),
        cause: Cause::Orphan {
            session: SessionId::parse(task.session_id()).unwrap(),
            writes_from: jiff::Timestamp::MIN,
            cause: OrphanCause::TooOld,
            salvage,
            review: Review::new(|_| Ok(())),
            routes: Arc::default(),
            used: None,
        },
        request_id: None,
        delivery: Delivery::First,
    };
    let report = clean_up(&invocation, &request).await;
    invocation.end().await;
    report
}

/// The outcome in a task's receipt.
pub(crate) fn receipt(world: &World, task: &TaskHandle) -> Option<String> {
    let receipts = world.receipts();
    receipts.get(task.id()).map(|receipt| receipt["outcome"].as_str().unwrap().to_owned())
}

/// What `report` says became of the session.
pub(crate) fn outcome(report: &Result<Value, Value>) -> &str {
    let (Ok(document) | Err(document)) = report;
    document["outcome"].as_str().unwrap_or("none")
}

/// Asserts the end that everyone wants: target gone, task stopped, receipt written, nobody harmed.
pub(crate) fn assert_clean(world: &World, task: &TaskHandle) {
    assert_eq!(
        receipt(world, task).as_deref(),
        Some(Outcome::Cleaned.as_str()),
        "{}",
        world.history()
    );
    assert!(world.is_stopping(task), "{} still runs\n{}", task.session_id(), world.history());
    for group in &world.setup().target_groups {
        assert!(!world.registered(group).contains(&task.address()), "{}", world.history());
    }
    assert_unharmed(world);
}

/// Asserts that no live session was harmed and no intent is left open.
pub(crate) fn assert_unharmed(world: &World) {
    world.assert_unharmed();
    assert_eq!(world.live_targets_missing(), Vec::<String>::new(), "{}", world.history());
    assert_eq!(world.losses_misreported(), Vec::<String>::new(), "{}", world.history());
}

/// The intents that are still in the ledger.
pub(crate) fn open_intents(world: &World) -> Vec<String> {
    let keys = world.keys("ledger");
    keys.into_iter().filter(|key| key.starts_with("intents/")).collect()
}

/// A crash between deregistering a live session's target and asking whose it was, so long ago: its intent is left
/// behind, and its target is gone.
pub(crate) fn crash_leaves_an_intent(world: &World, task: &TaskHandle, ago: Duration) {
    let setup = world.setup();
    let entry = json!({
        "group": setup.target_group_arn("sessions"),
        "address": { "ip": task.address().to_string(), "port": setup.port },
        "held_by": "nobody",
    });
    let written_at = (world.now() - ago).to_string();
    let intent = json!({ "written_at": written_at, "entries": [entry] });
    world.put_object("ledger", "intents/1-left.json", intent.to_string());
    world.owner_deregisters(task);
}
