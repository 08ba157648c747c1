//! The SDK's clients on a world, and a plain call of a container.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::{BehaviorVersion, Region, SharedHttpClient};
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_sdk_ecs::types::{Task, TaskField};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::timeout::TimeoutConfig;
use http_body_util::BodyExt;
use serde_json::Value;
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Setup, TaskHandle};

/// What a sweep remembers.
pub(crate) const MEMORY: &str = "suspects.json";

/// A world with an empty memory, and who is judged there.
pub(crate) fn stage() -> (World, Clients) {
    let world = World::new(Setup::default());
    world.put_object("ledger", MEMORY, "{}");
    let clients = Clients::of(&world, "a");
    (world, clients)
}

/// One caller's clients.
pub(crate) struct Clients {
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    http: SharedHttpClient,
    world: World,
}

macro_rules! config {
    ($sdk:ident, $world:expr, $http:expr, $endpoint:expr) => {{
        let mut config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .time_source($world.time_source())
            .retry_config(RetryConfig::disabled())
            .http_client($http);
        if let Some(endpoint) = $endpoint {
            config = config.endpoint_url(endpoint);
        }
        config
    }};
}

impl Clients {
    pub(crate) fn of(world: &World, caller: &str) -> Self {
        Self::over(world, &world.caller(caller), None)
    }

    pub(crate) fn over(world: &World, http: &SharedHttpClient, endpoint: Option<&str>) -> Self {
        let ecs = config!(aws_sdk_ecs, world, http.clone(), endpoint).build();
        let elb = config!(aws_sdk_elasticloadbalancingv2, world, http.clone(), endpoint).build();
        let s3 = config!(aws_sdk_s3, world, http.clone(), endpoint);
        let s3 = s3.force_path_style(endpoint.is_some()).build();
        Self {
            ecs: aws_sdk_ecs::Client::from_conf(ecs),
            elb: aws_sdk_elasticloadbalancingv2::Client::from_conf(elb),
            s3: aws_sdk_s3::Client::from_conf(s3),
            http: http.clone(),
            world: world.clone(),
        }
    }

    pub(crate) async fn describe(&self, task: &TaskHandle) -> DescribeTasksOutput {
        let call = self.ecs.describe_tasks().cluster(task.cluster()).tasks(task.arn());
        call.include(TaskField::Tags).send().await.unwrap()
    }

    pub(crate) async fn task(&self, task: &TaskHandle) -> Task {
        self.describe(task).await.tasks()[0].clone()
    }

    /// Writes an object of the ledger.
    pub(crate) async fn writes(&self, key: &str, document: &Value) {
        let body = ByteStream::from(document.to_string().into_bytes());
        self.s3.put_object().bucket("ledger").key(key).body(body).send().await.unwrap();
    }

    /// Reads one.
    pub(crate) async fn reads(&self, key: &str) {
        self.s3.get_object().bucket("ledger").key(key).send().await.unwrap();
    }

    pub(crate) async fn tag(&self, task: &TaskHandle, name: &str, value: &str) {
        let tag = aws_sdk_ecs::types::Tag::builder().key(name).value(value).build();
        self.ecs.tag_resource().resource_arn(task.arn()).tags(tag).send().await.unwrap();
    }

    pub(crate) async fn stop(&self, task: &TaskHandle) {
        let call = self.ecs.stop_task().cluster(task.cluster()).task(task.arn());
        call.reason("session-cleanup: test").send().await.unwrap();
    }

    pub(crate) async fn deregister(&self, address: Ipv4Addr) {
        self.deregister_from("sessions", address).await;
    }

    pub(crate) async fn deregister_from(&self, group: &str, address: Ipv4Addr) {
        let target = aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder();
        let target = target.id(address.to_string()).port(8080).build();
        let group = self.world.setup().target_group_arn(group);
        self.elb.deregister_targets().target_group_arn(group).targets(target).send().await.unwrap();
    }

    pub(crate) async fn register(&self, address: Ipv4Addr) {
        let target = aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder();
        let target = target.id(address.to_string()).port(8080).build();
        let group = self.world.setup().target_group_arn("sessions");
        self.elb.register_targets().target_group_arn(group).targets(target).send().await.unwrap();
    }

    /// The load balancer's word on an address: state and reason.
    pub(crate) async fn health(&self, address: Ipv4Addr) -> String {
        let target = aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder();
        let target = target.id(address.to_string()).port(8080).build();
        let group = self.world.setup().target_group_arn("sessions");
        let call = self.elb.describe_target_health().target_group_arn(group).targets(target);
        let answer = call.send().await.unwrap();
        let health = answer.target_health_descriptions()[0].target_health().unwrap();
        let reason = health.reason().map_or("", |reason| reason.as_str());
        format!("{} {reason}", health.state().unwrap().as_str()).trim_end().to_owned()
    }

    /// Completes a session; the status, or what went wrong.
    pub(crate) async fn complete(&self, address: Ipv4Addr, id: &str) -> Result<u16, String> {
        let body = format!("{{\"session_id\":\"{id}\"}}");
        self.container("POST", address, "/session/complete", body).await.map(|(status, _)| status)
    }

    pub(crate) async fn container_health(
        &self,
        address: Ipv4Addr,
    ) -> Result<(u16, SdkBody), String> {
        self.container("GET", address, "/health", String::new()).await
    }

    async fn container(
        &self,
        method: &'static str,
        address: Ipv4Addr,
        path: &str,
        body: String,
    ) -> Result<(u16, SdkBody), String> {
        let path = path.to_owned();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .read_timeout(Duration::from_secs(20));
        let operation: Operation<String, HttpResponse, Infallible> = Operation::builder()
            .service_name("container")
            .operation_name("complete")
            .http_client(self.http.clone())
            .endpoint_url(&format!("http://{address}:8080"))
            .no_auth()
            .no_retry()
            .sleep_impl(TokioSleep::new())
            .time_source(self.world.time_source())
            .timeout_config(timeouts.build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .serializer(move |body: String| {
                let mut request = HttpRequest::new(SdkBody::from(body));
                request.set_method(method)?;
                request.set_uri(path.as_str())?;
                Ok(request)
            })
            .deserializer_impl(Whole)
            .build();
        let response = operation.invoke(body).await.map_err(|problem| format!("{problem:?}"))?;
        Ok((response.status().as_u16(), response.into_body()))
    }
}

#[derive(Debug)]
struct Whole;

impl DeserializeResponse for Whole {
    fn deserialize_streaming(
        &self,
        response: &mut HttpResponse,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        let status = response.status();
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        Some(Ok(Output::erase(HttpResponse::new(status, body))))
    }

    fn deserialize_nonstreaming(
        &self,
        _: &HttpResponse,
    ) -> Result<Output, OrchestratorError<Error>> {
        Err(OrchestratorError::other("always streamed"))
    }
}

pub(crate) async fn text(body: SdkBody) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
