//! What the simulation's play leaves out, as it says nothing new to an operator: other calls, or other shapes of them.

use crate::invoke::{INTERVAL, crash_leaves_an_intent};
use crate::recorder::{Printed, Recorder};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Setup, World};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// Plays all of them, one after the other.
pub(crate) async fn play() -> Printed {
    let mut recorder = Recorder::start();
    let to = &mut recorder;
    Box::pin(clusters_and_groups(to)).await;
    Box::pin(a_full_batch(to)).await;
    Box::pin(zones(to)).await;
    Box::pin(started_by(to)).await;
    Box::pin(known_by_its_tag(to)).await;
    Box::pin(many_pages(to)).await;
    Box::pin(in_another_region(to)).await;
    Box::pin(awkward_names(to)).await;
    recorder.printed()
}

fn enforce() -> Value {
    json!({"mode": "enforce"})
}

async fn sweeps(to: &mut Recorder, world: &World, count: usize) {
    for _ in 0..count {
        to.sweep(world, &enforce(), &[]).await;
        tokio::time::sleep(INTERVAL).await;
    }
}

fn without_the_task(mut event: Value) -> Value {
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    event
}

/// Two clusters, two groups: sessions in both, one of them in both groups.
async fn clusters_and_groups(to: &mut Recorder) {
    let world = World::new(Setup {
        clusters: vec!["sessions".into(), "more".into()],
        target_groups: vec!["sessions".into(), "more".into()],
        ..Setup::default()
    });
    let tasks = [
        world.session("first").registered_in(&["sessions", "more"]).start(),
        world.session("second").in_cluster("more").registered_in(&["more"]).start(),
        world.session("third").in_cluster("more").identified_by_tag().start(),
    ];
    let events = tasks.iter().map(|task| world.session_ended_event(task, "completed"));
    let events: Vec<Value> = events.map(without_the_task).collect();
    to.deliver(&world, &events, 1, &[]).await;
    let old = world.session("old").in_cluster("more").started_ago(HOUR * 3).start();
    crash_leaves_an_intent(&world, &old, Duration::from_mins(10));
    sweeps(to, &world, 3).await;
}

/// As many messages as the queue gives at once: calls are put together.
async fn a_full_batch(to: &mut Recorder) {
    let world = World::new(Setup::default());
    let tasks: Vec<_> = (0..100).map(|n| world.session(&format!("batch-{n}")).start()).collect();
    let mut events = Vec::new();
    for (n, task) in tasks.iter().enumerate() {
        let ended = world.session_ended_event(task, "completed");
        events.push(if n % 7 == 0 { without_the_task(ended) } else { ended });
    }
    to.deliver(&world, &events, 1, &[]).await;
}

/// A target outside the VPC is registered again with the zone `all`; the others without one.
async fn zones(to: &mut Recorder) {
    let world = World::new(Setup::default());
    let tasks = [
        world.session("outside").answers_403().outside_the_vpc().start(),
        world.session("inside").answers_403().start(),
    ];
    for task in &tasks {
        let event = world.session_ended_event(task, "completed");
        to.deliver(&world, &[event], 1, &[]).await;
    }
}

/// Sessions that `RunTask` was told, in `startedBy`.
async fn started_by(to: &mut Recorder) {
    let world = World::new(Setup::default());
    let task = world.session("ordered").identified_by_started_by().start();
    let sources = [("IDENTITY_SOURCES", "started-by")];
    let event = without_the_task(world.session_ended_event(&task, "completed"));
    to.deliver(&world, &[event], 1, &sources).await;
    to.sweep(&world, &enforce(), &sources).await;
}

/// A task that has stopped has no tags any more, and is forgotten: the ledger alone says whose it was.
async fn known_by_its_tag(to: &mut Recorder) {
    let world = World::new(Setup::default());
    let task = world.session("tagged").identified_by_tag().start();
    to.deliver(&world, &[world.session_ended_event(&task, "completed")], 1, &[]).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    to.deliver(&world, &[world.task_event(&task)], 1, &[]).await;
    tokio::time::sleep(HOUR * 2).await;
    to.ask(&world, &json!({"explain": task.arn()})).await;
}

/// More tasks, objects and targets than fit into one page.
async fn many_pages(to: &mut Recorder) {
    let world = World::new(Setup::default());
    for n in 0..230 {
        world.session(&format!("many-{n}")).start();
    }
    for n in 0..1_050 {
        world.put_object("ledger", &format!("intents/{n}-settled.json"), "not JSON");
        world.put_object("ledger", &format!("sweeps/2026-11-02T08:{n:05}.json"), "{}");
    }
    sweeps(to, &world, 2).await;
    to.ask(&world, &json!({"sweeps": {"last": 20}})).await;
    to.ask(&world, &json!({"explain": "many-7"})).await;
}

/// The artifacts' bucket is elsewhere: it is asked there.
async fn in_another_region(to: &mut Recorder) {
    for wrong_region in [301, 307, 400] {
        let artifact_region = Some("eu-central-1".to_owned());
        let world = World::new(Setup { artifact_region, wrong_region, ..Setup::default() });
        let task = world.session("away").start();
        to.deliver(&world, &[world.session_ended_event(&task, "completed")], 1, &[]).await;
        to.invoke(&world, &json!({"doctor": {}})).await;
    }
}

/// Ids and prefixes that must be written another way in a URL, and a task of long before.
async fn awkward_names(to: &mut Recorder) {
    let world = World::new(Setup { prefix: "a+b/c=d&e/(f)/".to_owned(), ..Setup::default() });
    let prefix = [("ARTIFACT_PREFIX", "a+b/c=d&e/(f)/")];
    let tasks = [
        world.session("job_7.retry-2").start(),
        world.session("old-name").with_a_short_arn().start(),
        world.session("odd").shapeless().start(),
    ];
    let events: Vec<Value> =
        tasks.iter().map(|task| world.session_ended_event(task, "completed")).collect();
    to.deliver(&world, &events, 1, &prefix).await;
    for _ in 0..2 {
        to.sweep(&world, &enforce(), &prefix).await;
        tokio::time::sleep(INTERVAL).await;
    }
    to.sweep(&world, &json!({"doctor": {}}), &prefix).await;
}
