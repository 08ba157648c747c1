use super::{CallError, HttpSeam};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::session::SessionId;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use std::convert::Infallible;
use std::net::Ipv4Addr;

/// At most this much of an answer is read: a container may send without end.
const MOST_BYTES: usize = 64 * 1024;

/// Session containers, called by their own addresses: never through the load balancer, which may
/// route a call to another session's container.
#[derive(Debug, Clone)]
pub struct SessionContainers {
    seam: HttpSeam,
    contract: config::Container,
    clock: Clock,
}

/// What a container answered to "complete this session".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompletionAnswer {
    /// 200: everything is in S3.
    Uploaded,
    /// 403: this container runs another session.
    WrongContainer,
    /// Anything else: not uploaded.
    Failed {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body, for the log.
        body: String,
    },
}

impl SessionContainers {
    pub(super) fn new(seam: &HttpSeam, config: &Config, clock: &Clock) -> Self {
        Self { seam: seam.clone(), contract: config.container.clone(), clock: clock.clone() }
    }

    /// One `POST` of the complete path, no redirects, no proxy, no repetition. It takes as long as
    /// the upload takes: the caller limits it.
    ///
    /// # Errors
    /// [`CallError`] when no whole answer came: the container may have uploaded or not. A dropped
    /// request is never completion.
    pub async fn complete(
        &self,
        ip: Ipv4Addr,
        session: &SessionId,
    ) -> Result<CompletionAnswer, CallError> {
        let origin = format!("http://{ip}:{}", self.contract.port);
        let url = format!("{origin}{}", self.contract.complete_path);
        let failed = |problem: String| {
            CallError::unusable("POST", format!("{url} for session {session}"), problem)
        };
        let body = serde_json::json!({ "session_id": session }).to_string();
        let answer =
            self.operation(&origin).invoke(body).boxed().await.map_err(|e| failed(explain(&e)))?;
        let status = answer.status().as_u16();
        let body = beginning(answer.into_body())
            .await
            .map_err(|e| failed(format!("HTTP {status}, and then the answer broke off: {e}")))?;
        Ok(match status {
            200 => CompletionAnswer::Uploaded,
            403 => CompletionAnswer::WrongContainer,
            _ => CompletionAnswer::Failed { status, body },
        })
    }

    fn operation(&self, origin: &str) -> Operation<String, HttpResponse, Infallible> {
        let path = self.contract.complete_path.clone();
        Operation::builder()
            .service_name("session container")
            .operation_name("complete")
            .http_client(self.seam.client())
            .endpoint_url(origin)
            .no_auth()
            .no_retry()
            .sleep_impl(TokioSleep::new())
            .time_source(self.clock.source())
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(self.contract.connect_timeout).build(),
            )
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .serializer(move |body: String| {
                let length = body.len();
                let mut request = HttpRequest::new(SdkBody::from(body));
                request.set_method("POST")?;
                request.set_uri(path.as_str())?;
                request.headers_mut().insert("content-type", "application/json");
                request.headers_mut().insert("content-length", length.to_string());
                Ok(request)
            })
            .deserializer_impl(Whole)
            .build()
    }
}

/// Hands the response over unread, so that we decide how much of its body is read.
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
        _response: &HttpResponse,
    ) -> Result<Output, OrchestratorError<Error>> {
        Err(OrchestratorError::other("every answer of a container is taken as a stream"))
    }
}

async fn beginning(mut body: SdkBody) -> Result<String, String> {
    let mut read = Vec::new();
    while read.len() < MOST_BYTES {
        match body.frame().await {
            None => break,
            Some(Err(problem)) => return Err(problem.to_string()),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                let room = MOST_BYTES - read.len();
                read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            }
        }
    }
    let text = String::from_utf8_lossy(&read);
    Ok(text.chars().take(300).collect())
}

fn explain(error: &SdkError<Infallible, HttpResponse>) -> String {
    super::error::chain(error)
}
