//! The session's container: the two calls that we make to it.

mod connections;

use crate::aws::{self, CallError, Failure, HttpSeam};
use crate::clock::Clock;
use crate::config::{self, Authorization, Config};
use crate::deadline::Deadline;
use crate::session::{SessionId, TargetAddress};
use aws_config::timeout::TimeoutConfig;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::interceptors::context::{self, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
pub use connections::Turn;
use connections::{Connections, Purpose, causes, never_left};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::{fmt, io};

/// RFC 8259 (section 8.1) lets a reader ignore it; HTML wants it ignored.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// At most this much of an answer is read: a container may send without end.
const BODY_LIMIT: usize = 64 * 1024;

/// Stands for the body of an answer to a request with a secret in it.
const UNQUOTED: &str = "(not quoted, since CONTAINER_AUTHORIZATION is set)";

/// Session containers, called by their own addresses: never through the load balancer, which may
/// route a call to another session's container.
#[derive(Debug, Clone)]
pub struct SessionContainers {
    seam: HttpSeam,
    connections: Connections,
    contract: config::Container,
    clock: Clock,
}

/// What a container answered to "complete this session".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompletionAnswer {
    /// 200, and the body does not contradict: everything is in S3.
    Uploaded,
    /// 401 to the configured `Authorization`: a failure of our own, of which nothing is concluded.
    Unauthorized,
    /// 202: the upload is under way, and takes longer than an answer may.
    UnderWay,
    /// 403: this container runs another session.
    WrongContainer,
    /// Nobody was reached, and nobody refused: either nobody is there, or no route leads there.
    Unreached {
        /// What came instead of a connection.
        why: String,
    },
    /// Anything else: not uploaded.
    Failed {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body, for the log.
        body: String,
    },
}

/// What our own `GET` of the health path came to.
///
/// Silence proves little, since a busy server's queue may be full: no task is ever stopped for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// 200: a session is active there.
    Active,
    /// 503, and its JSON body names this very session: it is complete. A proxy or a framework answers
    /// 503 too, while it starts or sheds load.
    Done,
    /// Anything else: another status, another session's 503, a broken answer, or a connection that
    /// stays silent.
    Answers,
    /// Nobody is there, as far as can be told: refused; or as [`Probe::Blind`] where the route is known
    /// to be whole.
    Silent,
    /// No connection in time, or unreachable: either nobody is there, or no route leads there. Nothing is
    /// concluded from it while that is not known.
    Blind,
}

impl Probe {
    /// The same once it is known whether the route is whole.
    #[must_use]
    pub fn by_route(self, is_whole: bool) -> Self {
        match self {
            Self::Blind if is_whole => Self::Silent,
            Self::Active | Self::Done | Self::Answers | Self::Silent | Self::Blind => self,
        }
    }

    /// Whether it shows that packets of ours get there: also by a refusal.
    #[must_use]
    pub fn shows_a_route(self) -> bool {
        match self {
            Self::Active | Self::Done | Self::Answers | Self::Silent => true,
            Self::Blind => false,
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Done => "done",
            Self::Answers => "answers",
            Self::Silent => "silent",
            Self::Blind => "blind",
        })
    }
}

impl SessionContainers {
    /// Containers that keep to the configured contract, over `seam`.
    #[must_use]
    pub fn new(seam: &HttpSeam, config: &Config, clock: &Clock) -> Self {
        let connections = Connections::default();
        let (seam, contract) = (seam.clone(), config.container.clone());
        Self { seam, connections, contract, clock: clock.clone() }
    }

    /// Waits for one's turn to complete a session: so many connections are open at once, and no more.
    /// The caller limits the wait, during which nobody was asked anything.
    pub async fn turn(&self) -> Option<Turn> {
        self.connections.turn(Purpose::Completion).await
    }

    /// One `POST` of the complete path, no redirects, no proxy, no repetition. It takes as long as
    /// the upload takes: the caller limits it. It alone carries the configured `Authorization`: an address is
    /// probed also where a stranger may be.
    ///
    /// # Errors
    /// [`CallError`] when no whole answer came: the container may have uploaded or not, unless it is
    /// [`Failure::NotSent`]. A dropped request is never completion.
    pub async fn complete(
        &self,
        _turn: &Turn,
        ip: Ipv4Addr,
        session: &SessionId,
    ) -> Result<CompletionAnswer, CallError> {
        let address = TargetAddress { ip, port: self.contract.port };
        let path = &self.contract.complete_path;
        let url = format!("http://{address}{path}");
        let failed = |problem: String| {
            CallError::unusable("POST", format!("{url} for session {session}"), problem)
        };
        let body = serde_json::json!({ "session_id": session }).to_string();
        let authorization = self.contract.authorization.clone();
        let operation = self.operation("POST", address, path, authorization);
        let answer = match operation.invoke(body).boxed().await {
            Ok(answer) => answer,
            Err(error) if never_left(&error) => {
                let failed = failed(aws::chain(&error));
                return Err(CallError { failure: Failure::NotSent, ..failed });
            }
            Err(error) if no_connection(&error) == Some(NoConnection::Unreached) => {
                let why = failed(aws::chain(&error)).to_string();
                return Ok(CompletionAnswer::Unreached { why });
            }
            Err(error) => return Err(failed(aws::chain(&error))),
        };
        let status = answer.status().as_u16();
        let is_authorized = self.contract.authorization.is_some();
        let told_by_status = match status {
            202 => Some(CompletionAnswer::UnderWay),
            403 => Some(CompletionAnswer::WrongContainer),
            401 if is_authorized => Some(CompletionAnswer::Unauthorized),
            _ => None,
        };
        // Whatever becomes of the rest, which may break off or never end: a 403 must be obeyed.
        if let Some(told) = told_by_status {
            return Ok(told);
        }
        let body = beginning(answer.into_body())
            .await
            .map_err(|e| failed(format!("HTTP {status}, and then the answer broke off: {e}")))?;
        Ok(match status {
            200 if !contradicts(&body, session) => CompletionAnswer::Uploaded,
            // It may quote what it was told.
            _ if is_authorized => CompletionAnswer::Failed { status, body: UNQUOTED.to_owned() },
            _ => CompletionAnswer::Failed { status, body: body.chars().take(300).collect() },
        })
    }

    /// One `GET` of the health path at `address`, for at most the probe's time limit. A 503 is a
    /// session's word only where it names the one that should be there. `None` where nobody was asked:
    /// there was no connection to be had within that time, or it failed by our own doing.
    pub async fn probe(
        &self,
        address: TargetAddress,
        session: Option<&SessionId>,
    ) -> Option<Probe> {
        let limit = self.contract.probe_timeout;
        let waiting = self.connections.turn(Purpose::Probe);
        let _turn = Deadline::after(limit).run(waiting).await.ok()??;
        let getting = async {
            let operation = self.operation("GET", address, &self.contract.health_path, None);
            let answer = match operation.invoke(String::new()).boxed().await {
                Ok(answer) => answer,
                Err(error) if never_left(&error) => return None,
                Err(error) => {
                    return Some(match no_connection(&error) {
                        Some(NoConnection::Refused) => Probe::Silent,
                        Some(NoConnection::Unreached) => Probe::Blind,
                        None => Probe::Answers,
                    });
                }
            };
            Some(match answer.status().as_u16() {
                200 => Probe::Active,
                503 => match beginning(answer.into_body()).await {
                    Ok(body) if names(&body, session) => Probe::Done,
                    Ok(_) | Err(_) => Probe::Answers,
                },
                _ => Probe::Answers,
            })
        };
        // A connection has less time than this: what takes longer has connected, and is silent.
        Deadline::after(limit).run(getting).await.unwrap_or(Some(Probe::Answers))
    }

    fn operation(
        &self,
        method: &'static str,
        address: TargetAddress,
        path: &str,
        authorization: Option<Authorization>,
    ) -> Operation<String, HttpResponse, Infallible> {
        let path = path.to_owned();
        Operation::builder()
            .service_name("session container")
            .operation_name(method)
            .http_client(self.seam.to_containers())
            .endpoint_url(&format!("http://{address}"))
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
                request.set_method(method)?;
                request.set_uri(path.as_str())?;
                // There is one question for each container: an open connection only takes a
                // descriptor.
                request.headers_mut().insert("connection", "close");
                if let Some(authorization) = &authorization {
                    request
                        .headers_mut()
                        .insert("authorization", authorization.reveal().to_owned());
                }
                if length > 0 {
                    request.headers_mut().insert("content-type", "application/json");
                    request.headers_mut().insert("content-length", length.to_string());
                }
                Ok(request)
            })
            .deserializer_impl(Whole)
            .build()
    }
}

/// Why no connection came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoConnection {
    /// The machine at the address refused it: packets of ours get there.
    Refused,
    /// There was nobody to refuse it, or no route.
    Unreached,
}

/// Why no connection came about, if it is that. The HTTP client has no other time limit than that of the
/// connection.
fn no_connection(error: &SdkError<Infallible, HttpResponse>) -> Option<NoConnection> {
    let SdkError::DispatchFailure(failure) = error else { return None };
    let connector = failure.as_connector_error()?;
    let found =
        causes(connector).find_map(|cause| match cause.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::ConnectionRefused => Some(NoConnection::Refused),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Some(NoConnection::Unreached)
            }
            _ => None,
        });
    found.or(connector.is_timeout().then_some(NoConnection::Unreached))
}

/// Whether the body of a 200 says that this is no session's word, or another's, or no success: a server in front of
/// the container, or in its place, may say 200 to whatever it is asked. A body that says nothing of it is believed; one
/// that is too long to be read whole may say so at its end.
fn contradicts(body: &str, session: &SessionId) -> bool {
    let start = body.trim_start().to_ascii_lowercase();
    let is_web_page = ["<html", "<!doctype html"].iter().any(|mark| start.contains(mark));
    let is_page = start.starts_with('<') && (is_web_page || !start.starts_with("<?xml"));
    let Ok(said) = serde_json::from_str(body) else {
        let is_cut = body.len() + BYTE_ORDER_MARK.len_utf8() >= BODY_LIMIT;
        return is_page || is_cut && start.starts_with('{');
    };
    is_another(&said, session) || said.get("upload_completed").is_some_and(says_no)
}

/// Whether it names another session, in whatever way.
fn is_another(said: &Value, session: &SessionId) -> bool {
    match &said["session_id"] {
        Value::Null => false,
        Value::String(named) => named != session.as_str(),
        named => {
            let named = named.to_string();
            named != session.as_str()
        }
    }
}

fn says_no(answer: &Value) -> bool {
    match answer {
        Value::Null => false,
        Value::Bool(answer) => !answer,
        Value::String(answer) => !answer.eq_ignore_ascii_case("true"),
        Value::Number(answer) => answer.as_f64() == Some(0.0),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Whether a health answer names this session.
fn names(body: &str, session: Option<&SessionId>) -> bool {
    let said: Value = serde_json::from_str(body).unwrap_or_default();
    match (said["session_id"].as_str(), session) {
        (Some(named), Some(session)) => named == session.as_str(),
        (None, _) | (_, None) => false,
    }
}

/// Hands the response over unread, so that we decide how much of its body is read.
#[derive(Debug)]
struct Whole;

impl DeserializeResponse for Whole {
    fn deserialize_streaming(
        &self,
        response: &mut HttpResponse,
    ) -> Option<Result<Output, OrchestratorError<context::Error>>> {
        let status = response.status();
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        Some(Ok(Output::erase(HttpResponse::new(status, body))))
    }

    fn deserialize_nonstreaming(
        &self,
        _response: &HttpResponse,
    ) -> Result<Output, OrchestratorError<context::Error>> {
        Err(OrchestratorError::other("every answer of a container is taken as a stream"))
    }
}

/// The text of an answer, up to [`BODY_LIMIT`], without the mark by which some servers tell its encoding.
async fn beginning(mut body: SdkBody) -> Result<String, String> {
    let mut read = Vec::new();
    while read.len() < BODY_LIMIT {
        match body.frame().await {
            None => break,
            Some(Err(problem)) => return Err(problem.to_string()),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                let room = BODY_LIMIT - read.len();
                read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            }
        }
    }
    let text = String::from_utf8_lossy(&read);
    Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests;
