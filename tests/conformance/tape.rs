//! An HTTP client that keeps every exchange with AWS, between the SDK and the simulated world.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// One request that a function sent to AWS, and what came back.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Exchange {
    /// The function that sent it: `completion`, `reaper` or `inspector`.
    pub(crate) function: &'static str,
    /// The parameters of the stack that the function is of.
    pub(crate) stack: Stack,
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// `None`: the connection failed.
    pub(crate) answer: Option<Answer>,
}

/// The parameters of a stack that its policies are made of, as `CloudFormation` takes them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Stack {
    pub(crate) clusters: String,
    pub(crate) target_group_arns: String,
    pub(crate) artifact_bucket: String,
    pub(crate) artifact_prefix: String,
}

/// What AWS answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// Everything that was sent, in the order of the answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape(Arc<Mutex<Vec<Exchange>>>);

impl Tape {
    /// A client that does as `client` does, and keeps what it sends for `function`.
    pub(crate) fn between(
        &self,
        client: SharedHttpClient,
        function: &'static str,
        stack: Stack,
    ) -> SharedHttpClient {
        SharedHttpClient::new(Listener { client, function, stack, tape: self.clone() })
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Debug)]
struct Listener {
    client: SharedHttpClient,
    function: &'static str,
    stack: Stack,
    tape: Tape,
}

impl HttpClient for Listener {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Line {
            connector: self.client.http_connector(settings, components),
            function: self.function,
            stack: self.stack.clone(),
            tape: self.tape.clone(),
        })
    }
}

#[derive(Debug)]
struct Line {
    connector: SharedHttpConnector,
    function: &'static str,
    stack: Stack,
    tape: Tape,
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, tape) = (self.connector.clone(), self.tape.clone());
        let (function, stack) = (self.function, self.stack.clone());
        HttpConnectorFuture::new(async move {
            // Session containers are on loopback; their contract is not AWS's.
            if request.uri().starts_with("http://127.") {
                return connector.call(request).await;
            }
            let (request, body) = read(request).await?;
            let mut exchange = Exchange {
                function,
                stack,
                method: request.method().to_owned(),
                uri: request.uri().to_owned(),
                headers: headers(request.headers()),
                body,
                answer: None,
            };
            let answered = connector.call(request).await;
            exchange.answer = answered.as_ref().ok().map(answer);
            tape.0.lock().unwrap().push(exchange);
            answered
        })
    }
}

/// The whole body of a request, and a request that still has it.
async fn read(mut request: HttpRequest) -> Result<(HttpRequest, String), ConnectorError> {
    let body = std::mem::replace(request.body_mut(), SdkBody::empty());
    let bytes = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("the functions send text");
    *request.body_mut() = SdkBody::from(bytes);
    Ok((request, text))
}

fn headers(headers: &Headers) -> BTreeMap<String, String> {
    headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect()
}

fn answer(response: &HttpResponse) -> Answer {
    let body = response.body().bytes().expect("AWS's answers are whole");
    Answer {
        status: response.status().as_u16(),
        headers: headers(response.headers()),
        body: String::from_utf8(body.to_vec()).expect("the world answers text"),
    }
}
