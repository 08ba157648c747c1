//! ELBv2.

use aws_sdk_elasticloadbalancingv2::types::TargetDescription;
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Health, Latency, Setup};
use std::net::Ipv4Addr;
use tokio::time::sleep;

use crate::clients::{Clients, secs};

fn instant() -> World {
    World::new(Setup { latency: Latency::none(), ..Setup::default() })
}

#[tokio::test(start_paused = true)]
async fn health_follows_the_truth() {
    let world = instant();
    let alice = world.session("alice").start();
    let mute = world.session("mute").silent().start();
    let closed = world.session("closed").refuses().start();
    let dead = world.session("dead").stopped(1).start();
    let stray = Ipv4Addr::new(127, 0, 99, 1);
    world.leave_target("sessions", stray);
    let clients = Clients::of(&world, "a");
    assert_eq!(clients.health(alice.address()).await, "healthy");
    assert_eq!(clients.health(mute.address()).await, "unhealthy Target.Timeout");
    assert_eq!(clients.health(closed.address()).await, "unhealthy Target.FailedHealthChecks");
    assert_eq!(clients.health(dead.address()).await, "unhealthy Target.Timeout");
    assert_eq!(clients.health(stray).await, "unhealthy Target.Timeout");
    assert_eq!(clients.health(Ipv4Addr::new(127, 0, 99, 9)).await, "unused Target.NotRegistered");
    world.completes_by_itself(&alice);
    assert_eq!(clients.health(alice.address()).await, "unhealthy Target.ResponseCodeMismatch");
    world.report("sessions", stray, Health::new("unavailable", "Elb.InternalError"));
    assert_eq!(clients.health(stray).await, "unavailable Elb.InternalError");
    world.report_truth("sessions", stray);
    assert_eq!(clients.health(stray).await, "unhealthy Target.Timeout");
}

#[tokio::test(start_paused = true)]
async fn a_dead_container_is_called_healthy_for_a_while() {
    let world = instant();
    world.adjust(|setup| setup.health.unhealthy_after = secs(20));
    let alice = world.session("alice").start();
    world.crash(&alice, 137);
    sleep(secs(15)).await;
    assert_eq!(world.health("sessions", alice.address()), Health::new("healthy", ""));
    sleep(secs(5)).await;
    assert_eq!(
        world.health("sessions", alice.address()),
        Health::new("unhealthy", "Target.Timeout")
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_drains_and_can_be_re_registered() {
    let world = instant();
    let alice = world.session("alice").start();
    let clients = Clients::of(&world, "a");
    clients.deregister(alice.address()).await;
    assert_eq!(clients.health(alice.address()).await, "draining Target.DeregistrationInProgress");
    let target = TargetDescription::builder().id(alice.address().to_string()).port(8080).build();
    let group = world.setup().target_group_arn("sessions");
    let back = clients.elb.register_targets().target_group_arn(&group).targets(target);
    back.send().await.unwrap();
    assert_eq!(clients.health(alice.address()).await, "initial Elb.RegistrationInProgress");
    sleep(secs(5)).await;
    assert_eq!(clients.health(alice.address()).await, "initial Elb.InitialHealthChecking");
    sleep(secs(5)).await;
    assert_eq!(clients.health(alice.address()).await, "healthy");
    clients.deregister(alice.address()).await;
    sleep(secs(300)).await;
    assert_eq!(clients.health(alice.address()).await, "unused Target.NotRegistered");
    let all = clients.elb.describe_target_health().target_group_arn(group).send().await.unwrap();
    assert!(all.target_health_descriptions().is_empty());
    clients.deregister(alice.address()).await;
}

#[tokio::test(start_paused = true)]
async fn a_reused_address_is_healthy_again() {
    let world = instant();
    let old = world.session("old").stopped(0).start();
    assert_eq!(world.health("sessions", old.address()), Health::new("unhealthy", "Target.Timeout"));
    world.session("new").unregistered().at_address_of(&old).start();
    assert_eq!(world.health("sessions", old.address()), Health::new("healthy", ""));
}

#[tokio::test(start_paused = true)]
async fn describes_groups_and_refuses_unknown_ones() {
    let world = instant();
    world.add_target_group("other");
    let elb = Clients::of(&world, "a").elb;
    let groups = elb.describe_target_groups().send().await.unwrap();
    let names: Vec<_> =
        groups.target_groups().iter().filter_map(|g| g.target_group_name()).collect();
    assert_eq!(names.len(), 2);
    assert_eq!(groups.target_groups()[0].target_type().unwrap().as_str(), "ip");
    let one = elb.describe_target_groups().names("sessions").send().await.unwrap();
    let arn = world.setup().target_group_arn("sessions");
    assert_eq!(one.target_groups()[0].target_group_arn(), Some(arn.as_str()));
    let unknown = world.setup().target_group_arn("nowhere");
    let refused = elb.describe_target_health().target_group_arn(unknown).send().await.unwrap_err();
    assert!(refused.into_service_error().is_target_group_not_found_exception());
}

#[tokio::test(start_paused = true)]
async fn a_read_shows_a_target_as_it_was_before_the_last_change() {
    let world = instant();
    world.adjust(|setup| setup.health.reads_lag = secs(10));
    let alice = world.session("alice").start();
    sleep(secs(10)).await;
    let clients = Clients::of(&world, "a");
    let listed = async || {
        let group = world.setup().target_group_arn("sessions");
        let all = clients.elb.describe_target_health().target_group_arn(group).send().await;
        all.unwrap().target_health_descriptions().len()
    };
    clients.deregister(alice.address()).await;
    assert_eq!(clients.health(alice.address()).await, "healthy");
    assert_eq!(world.health("sessions", alice.address()).state, "draining", "that is the truth");
    sleep(secs(10)).await;
    assert_eq!(clients.health(alice.address()).await, "draining Target.DeregistrationInProgress");
    sleep(secs(300)).await;
    assert_eq!(listed().await, 0);
    world.owner_registers(&alice);
    assert_eq!(clients.health(alice.address()).await, "unused Target.NotRegistered");
    assert_eq!(listed().await, 0);
    sleep(secs(10)).await;
    assert_eq!(listed().await, 1);
}

#[tokio::test(start_paused = true)]
async fn deregistering_another_port_does_nothing() {
    let world = instant();
    let alice = world.session("alice").registered_at_port(9090).start();
    let clients = Clients::of(&world, "a");
    clients.deregister(alice.address()).await;
    assert_eq!(world.registered_ports("sessions", alice.address()), [9090]);
    assert_eq!(world.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_address_outside_the_vpc_is_registered_with_the_zone_all_and_no_other_is() {
    let world = instant();
    let alice = world.session("alice").outside_the_vpc().start();
    let bob = world.session("bob").start();
    let clients = Clients::of(&world, "a");
    let group = world.setup().target_group_arn("sessions");
    let shown = clients.elb.describe_target_health().target_group_arn(&group).send().await.unwrap();
    let zones: Vec<_> = shown
        .target_health_descriptions()
        .iter()
        .filter_map(|one| one.target()?.availability_zone())
        .collect();
    assert_eq!(zones, ["all"]);
    for (address, zone, works) in [
        (alice.address(), None, false),
        (alice.address(), Some("all"), true),
        (bob.address(), None, true),
        (bob.address(), Some("all"), false),
    ] {
        let target = TargetDescription::builder().id(address.to_string()).port(8080);
        let target = target.set_availability_zone(zone.map(str::to_owned)).build();
        let call = clients.elb.register_targets().target_group_arn(&group).targets(target);
        assert_eq!(call.send().await.is_ok(), works, "{address} {zone:?}");
    }
}
