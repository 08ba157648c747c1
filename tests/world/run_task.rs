//! `RunTask`, as owners call it.

use aws_sdk_ecs::operation::run_task::RunTaskError;
use aws_sdk_ecs::operation::run_task::builders::RunTaskFluentBuilder;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerOverride,
    KeyValuePair, LaunchType, NetworkConfiguration, Tag, TaskOverride,
};
use aws_sdk_elasticloadbalancingv2::types::TargetDescription;
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Latency, Limits, Phase, Setup};
use tokio::time::sleep;

use crate::clients::{Clients, secs};

fn network() -> NetworkConfiguration {
    let vpc = AwsVpcConfiguration::builder().subnets("subnet-1").security_groups("sg-1");
    let vpc = vpc.assign_public_ip(AssignPublicIp::Disabled).build().unwrap();
    NetworkConfiguration::builder().awsvpc_configuration(vpc).build()
}

/// An override of a container's environment.
fn with(container: &str, name: &str, value: &str) -> TaskOverride {
    let pair = KeyValuePair::builder().name(name).value(value).build();
    let container = ContainerOverride::builder().name(container).environment(pair).build();
    TaskOverride::builder().container_overrides(container).build()
}

/// What an owner sends to start the session `alice`.
fn alice(clients: &Clients) -> RunTaskFluentBuilder {
    let call = clients.ecs.run_task().cluster("sessions").task_definition("session:7");
    call.launch_type(LaunchType::Fargate)
        .network_configuration(network())
        .overrides(with("session", "SESSION_ID", "alice"))
        .tags(Tag::builder().key("lease-expires-at").value("2026-11-02T09:30:00Z").build())
        .started_by("coordinator")
}

async fn refusal(call: RunTaskFluentBuilder) -> RunTaskError {
    call.send().await.unwrap_err().into_service_error()
}

#[tokio::test(start_paused = true)]
async fn a_task_is_provisioning_first_and_has_its_address_once_it_is_pending() {
    let world = World::new(Setup { latency: Latency::none(), ..Setup::default() });
    let clients = Clients::of(&world, "owner");
    let answer = alice(&clients).send().await.unwrap();
    assert!(answer.failures().is_empty());
    let [task] = answer.tasks() else { panic!("{answer:?}") };
    assert_eq!(task.last_status(), Some("PROVISIONING"));
    assert_eq!(task.desired_status(), Some("RUNNING"));
    assert!(task.attachments()[0].details().is_empty());
    let handle = world.task_of("alice").unwrap();
    assert_eq!(task.task_arn(), Some(handle.arn()));

    sleep(secs(5)).await;
    let task = clients.task(&handle).await;
    assert_eq!(task.last_status(), Some("PENDING"));
    let details = task.attachments()[0].details();
    let detail = |name| details.iter().find(|detail| detail.name() == Some(name)).unwrap().value();
    assert_eq!(detail("privateIPv4Address").unwrap(), handle.address().to_string());
    assert_eq!(detail("subnetId"), Some("subnet-1"));

    sleep(secs(11)).await;
    assert_eq!(world.phase(&handle), Phase::Running);
    assert_eq!(clients.container_health(handle.address()).await.unwrap().0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_task_is_what_the_request_says() {
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "owner");
    alice(&clients).send().await.unwrap();
    let handle = world.task_of("alice").unwrap();
    let task = clients.task(&handle).await;
    assert!(task.task_definition_arn().unwrap().contains("task-definition/session:"));
    assert_eq!(task.group(), Some("family:session"));
    assert_eq!(task.started_by(), Some("coordinator"));
    assert_eq!(task.tags()[0].key(), Some("lease-expires-at"));
    assert_eq!(task.tags()[0].value(), Some("2026-11-02T09:30:00Z"));
    let [container] = task.overrides().unwrap().container_overrides() else { panic!("{task:?}") };
    assert_eq!(container.environment()[0].name(), Some("SESSION_ID"));
    assert_eq!(container.environment()[0].value(), Some("alice"));

    let other = alice(&clients).group("agents").overrides(with("session", "WORK", "alice"));
    let other = other.task_definition("arn:aws:ecs:us-east-1:000000000000:task-definition/web:1");
    let other = other.send().await.unwrap().tasks()[0].clone();
    assert_eq!(other.group(), Some("agents"));
    assert!(other.task_definition_arn().unwrap().contains("task-definition/web:"));
    assert_eq!(world.task_of("alice"), Some(handle), "another variable makes no session of it");
}

#[tokio::test(start_paused = true)]
async fn nobody_registers_it_but_its_owner() {
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "owner");
    alice(&clients).send().await.unwrap();
    sleep(secs(60)).await;
    assert!(world.registered("sessions").is_empty());
    let address = world.task_of("alice").unwrap().address();
    let target = TargetDescription::builder().id(address.to_string()).port(8080).build();
    let group = world.setup().target_group_arn("sessions");
    let call = clients.elb.register_targets().target_group_arn(group).targets(target);
    call.send().await.unwrap();
    sleep(secs(10)).await;
    assert_eq!(clients.health(address).await, "healthy");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_room_there_is_it_answers_with_failures() {
    let world = World::new(Setup { room_for_tasks: Some(3), ..Setup::default() });
    let clients = Clients::of(&world, "owner");
    let bob = world.session("bob").start();
    let answer = alice(&clients).count(4).send().await.unwrap();
    assert_eq!((answer.tasks().len(), answer.failures().len()), (2, 2));
    assert!(answer.failures()[0].reason().unwrap().starts_with("Capacity is unavailable"));
    let addresses = [bob.address(), world.task_of("alice").unwrap().address()];
    assert_ne!(addresses[0], addresses[1]);
    clients.stop(&bob).await;
    sleep(secs(60)).await;
    let answer = alice(&clients).send().await.unwrap();
    assert_eq!((answer.tasks().len(), answer.failures().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_request_is_refused_as_ecs_does() {
    let world = World::new(Setup::default());
    let clients = Clients::of(&world, "owner");
    let good = || alice(&clients);
    assert!(refusal(good().cluster("nowhere")).await.is_cluster_not_found_exception());
    assert!(refusal(good().task_definition("")).await.is_client_exception());
    let spot = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT");
    let spot = spot.build().unwrap();
    let wrong = [
        good().set_network_configuration(None),
        good().overrides(with("no-such-container", "SESSION_ID", "alice")),
        good().started_by("has.a.dot"),
        good().count(11),
        good().set_launch_type(None),
        good().launch_type(LaunchType::Ec2),
        good().capacity_provider_strategy(spot.clone()),
    ];
    for call in wrong {
        let shown = format!("{call:?}");
        let refused = refusal(call).await;
        assert!(refused.is_invalid_parameter_exception(), "{refused} to {shown}");
    }
    assert_eq!(world.task_of("alice"), None);
    let on_spot = good().set_launch_type(None).capacity_provider_strategy(spot);
    assert_eq!(on_spot.send().await.unwrap().tasks().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_shares_its_bucket_with_stop_task() {
    let setup = Setup { limits: Limits::aws(), latency: Latency::none(), ..Setup::default() };
    let world = World::new(setup);
    let clients = Clients::of(&world, "owner");
    let bob = world.session("bob").ended_by_owner().completed().start();
    clients.task(&bob).await;
    for _ in 0..50 {
        alice(&clients).send().await.unwrap();
        clients.stop(&bob).await;
    }
    let refused = refusal(alice(&clients)).await;
    assert_eq!(refused.meta().code(), Some("ThrottlingException"));
}
