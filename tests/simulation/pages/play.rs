//! A broad set of situations: what an operator may come to read of.

use super::recorder::{Printed, Recorder};
use crate::invoke::{INTERVAL, crash_leaves_an_intent};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Fault, Health, Setup, TaskHandle, World};
use std::net::Ipv4Addr;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const LEFT: Ipv4Addr = Ipv4Addr::new(127, 0, 99, 1);

/// Plays all of them, one after the other.
pub(super) async fn play() -> Printed {
    let mut recorder = Recorder::start();
    let to = &mut recorder;
    Box::pin(endings(to)).await;
    Box::pin(broken_endings(to)).await;
    Box::pin(other_containers(to)).await;
    Box::pin(unrouted(to)).await;
    Box::pin(observed(to)).await;
    Box::pin(rows(to)).await;
    Box::pin(pool(to)).await;
    Box::pin(targets(to)).await;
    Box::pin(limits(to)).await;
    Box::pin(haste(to)).await;
    Box::pin(salvage(to)).await;
    Box::pin(listings(to)).await;
    Box::pin(intents(to)).await;
    Box::pin(questions(to)).await;
    recorder.printed()
}

fn report() -> Value {
    json!({"mode": "report"})
}

fn enforce() -> Value {
    json!({"mode": "enforce"})
}

async fn sweeps(to: &mut Recorder, world: &World, order: &Value, count: usize) -> Value {
    let mut last = Value::Null;
    for _ in 0..count {
        last = to.sweep(world, order, &[]).await;
        tokio::time::sleep(INTERVAL).await;
    }
    last
}

fn about(session: &str, task: &str) -> Value {
    json!({
        "version": "0", "id": "1", "detail-type": "Session Ended", "source": "session.lifecycle",
        "account": "000000000000", "region": "us-east-1", "time": "2026-11-02T09:00:00Z", "resources": [],
        "detail": { "session_id": session, "task_arn": task },
    })
}

/// What becomes of sessions that owners or ECS speak of.
async fn endings(to: &mut Recorder) {
    let world = World::new(Setup::default());
    world.add_cluster("elsewhere");
    let ended = [
        world.session("good").start(),
        world.session("pooled").identified_by_tag().start(),
        world.session("stuck").never_started().start(),
        world.session("fails").upload_fails(99).start(),
        world.session("slow").answers_202().start(),
        world.session("other").answers_403().start(),
        world.session("sealed").encrypts().start(),
        world.session("silent").silent().start(),
        world.session("nameless").unidentified().start(),
        world.session("web").of_family("web").start(),
        world.session("service").group("service:web").start(),
        world.session("far").in_cluster("elsewhere").start(),
    ];
    let died = [
        world.session("died").stopped(137).start(),
        world.session("left").stopped(0).start(),
        world.session("unnamed").identified_by_tag().stopped(137).start(),
        world.session("spot").dying().start(),
    ];
    let mut events: Vec<Value> =
        ended.iter().map(|task| world.session_ended_event(task, "completed")).collect();
    events.extend(died.iter().map(|task| world.task_event(task)));
    world.session("twice").start();
    world.session("twice").start();
    let gone = format!("{}0", &ended[0].arn()[..ended[0].arn().len() - 1]);
    let mut without_a_clock = about("good", ended[0].arn());
    without_a_clock["detail"]["ended_at"] = json!("yesterday");
    let mut without_a_task = about("resumed", "");
    without_a_task["detail"].as_object_mut().unwrap().remove("task_arn");
    without_a_task["detail"]["ended_at"] = json!("2026-11-02T08:00:00Z");
    let mut of_two = without_a_task.clone();
    of_two["detail"] = json!({"session_id": "twice", "ended_at": "2026-11-02T09:00:00Z"});
    events.extend([
        about("nobody", ended[0].arn()),
        about("gone", &gone),
        without_a_clock,
        without_a_task,
        of_two,
        json!({"detail-type": "Session Finished"}),
    ]);
    to.deliver(&world, &events, 1, &[]).await;
    tokio::time::sleep(Duration::from_mins(6)).await;
    to.deliver(&world, &events, 5, &[]).await;
    to.invoke(&world, &events[3]).await;
    to.invoke(&world, &json!({"nonsense": true})).await;
    sweeps(to, &world, &enforce(), 2).await;
}

/// The same where AWS refuses.
async fn broken_endings(to: &mut Recorder) {
    let faults = [
        Fault::on(Api::DescribeTasks).always().denied(),
        Fault::on(Api::DescribeTasks).always().hangs(),
        Fault::on(Api::HeadObject).always().denied(),
        Fault::on(Api::StopTask).always().denied(),
        Fault::on(Api::StopTask).always().hangs(),
        Fault::on(Api::PutObject).of("intents/").always().denied(),
        Fault::on(Api::DeregisterTargets).always().throttled(),
        Fault::on(Api::RegisterTargets).always().denied(),
        Fault::on(Api::ContainerComplete).always().refused(),
        Fault::on(Api::ContainerComplete).always().hangs(),
    ];
    for fault in faults {
        let world = World::new(Setup::default());
        let tasks = [world.session("good").start(), world.session("other").answers_403().start()];
        let events: Vec<Value> =
            tasks.iter().map(|task| world.session_ended_event(task, "failed")).collect();
        world.fault(fault);
        to.deliver(&world, &events, 1, &[]).await;
    }
}

/// Without artifacts, and behind a token.
async fn other_containers(to: &mut Recorder) {
    let world = World::new(Setup { artifacts_are_discarded: true, ..Setup::default() });
    let task = world.session("empty").start();
    let event = world.session_ended_event(&task, "completed");
    to.deliver(&world, &[event], 1, &[("ARTIFACT_MODE", "discard")]).await;
    let world = World::new(Setup::default());
    let task = world.session("guarded").authorized_by("Bearer s3cr3t").start();
    let event = world.session_ended_event(&task, "completed");
    to.deliver(&world, &[event], 1, &[("CONTAINER_AUTHORIZATION", "Bearer another")]).await;
}

/// Where no load balancer routes.
async fn unrouted(to: &mut Recorder) {
    let world = World::new(Setup { target_groups: Vec::new(), ..Setup::default() });
    let task = world.session("polls").start();
    let mut event = world.session_ended_event(&task, "completed");
    event["detail"]["request_id"] = json!("request-7");
    to.deliver(&world, &[event], 1, &[]).await;
}

/// The mode `observe`.
async fn observed(to: &mut Recorder) {
    let world = World::new(Setup::default());
    let task = world.session("watched").start();
    let event = world.session_ended_event(&task, "completed");
    to.deliver(&world, &[event], 1, &[("COMPLETION_MODE", "observe")]).await;
    world.operator_stops(&task, "session over");
    tokio::time::sleep(Duration::from_mins(2)).await;
    to.deliver(&world, &[world.task_event(&task)], 1, &[("COMPLETION_MODE", "observe")]).await;
}

/// A task of each row.
async fn rows(to: &mut Recorder) {
    let world = World::new(Setup {
        target_groups: vec!["sessions".into(), "more".into()],
        ..Setup::default()
    });
    let copied = (world.now() - HOUR * 24).to_string();
    let _tasks: [TaskHandle; 13] = [
        world.session("protected").tag("cleanup-protection", "true").start(),
        world.session("unidentified").unidentified().start(),
        world.session("ended").tag("session-ended-at", &world.now().to_string()).start(),
        world.session("beyond").started_ago(HOUR * 30).leased_for(HOUR).start(),
        world.session("unreadable").tag("lease-expires-at", "tomorrow").start(),
        world.session("leased").renewed_for(HOUR).start(),
        world.session("lapsed").lease_lapsed(HOUR / 2).start(),
        world.session("too-old").started_ago(HOUR * 3).start(),
        world.session("unrouted").started_ago(HOUR).unregistered().start(),
        world.session("done").started_ago(HOUR).unregistered().completed().start(),
        world.session("copied").tag("session-ended-at", &copied).start(),
        world.session("fails").started_ago(HOUR * 3).upload_fails(99).start(),
        world.session("mute").started_ago(HOUR * 3).silent().start(),
    ];
    sweeps(to, &world, &report(), 2).await;
    sweeps(to, &world, &enforce(), 2).await;
    world.delete_target_group("more");
    sweeps(to, &world, &enforce(), 10).await;
    for session in ["leased", "fails", "mute"] {
        to.ask(&world, &json!({"explain": session})).await;
    }
}

/// Tasks that wait for sessions.
async fn pool(to: &mut Recorder) {
    let world = World::new(Setup::default());
    world.session("waits").unidentified().unregistered().start();
    world.session("forgotten").unidentified().unregistered().started_ago(HOUR * 30).start();
    world.session("claimed").identified_by_tag().tag("session-started-at", "soon").start();
    for _ in 0..2 {
        to.sweep(
            &world,
            &report(),
            &[("WARM_POOL", "true"), ("IDENTITY_SOURCES", "tag:session-id")],
        )
        .await;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Targets that are not as they should be.
async fn targets(to: &mut Recorder) {
    let world = World::new(Setup::default());
    world.session("good").start();
    world.session("web").of_family("web").start();
    world.session("far").in_cluster("elsewhere").deaf().start();
    world.session("far-web").of_family("web").in_cluster("elsewhere").deaf().start();
    let answers = Health::new("unhealthy", "Target.ResponseCodeMismatch");
    let addresses = [1, 2, 3].map(|last| Ipv4Addr::new(127, 0, 98, last));
    for address in addresses.into_iter().chain([LEFT]) {
        world.leave_target("sessions", address);
    }
    world.report("sessions", addresses[0], answers);
    world.report("sessions", addresses[1], Health::new("unused", "Target.NotInUse"));
    sweeps(to, &world, &report(), 2).await;
    world.fault(Fault::on(Api::DeregisterTargets).always().denied());
    sweeps(to, &world, &enforce(), 2).await;
    world.faults_cease();
    world.fault(Fault::on(Api::ListClusters).always().denied());
    world.leave_target("sessions", Ipv4Addr::new(127, 0, 97, 1));
    sweeps(to, &world, &enforce(), 2).await;
    world.faults_cease();
    sweeps(to, &world, &enforce(), 2).await;
}

/// The blast radius, a plan, the fail-safe, and too little time.
async fn limits(to: &mut Recorder) {
    let few = [("BLAST_RADIUS_AT_LEAST", "1"), ("BLAST_RADIUS_PERCENT", "1")];
    let world = World::new(Setup::default());
    for number in 0..4 {
        world.session(&format!("old-{number}")).started_ago(HOUR * 3).start();
    }
    let planned = to.sweep(&world, &report(), &few).await;
    world.session("new").started_ago(HOUR * 3).start();
    to.sweep(&world, &json!({"mode": "enforce", "plan": planned["kept_as"]}), &few).await;
    tokio::time::sleep(INTERVAL).await;
    to.sweep(&world, &enforce(), &few).await;
    let before = world.now();
    world.allow_force("sessions", before);
    let force = json!({"cluster": "sessions", "created_before": before.to_string()});
    to.sweep(&world, &json!({"mode": "enforce", "force_cluster": force}), &[]).await;
    to.sweep(&world, &json!({"mode": "perhaps"}), &[]).await;
    let alarm = include_str!("../../../events/alarm-state-change.json");
    let schedule = include_str!("../../../events/schedule.json");
    for event in [alarm, schedule] {
        to.sweep(&world, &serde_json::from_str(event).unwrap(), &[]).await;
    }
}

/// Two sweeps at once, one whose memory can not be read back, and one that has too little time.
async fn haste(to: &mut Recorder) {
    let world = World::new(Setup::default());
    world.session("old").started_ago(HOUR * 3).start();
    world.after(Api::GetObject, 1, |world| {
        world.put_object("ledger", "suspects.json", "{}");
    });
    to.sweep(&world, &report(), &[]).await;
    world.fault(Fault::on(Api::PutObject).of("suspects.json").answer_lost());
    world.fault(Fault::on(Api::GetObject).of("suspects.json").nth(2).denied());
    to.sweep(&world, &enforce(), &[]).await;
    let world = World::new(Setup::default());
    for number in 0..30 {
        world.session(&format!("old-{number}")).started_ago(HOUR * 3).answers_403().start();
    }
    let slow = Fault::on(Api::ContainerComplete).always();
    world.fault(slow.delayed(Duration::from_secs(25)));
    to.sweep_within(&world, &enforce(), Duration::from_secs(100)).await;
}

/// Orphans whose artifacts can't be had.
async fn salvage(to: &mut Recorder) {
    let world = World::new(Setup::default());
    let orphan = |name: &str| world.session(name).started_ago(HOUR * 3);
    orphan("slow").answers_202().start();
    orphan("other").answers_403().start();
    orphan("sealed").encrypts().start();
    orphan("deaf").deaf().in_subnet("subnet-alone").start();
    for number in 0..4 {
        world.session(&format!("lapsed-{number}")).lease_lapsed(HOUR / 6).start();
    }
    sweeps(to, &world, &enforce(), 9).await;
    for fault in [
        Fault::on(Api::ContainerComplete).always().without_descriptor(),
        Fault::on(Api::StopTask).always().denied(),
    ] {
        let world = World::new(Setup::default());
        world.session("orphan").started_ago(HOUR * 3).start();
        world.fault(fault);
        sweeps(to, &world, &enforce(), 2).await;
    }
}

/// What can't be listed, or is not there.
async fn listings(to: &mut Recorder) {
    let setup = Setup { clusters: vec!["sessions".into(), "more".into()], ..Setup::default() };
    let world = World::new(setup);
    world.session("good").start();
    world.session("unrouted").unregistered().started_ago(HOUR).start();
    world.leave_target("sessions", LEFT);
    for fault in [
        Fault::on(Api::ListTasks).always().denied(),
        Fault::on(Api::ListTasks).always().hangs(),
        Fault::on(Api::DescribeTargetHealth).always().denied(),
        Fault::on(Api::DescribeTasks).always().throttled(),
        Fault::on(Api::GetObject).of("suspects.json").always().denied(),
    ] {
        world.fault(fault);
        sweeps(to, &world, &enforce(), 2).await;
        world.faults_cease();
    }
    world.delete_cluster("more");
    tokio::time::sleep(HOUR).await;
    sweeps(to, &world, &enforce(), 2).await;
    world.put_object("ledger", "suspects.json", "no JSON");
    sweeps(to, &world, &enforce(), 1).await;
}

/// What a crash left behind.
async fn intents(to: &mut Recorder) {
    let world = World::new(Setup::default());
    let live = world.session("live").started_ago(HOUR).renewed_for(HOUR * 20).start();
    crash_leaves_an_intent(&world, &live, Duration::from_mins(10));
    world.fault(Fault::on(Api::RegisterTargets).always().denied());
    sweeps(to, &world, &enforce(), 2).await;
    world.faults_cease();
    sweeps(to, &world, &enforce(), 1).await;
}

/// What people ask.
async fn questions(to: &mut Recorder) {
    let world = World::new(Setup::default());
    let old = world.session("old").started_ago(HOUR * 3).start();
    let live = world.session("live").start();
    let by_hand = world.session("by-hand").start();
    world.operator_stops(&by_hand, "stopped for lunch");
    sweeps(to, &world, &report(), 1).await;
    let address = live.address().to_string();
    for about in [old.arn(), live.id(), "by-hand", "nobody", &address] {
        to.ask(&world, &json!({"explain": about})).await;
    }
    let doctor = json!({"doctor": {}});
    to.sweep(&world, &doctor, &[]).await;
    to.invoke(&world, &doctor).await;
    sweeps(to, &world, &enforce(), 1).await;
    for question in [
        json!({"explain": old.arn()}),
        json!({"session": "old"}),
        json!({"sweeps": {"last": 5}}),
        doctor,
        json!({"why": "not"}),
    ] {
        to.ask(&world, &question).await;
    }
}
