//! What fails for a while: services, and the connections of a sandbox that was frozen.

use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, FaultKind, Latency, Origin, Outcome, Service, Setup};
use tokio::time::sleep;

use crate::clients::{Clients, secs};

fn stage() -> (World, Clients) {
    let world = World::new(Setup { latency: Latency::none(), ..Setup::default() });
    let clients = Clients::of(&world, "a");
    (world, clients)
}

async fn lists(clients: &Clients) -> bool {
    clients.ecs.list_tasks().cluster("sessions").send().await.is_ok()
}

async fn lists_clusters(clients: &Clients) -> bool {
    clients.ecs.list_clusters().send().await.is_ok()
}

async fn reads(clients: &Clients) -> bool {
    clients.s3.get_object().bucket("ledger").key("k").send().await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_service_begins_and_ends_and_leaves_others_alone() {
    let (world, clients) = stage();
    world.put_object("ledger", "k", "{}");
    let (from, until) = (world.now() + secs(10), world.now() + secs(20));
    world.outage(Service::Ecs, FaultKind::ServerError, from, until);
    assert!(lists(&clients).await);
    sleep(secs(10)).await;
    assert!(!lists(&clients).await && !lists_clusters(&clients).await);
    assert!(reads(&clients).await);
    sleep(secs(10)).await;
    assert!(lists(&clients).await);
    let met = world.faults_met();
    assert_eq!(met.len(), 2);
    assert!(met.iter().all(|one| one.origin == Origin::Outage));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_one_operation_leaves_the_others_of_its_service_alone() {
    let (world, clients) = stage();
    let now = world.now();
    world.outage(Api::ListTasks, FaultKind::Throttled, now, now + secs(10));
    assert!(!lists(&clients).await && lists_clusters(&clients).await);
    world.faults_cease();
    assert!(lists(&clients).await);
}

#[tokio::test(start_paused = true)]
async fn an_outage_passes_over_calls_that_its_kind_does_not_fit() {
    let (world, clients) = stage();
    world.put_object("ledger", "k", "{}");
    let now = world.now();
    world.outage(Service::S3, FaultKind::Conflict, now, now + secs(10));
    assert!(reads(&clients).await);
    let put = || clients.s3.put_object().bucket("ledger").key("k");
    assert!(put().send().await.is_ok());
    assert!(put().if_none_match("*").send().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_a_frozen_callers_pool_is_dead_at_its_next_use() {
    let (world, clients) = stage();
    let alice = world.session("alice").start();
    let other = Clients::of(&world, "b");
    let describe = || clients.ecs.describe_tasks().cluster("sessions").tasks(alice.arn()).send();
    // Two connections wait to ECS, one to S3. Without latency, one would do for both.
    world.adjust(|setup| setup.latency = Latency::default());
    world.put_object("ledger", "k", "{}");
    let (one, two) = tokio::join!(describe(), describe());
    assert!(one.is_ok() && two.is_ok() && reads(&clients).await && lists(&other).await);
    sleep(secs(30)).await;
    world.freezes("a");
    let stop = || clients.ecs.stop_task().cluster("sessions").task(alice.arn()).send();
    assert!(stop().await.is_err());
    assert!(!world.is_stopping(&alice), "nothing has arrived");
    assert_eq!(world.calls().last().unwrap().outcome, Outcome::Reset);
    assert!(!reads(&clients).await, "to every host");
    assert!(stop().await.is_err(), "each of them once");
    assert!(stop().await.is_ok() && reads(&clients).await, "then a new one is opened");
    assert!(lists(&other).await, "only this caller's");
    assert!(stop().await.is_ok(), "and kept");
    assert!(world.faults_met().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_has_used_for_long_is_gone_and_not_dead() {
    let (world, clients) = stage();
    assert!(lists(&clients).await);
    world.freezes("a");
    sleep(secs(90)).await;
    assert!(lists(&clients).await);
}
