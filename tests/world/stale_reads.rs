//! Reads that show the world as it was some seconds ago: never as it never was.

use std::net::Ipv4Addr;

use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Fault, FaultKind, Latency, Setup, TaskHandle};
use tokio::time::sleep;

use crate::clients::{Clients, secs};

/// In which every read is stale: by how much, the seed says.
fn stage() -> (World, Clients) {
    let world = World::new(Setup { latency: Latency::none(), ..Setup::default() });
    world.fault(Fault::anywhere().always().kind(FaultKind::Stale));
    let clients = Clients::of(&world, "a");
    (world, clients)
}

async fn listed(clients: &Clients, status: &str) -> usize {
    let call = clients.ecs.list_tasks().cluster("sessions").desired_status(status.into());
    call.send().await.unwrap().task_arns().len()
}

/// Every half second for twelve seconds.
async fn often<T>(look: impl AsyncFn() -> T) -> Vec<T> {
    let mut seen = Vec::new();
    for _ in 0..24 {
        sleep(secs(1) / 2).await;
        seen.push(look().await);
    }
    seen
}

fn tag(task: &aws_sdk_ecs::types::Task, name: &str) -> Option<String> {
    let tag = task.tags().iter().find(|tag| tag.key() == Some(name))?;
    tag.value().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_just_begun_is_not_there_yet() {
    let (world, clients) = stage();
    let alice = world.session("alice").starting().start();
    let seen = often(async || {
        let described = clients.describe(&alice).await;
        (described.tasks().len(), described.failures().len(), listed(&clients, "RUNNING").await)
    });
    let seen = seen.await;
    assert!(seen.iter().any(|(there, missing, _)| (*there, *missing) == (0, 1)));
    assert!(seen.iter().any(|(_, _, listed)| *listed == 0));
    sleep(secs(60)).await;
    let described = clients.describe(&alice).await;
    let seen = (described.tasks().len(), listed(&clients, "RUNNING").await);
    assert_eq!(seen, (1, 1), "staler than a minute is no read");
}

#[tokio::test(start_paused = true)]
async fn a_stop_shows_late_and_whole() {
    let (world, clients) = stage();
    let alice = world.session("alice").ended_by_owner().tag("owner", "us").start();
    sleep(secs(60)).await;
    clients.stop(&alice).await;
    let seen = often(async || {
        let task = clients.task(&alice).await;
        let listed = (listed(&clients, "RUNNING").await, listed(&clients, "STOPPED").await);
        (task, listed)
    });
    let seen = seen.await;
    let mut runs = 0;
    for (task, _) in &seen {
        if task.desired_status() == Some("RUNNING") {
            runs += 1;
            assert_eq!(task.last_status(), Some("RUNNING"));
            assert!(task.stopping_at().is_none() && task.stop_code().is_none());
            assert_eq!(tag(task, "owner").as_deref(), Some("us"), "the tags of that time");
            assert_eq!(task.version(), 4);
        } else {
            assert!(task.stopping_at().is_some() && task.stop_code().is_some());
            assert!(task.tags().is_empty());
        }
    }
    assert!(runs > 0 && runs < seen.len());
    assert!(seen.iter().all(|(_, (one, other))| one + other == 1 || one == other));
    assert!(seen.iter().any(|(_, (one, _))| *one == 1));
    sleep(secs(60)).await;
    assert_eq!((listed(&clients, "RUNNING").await, listed(&clients, "STOPPED").await), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_tag_shows_late_with_the_value_of_that_time() {
    let (world, clients) = stage();
    let alice = world.session("alice").start();
    sleep(secs(20)).await;
    for value in ["1", "2"] {
        world.set_tag(&alice, "turn", value);
        sleep(secs(5)).await;
    }
    let seen = often(async || tag(&clients.task(&alice).await, "turn")).await;
    for value in [None, Some("1"), Some("2")] {
        assert!(seen.iter().any(|seen| seen.as_deref() == value), "{value:?} of {seen:?}");
    }
    world.remove_tag(&alice, "turn");
    let seen = often(async || tag(&clients.task(&alice).await, "turn")).await;
    assert!(seen.contains(&Some("2".to_owned())) && seen.contains(&None));
}

fn health_of(world: &World, address: Ipv4Addr) -> String {
    world.health("sessions", address).state
}

#[tokio::test(start_paused = true)]
async fn a_registration_and_its_end_show_late() {
    let (world, clients) = stage();
    let alice = world.session("alice").unregistered().start();
    let address = alice.address();
    let group = world.setup().target_group_arn("sessions");
    let target = aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder();
    let target = target.id(address.to_string()).port(8080).build();
    sleep(secs(20)).await;
    let call = clients.elb.register_targets().target_group_arn(group).targets(target);
    call.send().await.unwrap();
    let unregistered = "unused Target.NotRegistered";
    let seen = often(async || clients.health(address).await).await;
    assert!(seen.contains(&unregistered.to_owned()) && seen.last().unwrap() != unregistered);
    sleep(secs(20)).await;
    assert_eq!(clients.health(address).await, "healthy");
    clients.deregister(address).await;
    assert_eq!(health_of(&world, address), "draining");
    let seen = often(async || clients.health(address).await).await;
    assert!(seen.contains(&"healthy".to_owned()));
    assert_eq!(seen.last().unwrap(), "draining Target.DeregistrationInProgress");
}

/// The address has another task now; what is shown is still the old one's.
#[tokio::test(start_paused = true)]
async fn a_target_whose_address_changed_hands_is_shown_as_it_was() {
    let (world, clients) = stage();
    world.adjust(|setup| setup.dwell.deactivating = std::time::Duration::ZERO);
    let old = world.session("old").start();
    sleep(secs(20)).await;
    world.crash(&old, 1);
    sleep(secs(1) / 10).await;
    world.session("new").starting().at_address_of(&old).start();
    let seen = often(async || clients.health(old.address()).await).await;
    assert!(seen.contains(&"healthy".to_owned()), "{seen:?}");
    assert!(seen.contains(&"unhealthy Target.Timeout".to_owned()), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stale_look_at_a_session_that_is_over_makes_it_no_live_one() {
    let (world, clients) = stage();
    let alice = world.session("alice").start();
    sleep(secs(20)).await;
    world.owner_ends(&alice);
    clients.describe(&alice).await;
    clients.complete(alice.address(), "alice").await.unwrap();
    world.assert_unharmed();
}

/// What a caller was shown counts, as for every look: what it could not know does not.
#[tokio::test(start_paused = true)]
async fn a_stale_look_is_judged_by_what_it_showed() {
    let told = async |fault: Fault| {
        let world = World::new(Setup { latency: Latency::none(), ..Setup::default() });
        let clients = Clients::of(&world, "a");
        let alice: TaskHandle = world.session("alice").leased_for(secs(5)).start();
        sleep(secs(20)).await;
        let until = world.now() + secs(600);
        world.set_tag(&alice, "lease-expires-at", &until.to_string());
        sleep(secs(1) / 2).await;
        world.fault(fault);
        clients.describe(&alice).await;
        clients.complete(alice.address(), "alice").await.unwrap();
        world.violations()
    };
    let look = Fault::on(Api::DescribeTasks);
    assert_eq!(told(look.clone().kind(FaultKind::Stale)).await, Vec::<String>::new());
    assert_eq!(told(look.delayed(secs(1))).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn s3_and_containers_are_never_stale() {
    let (world, clients) = stage();
    let alice = world.session("alice").start();
    clients.container_health(alice.address()).await.unwrap();
    world.put_object("ledger", "k", "1");
    clients.s3.get_object().bucket("ledger").key("k").send().await.unwrap();
    clients.s3.list_objects_v2().bucket("ledger").send().await.unwrap();
    clients.stop(&alice).await;
    assert!(world.faults_met().is_empty());
}
