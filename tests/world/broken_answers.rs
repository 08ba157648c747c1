//! Answers that are late, break off, or are somebody else's.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use http_body_util::{BodyExt, Collected};
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, BodyShape, Fault, FaultKind, Latency, Outcome, Setup};
use tokio::time::{Instant, sleep};

use crate::clients::{Clients, secs, text};

fn stage(seed: u64) -> (World, Clients) {
    let world = World::new(Setup { seed, latency: Latency::none(), ..Setup::default() });
    let clients = Clients::of(&world, "a");
    (world, clients)
}

fn last(world: &World) -> Outcome {
    world.calls().last().unwrap().outcome.clone()
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_takes_some_time_that_is_the_same_each_time() {
    let mut waits = Vec::new();
    for seed in (0..20).chain(0..20) {
        let (world, clients) = stage(seed);
        let alice = world.session("alice").uploads_in(Duration::ZERO).start();
        world.fault(Fault::at("a", 1, FaultKind::Slow));
        let start = Instant::now();
        let completing = clients.complete(alice.address(), "alice");
        let look = async {
            sleep(Duration::from_millis(1)).await;
            world.has_completed(&alice)
        };
        let (answer, applied) = tokio::join!(completing, look);
        assert!(applied, "it is applied in time");
        assert_eq!(answer.is_ok(), start.elapsed() < secs(20), "where its caller still waits");
        waits.push(start.elapsed());
    }
    assert_eq!(waits[..20], waits[20..]);
    let (shortest, longest) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(*shortest >= secs(1) / 2 && *shortest < secs(2), "{shortest:?}");
    assert_eq!(*longest, secs(20), "beyond the time limit of the caller");
}

#[tokio::test(start_paused = true)]
async fn a_truncated_answer_of_aws_was_applied_and_cannot_be_read() {
    for seed in 0..12 {
        let (world, clients) = stage(seed);
        let alice = world.session("alice").start();
        world.fault(Fault::on(Api::StopTask).kind(FaultKind::Truncated));
        let call = clients.ecs.stop_task().cluster("sessions").task(alice.arn());
        let problem = format!("{:?}", call.send().await.unwrap_err());
        assert!(world.is_stopping(&alice));
        assert_eq!(last(&world), Outcome::BrokenOff);
        assert!(problem.contains("ConnectionReset"), "AWS announces how long its bodies are");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_breaks_off_where_there_is_no_body_or_no_success() {
    let (world, clients) = stage(0);
    world.fault(Fault::anywhere().always().kind(FaultKind::Truncated));
    let body = ByteStream::from_static(b"{}");
    clients.s3.put_object().bucket("ledger").key("k").body(body).send().await.unwrap();
    clients.s3.head_object().bucket("ledger").key("k").send().await.unwrap();
    assert!(world.faults_met().is_empty());
    let missing = clients.s3.get_object().bucket("ledger").key("x").send().await.unwrap_err();
    assert!(missing.into_service_error().is_no_such_key());
    assert_eq!(last(&world), Outcome::Answered(404, Some("NoSuchKey")));
}

#[tokio::test(start_paused = true)]
async fn a_truncated_object_ends_in_an_error() {
    let (world, clients) = stage(0);
    world.put_object("ledger", "k", "0123456789");
    world.fault(Fault::at("a", 1, FaultKind::Truncated));
    let got = clients.s3.get_object().bucket("ledger").key("k").send().await.unwrap();
    assert!(got.body.collect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_containers_truncated_answer_is_shorter_or_ends_in_an_error() {
    let mut ways = BTreeSet::new();
    for seed in 0..12 {
        let (world, clients) = stage(seed);
        let alice = world.session("alice").start();
        world.fault(Fault::at("a", 1, FaultKind::Truncated));
        let (status, body) = clients.container_health(alice.address()).await.unwrap();
        assert_eq!(status, 200);
        ways.insert(body.collect().await.map(Collected::to_bytes).ok());
    }
    let (broken, shorter) = (ways.first().unwrap(), ways.last().unwrap());
    assert!(broken.is_none() && ways.len() == 2);
    assert!(serde_json::from_slice::<serde_json::Value>(shorter.as_ref().unwrap()).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_container_whose_answer_breaks_off_has_completed() {
    for seed in 0..4 {
        let (world, clients) = stage(seed);
        let alice = world.session("alice").ended_by_owner().start();
        clients.describe(&alice).await;
        world.fault(Fault::on(Api::ContainerComplete).kind(FaultKind::Truncated));
        assert_eq!(clients.complete(alice.address(), "alice").await, Ok(200));
        assert!(world.has_completed(&alice));
        sleep(secs(6)).await;
        clients.stop(&alice).await;
        world.assert_unharmed();
    }
}

#[tokio::test(start_paused = true)]
async fn what_answers_in_a_containers_place_is_never_a_confirmation() {
    for kind in [FaultKind::Garbage, FaultKind::Unready] {
        let (world, clients) = stage(0);
        let alice = world.session("alice").ended_by_owner().start();
        clients.describe(&alice).await;
        world.fault(Fault::on(Api::ContainerComplete).kind(kind));
        let status = if kind == FaultKind::Garbage { 200 } else { 503 };
        assert_eq!(clients.complete(alice.address(), "alice").await, Ok(status));
        assert!(!world.has_completed(&alice));
        clients.stop(&alice).await;
        assert!(world.violations()[0].starts_with("I3"), "{:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_is_a_page_or_a_document_and_names_no_session() {
    let mut said = BTreeSet::new();
    for seed in 0..24 {
        let (world, clients) = stage(seed);
        let alice = world.session("alice").start();
        world.fault(Fault::at("a", 1, FaultKind::Garbage));
        let (status, body) = clients.container_health(alice.address()).await.unwrap();
        assert_eq!(status, 200);
        said.insert(text(body).await);
    }
    assert_eq!(said.len(), 4, "each with and without a byte order mark");
    assert_eq!(said.iter().filter(|text| text.starts_with('\u{feff}')).count(), 2);
    assert!(said.iter().all(|text| !text.contains("alice")));
}

#[tokio::test(start_paused = true)]
async fn a_container_may_break_off_every_answer_of_its_own() {
    let (world, clients) = stage(0);
    let alice = world.session("alice").start();
    world.behaves(&alice, |container| container.body = BodyShape::BreaksOff);
    let (status, body) = clients.container_health(alice.address()).await.unwrap();
    assert_eq!(status, 200);
    assert!(body.collect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn only_a_conditional_write_meets_a_conflict_and_it_is_not_applied() {
    let (world, clients) = stage(0);
    world.fault(Fault::anywhere().always().kind(FaultKind::Conflict));
    let put = |body: &'static str| {
        let body = ByteStream::from_static(body.as_bytes());
        clients.s3.put_object().bucket("ledger").key("k").body(body)
    };
    put("1").send().await.unwrap();
    for conditional in [put("2").if_none_match("*"), put("2").if_match("\"x\"")] {
        let refused = conditional.send().await.unwrap_err();
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 409);
        assert_eq!(refused.code(), Some("ConditionalRequestConflict"));
    }
    assert_eq!(world.object("ledger", "k").unwrap(), "1");
    assert_eq!(world.faults_met().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_a_later_page_expires() {
    let (world, clients) = stage(0);
    for number in 0..3 {
        world.session(&format!("s-{number}")).start();
        world.put_object("ledger", &format!("intents/{number}"), "{}");
    }
    world.fault(Fault::anywhere().always().kind(FaultKind::ExpiredPage));
    let list = || clients.ecs.list_tasks().cluster("sessions").max_results(2);
    let page = list().send().await.unwrap();
    assert_eq!(page.task_arns().len(), 2);
    let refused = list().next_token(page.next_token().unwrap()).send().await.unwrap_err();
    assert!(refused.into_service_error().is_invalid_parameter_exception());
    let list = || clients.s3.list_objects_v2().bucket("ledger").max_keys(2);
    let page = list().send().await.unwrap();
    let token = page.next_continuation_token().unwrap();
    let refused = list().continuation_token(token).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidArgument"));
}

/// The SDK would take what is left of a list in XML for the whole of it.
#[tokio::test(start_paused = true)]
async fn a_truncated_listing_of_targets_is_no_listing() {
    for seed in 0..12 {
        let (world, clients) = stage(seed);
        for number in 0..5 {
            world.session(&format!("s-{number}")).start();
        }
        world.fault(Fault::at("a", 1, FaultKind::Truncated));
        let group = world.setup().target_group_arn("sessions");
        let call = clients.elb.describe_target_health().target_group_arn(group);
        assert!(call.send().await.is_err(), "seed {seed}");
    }
}
