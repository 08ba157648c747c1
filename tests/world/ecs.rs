//! ECS.

use aws_sdk_ecs::types::{DesiredStatus, Tag};
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Latency, Limits, Phase, Setup};
use tokio::time::{Instant, advance, sleep};

use crate::clients::{Clients, secs};

#[tokio::test(start_paused = true)]
async fn lists_all_pages_of_a_family() {
    let world = World::new(Setup::default());
    for n in 0..250 {
        world.session(&format!("s{n}")).start();
    }
    world.session("other").of_family("web").start();
    let clients = Clients::of(&world, "a");
    let call = clients.ecs.list_tasks().cluster("sessions").family("session");
    let pages: Vec<_> = call.into_paginator().send().collect::<Result<_, _>>().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.task_arns().len()).collect::<Vec<_>>(), [100, 100, 50]);
    assert_eq!(world.count(Api::ListTasks), 3);
}

#[tokio::test(start_paused = true)]
async fn lists_by_desired_status_and_started_by() {
    let world = World::new(Setup::default());
    let live = world.session("live").started_by("platform").start();
    let dying = world.session("dying").dying().start();
    let ecs = Clients::of(&world, "a").ecs;
    let running = ecs.list_tasks().cluster("sessions").send().await.unwrap();
    assert_eq!(running.task_arns(), [live.arn()]);
    let stopped = ecs.list_tasks().cluster("sessions").desired_status(DesiredStatus::Stopped);
    assert_eq!(stopped.send().await.unwrap().task_arns(), [dying.arn()]);
    let mine = ecs.list_tasks().cluster("sessions").started_by("platform");
    assert_eq!(mine.clone().send().await.unwrap().task_arns(), [live.arn()]);
    assert!(mine.family("session").send().await.is_err(), "startedBy must be the only filter");
    let absent = ecs.list_tasks().cluster("nowhere").send().await.unwrap_err().into_service_error();
    assert!(absent.is_cluster_not_found_exception());
}

#[tokio::test(start_paused = true)]
async fn lists_clusters() {
    let world = World::new(Setup::default());
    world.session("x").in_cluster("other").start();
    let answer = Clients::of(&world, "a").ecs.list_clusters().send().await.unwrap();
    let expected = ["other", "sessions"].map(|name| world.setup().cluster_arn(name));
    assert_eq!(answer.cluster_arns(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_task_is_missing_and_a_foreign_arn_refuses_the_whole_call() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let ecs = Clients::of(&world, "a").ecs;
    let unknown = alice.arn().replace(alice.id(), &"0".repeat(32));
    let both = ecs.describe_tasks().cluster("sessions").tasks(alice.arn()).tasks(&unknown);
    let answer = both.send().await.unwrap();
    assert_eq!(answer.tasks().len(), 1);
    assert_eq!(answer.failures()[0].reason(), Some("MISSING"));
    assert_eq!(answer.failures()[0].arn(), Some(unknown.as_str()));
    for foreign in [("sessions/", "other/"), ("000000000000", "111111111111")] {
        let foreign = alice.arn().replace(foreign.0, foreign.1);
        let call = ecs.describe_tasks().cluster("sessions").tasks(alice.arn()).tasks(foreign);
        assert!(
            call.send().await.unwrap_err().into_service_error().is_invalid_parameter_exception()
        );
    }
    let many = ecs.describe_tasks().cluster("sessions").set_tasks(Some(vec![unknown; 101]));
    assert!(many.send().await.unwrap_err().into_service_error().is_invalid_parameter_exception());
}

#[tokio::test(start_paused = true)]
async fn describes_identity_address_and_tags() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").tag("k", "v").start();
    let clients = Clients::of(&world, "a");
    let task = clients.task(&alice).await;
    assert_eq!(task.tags()[0].value(), Some("v"));
    assert_eq!(task.group(), Some("family:session"));
    assert_eq!(task.created_at().unwrap().secs(), world.now().as_second() - 60);
    let environment = task.overrides().unwrap().container_overrides()[0].environment();
    assert_eq!(environment[0].value(), Some("alice"));
    let details = task.attachments()[0].details();
    let address = details.iter().find(|detail| detail.name() == Some("privateIPv4Address"));
    assert_eq!(address.unwrap().value().unwrap(), alice.address().to_string());
    let untagged = clients.ecs.describe_tasks().cluster("sessions").tasks(alice.id());
    assert!(untagged.send().await.unwrap().tasks()[0].tags().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_rises_through_its_phases() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").starting().start();
    let mut seen = Vec::new();
    for wait in [0, 5, 10, 1] {
        advance(secs(wait)).await;
        seen.push(world.phase(&alice));
        assert_eq!(world.registered("sessions").is_empty(), seen.last() != Some(&Phase::Running));
    }
    assert_eq!(seen, [Phase::Provisioning, Phase::Pending, Phase::Activating, Phase::Running]);
    let stuck = world.session("stuck").never_started().start();
    advance(secs(100_000)).await;
    assert_eq!(world.phase(&stuck), Phase::Pending);
    assert!(Clients::of(&world, "a").task(&stuck).await.started_at().is_none());
}

#[tokio::test(start_paused = true)]
async fn stopping_deletes_tags_and_falls_through_the_phases() {
    let world = World::new(Setup { latency: Latency::none(), ..Setup::default() });
    let alice = world.session("alice").tag("k", "v").start();
    let clients = Clients::of(&world, "a");
    let before = clients.task(&alice).await.version();
    clients.stop(&alice).await;
    let task = clients.task(&alice).await;
    assert!(task.tags().is_empty());
    assert_eq!(task.desired_status(), Some("STOPPED"));
    assert_eq!(task.stopped_reason(), Some("session-cleanup: test"));
    assert!(task.version() > before);
    let mut seen = vec![world.phase(&alice)];
    for wait in [1, 29, 10] {
        sleep(secs(wait)).await;
        seen.push(world.phase(&alice));
    }
    let expected = [Phase::Deactivating, Phase::Stopping, Phase::Deprovisioning, Phase::Stopped];
    assert_eq!(seen, expected);
    let task = clients.task(&alice).await;
    assert_eq!(task.containers()[0].exit_code(), Some(137));
    assert!(task.stopped_at().is_some());
    assert!(!task.attachments()[0].details().is_empty(), "the address stays visible");
    clients.stop(&alice).await;
    sleep(secs(3600)).await;
    assert_eq!(clients.describe(&alice).await.failures()[0].reason(), Some("MISSING"));
    let gone = clients.ecs.stop_task().cluster("sessions").task(alice.arn()).send().await;
    let gone = gone.unwrap_err().into_service_error();
    assert!(gone.to_string().contains("InvalidParameterException"), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn a_reason_has_at_most_255_characters() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let call = Clients::of(&world, "a").ecs.stop_task().cluster("sessions").task(alice.arn());
    assert!(call.reason("x".repeat(256)).send().await.is_err());
    assert!(!world.is_stopping(&alice));
}

#[tokio::test(start_paused = true)]
async fn tags_come_and_go_until_the_task_is_stopped() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let dead = world.session("dead").stopped(1).start();
    let ecs = Clients::of(&world, "a").ecs;
    let tag = Tag::builder().key("session-ended-at").value("now").build();
    ecs.tag_resource().resource_arn(alice.arn()).tags(tag.clone()).send().await.unwrap();
    assert_eq!(world.tags(&alice)["session-ended-at"], "now");
    let untag = ecs.untag_resource().resource_arn(alice.arn()).tag_keys("session-ended-at");
    untag.send().await.unwrap();
    assert!(world.tags(&alice).is_empty());
    assert!(ecs.tag_resource().resource_arn(dead.arn()).tags(tag).send().await.is_err());
}

/// A time in brackets, as some libraries write it, is no tag.
#[tokio::test(start_paused = true)]
async fn a_tag_that_ecs_could_not_keep_is_refused() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let ecs = Clients::of(&world, "a").ecs;
    let tagged = async |key: &str, value: &str| {
        let tag = Tag::builder().key(key).value(value).build();
        let answer = ecs.tag_resource().resource_arn(alice.arn()).tags(tag).send().await;
        answer
            .map(drop)
            .map_err(|refused| refused.into_service_error().meta().code().map(str::to_owned))
    };
    let refused = Err(Some("InvalidParameterException".to_owned()));
    assert_eq!(tagged("session-ended-at", "2026-11-02T09:00:00Z[UTC]").await, refused);
    assert_eq!(tagged("session#1", "x").await, refused);
    assert_eq!(tagged("k", &"x".repeat(257)).await, refused);
    assert!(world.tags(&alice).is_empty());
    assert_eq!(tagged("a key", "of Ümlaut +-=._:/@ 1").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn reads_lag_behind_a_new_task() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").starting().hidden_for(secs(3)).start();
    let clients = Clients::of(&world, "a");
    assert_eq!(clients.describe(&alice).await.failures().len(), 1);
    sleep(secs(3)).await;
    assert_eq!(clients.describe(&alice).await.tasks().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn token_buckets_throttle_and_refill() {
    let world =
        World::new(Setup { limits: Limits::aws(), latency: Latency::none(), ..Setup::default() });
    let ecs = Clients::of(&world, "a").ecs;
    for _ in 0..100 {
        ecs.list_tasks().cluster("sessions").send().await.unwrap();
    }
    let refused = ecs.describe_tasks().cluster("sessions").tasks("x").send().await.unwrap_err();
    assert_eq!(refused.into_service_error().meta().code(), Some("ThrottlingException"));
    assert_eq!(world.throttles(), 1);
    sleep(secs(1)).await;
    for n in 0..21 {
        let answer = ecs.list_tasks().cluster("sessions").send().await;
        assert_eq!(answer.is_ok(), n < 20);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_exactly_its_latency() {
    let world = World::new(Setup::default());
    let ecs = Clients::of(&world, "a").ecs;
    let start = Instant::now();
    ecs.list_clusters().send().await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 50);
}

#[tokio::test(start_paused = true)]
async fn the_event_is_the_task_without_tags() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").tag("k", "v").dying().start();
    let event = world.task_event(&alice);
    assert_eq!(event["detail-type"], "ECS Task State Change");
    assert_eq!(event["detail"]["desiredStatus"], "STOPPED");
    assert_eq!(event["detail"]["lastStatus"], "RUNNING");
    assert!(event["detail"].get("tags").is_none());
    assert!(event["detail"].get("stopCode").is_none());
    assert!(event["detail"]["createdAt"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_tasks_are_cheap() {
    let world = World::new(Setup::default());
    let group = world.setup().target_group_arn("sessions");
    for n in 0..10_000 {
        world.session(&format!("s{n}")).start();
    }
    let clients = Clients::of(&world, "a");
    let call = clients.ecs.list_tasks().cluster("sessions");
    let pages: Vec<_> = call.into_paginator().send().collect::<Result<_, _>>().await.unwrap();
    assert_eq!(pages.len(), 100);
    for page in &pages {
        let call = clients.ecs.describe_tasks().cluster("sessions");
        let answer = call.set_tasks(Some(page.task_arns().to_vec())).send().await.unwrap();
        assert_eq!(answer.tasks().len(), 100);
    }
    let health = clients.elb.describe_target_health().target_group_arn(group).send().await.unwrap();
    assert_eq!(health.target_health_descriptions().len(), 10_000);
}
