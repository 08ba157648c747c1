//! The least function that calls AWS, with the TLS library that its argument names: `ring`, or
//! `aws-lc` where it was built in.
#![allow(clippy::expect_used, reason = "a probe that is set up wrongly must not start")]

use aws_sdk_ecs::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let library = match std::env::args().nth(1).as_deref() {
        Some("ring") => CryptoMode::Ring,
        #[cfg(feature = "aws-lc")]
        Some("aws-lc") => CryptoMode::AwsLc,
        other => return Err(format!("no TLS library {other:?} is built in").into()),
    };
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(library))
        .build_https();
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"))
        .endpoint_url(std::env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL is set"))
        .http_client(http)
        .build();
    let ecs = aws_sdk_ecs::Client::from_conf(config);
    run(service_fn(|event: LambdaEvent<Value>| {
        let task = event.payload.pointer("/detail/task_arn").and_then(Value::as_str);
        let call = ecs.describe_tasks().cluster("sessions").set_tasks(task.map(|t| vec![t.into()]));
        async move { call.send().await.map(|_| Value::Null).map_err(Error::from) }
    }))
    .await
}
