//! Today's way, measured: the process that started the session also cleans it up, and does one
//! thing after the other.

use crate::demo::Failure;
use crate::local_aws::REGION;
use crate::served::Served;
use crate::world::TaskHandle;
use aws_credential_types::Credentials;
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealthStateEnum};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// A measured step: name, start and length.
pub(super) type Measured = (&'static str, Duration, Duration);

/// Uploads, waits, deregisters the target, waits, and stops the task.
pub(super) async fn clean_up(served: &Served, task: &TaskHandle) -> Result<Vec<Measured>, Failure> {
    served.world().owner_ends(task);
    let began = Instant::now();
    let mut steps = Vec::new();
    let mut step = |name, since: Instant| {
        steps.push((name, since - began, since.elapsed()));
    };
    let setup = served.world().setup();
    let http = aws_smithy_http_client::Builder::new().build_http();
    let credentials = Credentials::new("test", "test", None, None, "demo");
    let ecs = aws_sdk_ecs::Client::from_conf(
        aws_sdk_ecs::Config::builder()
            .behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest())
            .region(aws_sdk_ecs::config::Region::new(REGION))
            .credentials_provider(credentials.clone())
            .http_client(http.clone())
            .endpoint_url(served.endpoint())
            .build(),
    );
    let elb = aws_sdk_elasticloadbalancingv2::Client::from_conf(
        aws_sdk_elasticloadbalancingv2::Config::builder()
            .behavior_version(aws_sdk_elasticloadbalancingv2::config::BehaviorVersion::latest())
            .region(aws_sdk_elasticloadbalancingv2::config::Region::new(REGION))
            .credentials_provider(credentials)
            .http_client(http)
            .endpoint_url(served.endpoint())
            .build(),
    );
    let group = setup.target_group_arn(&setup.target_groups[0]);
    let target = TargetDescription::builder()
        .id(task.address().to_string())
        .port(i32::from(setup.port))
        .build();

    let since = Instant::now();
    ecs.describe_tasks().cluster(task.cluster()).tasks(task.arn()).send().await?;
    step("identify", since);
    let since = Instant::now();
    complete(task, setup.port, &setup.complete_path).await?;
    step("artifacts", since);
    let since = Instant::now();
    elb.deregister_targets().target_group_arn(&group).targets(target.clone()).send().await?;
    step("deregister", since);
    let since = Instant::now();
    while health(&elb, &group, &target).await? != Some(TargetHealthStateEnum::Draining) {
        sleep(Duration::from_millis(100)).await;
    }
    step("verify_target", since);
    let since = Instant::now();
    ecs.stop_task().cluster(task.cluster()).task(task.arn()).reason("owner").send().await?;
    step("stop", since);
    Ok(steps)
}

async fn health(
    elb: &aws_sdk_elasticloadbalancingv2::Client,
    group: &str,
    target: &TargetDescription,
) -> Result<Option<TargetHealthStateEnum>, Failure> {
    let request = elb.describe_target_health().target_group_arn(group).targets(target.clone());
    let answer = request.send().await?;
    let health = answer.target_health_descriptions().first().and_then(|one| one.target_health());
    Ok(health.and_then(|health| health.state()).cloned())
}

async fn complete(task: &TaskHandle, port: u16, path: &str) -> Result<(), Failure> {
    let body = json!({ "session_id": task.session_id() }).to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        task.address(),
        body.len()
    );
    let mut container = TcpStream::connect((task.address(), port)).await?;
    container.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    container.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(format!("the container answered {:?}", answer.lines().next()).into())
    }
}
