//! The wire protocols: which service and operation a request is for, and how answers look.

mod ecs;
mod elb;
mod refusals;
mod s3;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bytes::Bytes;
use serde_json::Value;

use super::api::{Api, Outcome, Service};
use super::container::{Asks, BodyShape};
use super::setup::Setup;
pub(crate) use refusals::{
    conflict, denied, expired_page, garbage, impossible, invalid, server_error, throttled, unready,
};
pub(crate) use s3::S3Call;

/// An HTTP request as it came in; header names are in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
    /// The address of the session container that it was sent to; otherwise it is for AWS.
    pub(crate) container: Option<(Ipv4Addr, u16)>,
}

/// A request that is understood.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) service: Service,
    pub(crate) api: Api,
    pub(crate) subjects: Vec<String>,
    pub(crate) matter: Matter,
}

/// What a request asks, in its service's terms.
#[derive(Clone, Debug)]
pub(crate) enum Matter {
    Ecs(Value),
    Elb(BTreeMap<String, String>),
    S3(S3Call),
    Container { address: Ipv4Addr, port: u16, asks: Option<Asks> },
}

impl Request {
    pub(crate) fn completes(&self) -> bool {
        self.api == Api::ContainerComplete
    }

    /// Whether it goes on where the page before ended.
    pub(crate) fn asks_for_a_later_page(&self) -> bool {
        match &self.matter {
            Matter::Ecs(body) => body["nextToken"].is_string(),
            Matter::Elb(form) => form.contains_key("Marker"),
            Matter::S3(call) => call.asks_for_a_later_page(),
            Matter::Container { .. } => false,
        }
    }

    /// Whether it writes an object only under a condition.
    pub(crate) fn writes_on_a_condition(&self) -> bool {
        match &self.matter {
            Matter::S3(call) => self.api == Api::PutObject && call.is_conditional(),
            Matter::Ecs(_) | Matter::Elb(_) | Matter::Container { .. } => false,
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) shape: BodyShape,
    /// The error's code, for the record.
    pub(crate) code: Option<&'static str>,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { status, headers, body: body.into(), shape: BodyShape::Whole, code: None }
    }

    /// A document; `null` is no body.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        Self::new(status, "application/json", text)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn shaped(mut self, shape: BodyShape) -> Self {
        self.shape = shape;
        self
    }

    /// The answer as it is sent: to a HEAD no part of the body is, whatever it says of its length.
    pub(crate) fn to(mut self, api: Api) -> Self {
        if api == Api::HeadObject {
            let length = self.body.len().to_string();
            self.body = Bytes::new();
            return self.with("content-length", length);
        }
        self
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self.code {
            Some("ThrottlingException" | "Throttling" | "SlowDown") => Outcome::Throttled,
            None if self.status == 429 => Outcome::Throttled,
            // Of another status the rest says nothing.
            None if self.status == 200 && self.shape == BodyShape::BreaksOff => Outcome::BrokenOff,
            code => Outcome::Answered(self.status, code),
        }
    }
}

/// Finds out what a request is for: ECS by its `x-amz-target`, ELBv2 by its form, a session
/// container by its loopback address, and S3 otherwise.
pub(crate) fn recognise(incoming: &Incoming, setup: &Setup) -> Request {
    if let Some(target) = incoming.headers.get("x-amz-target") {
        return ecs::recognise(target, &incoming.body);
    }
    if let Some((address, port)) = incoming.container {
        return container(incoming, address, port, setup);
    }
    let content_type = incoming.headers.get("content-type").map_or("", String::as_str);
    if incoming.method == "POST" && content_type.starts_with("application/x-www-form-urlencoded") {
        return elb::recognise(&incoming.body);
    }
    s3::recognise(incoming)
}

fn container(incoming: &Incoming, address: Ipv4Addr, port: u16, setup: &Setup) -> Request {
    let mut subjects = vec![format!("{address}:{port}")];
    let authorization = incoming.headers.get("authorization").cloned();
    subjects.extend(authorization.is_some().then(|| "with authorization".to_owned()));
    let (api, asks) = match (incoming.method.as_str(), incoming.path.as_str()) {
        ("POST", path) if path == setup.complete_path => {
            let body: Value = serde_json::from_slice(&incoming.body).unwrap_or_default();
            let session_id = body["session_id"].as_str().unwrap_or_default().to_owned();
            subjects.push(session_id.clone());
            (Api::ContainerComplete, Some(Asks::Complete { session_id, authorization }))
        }
        ("GET", path) if path == setup.health_path => (Api::ContainerHealth, Some(Asks::Health)),
        _ => (Api::Unknown, None),
    };
    Request {
        service: Service::Container,
        api,
        subjects,
        matter: Matter::Container { address, port, asks },
    }
}

/// Decodes `%41` and, in forms, `+`.
fn decode(text: &str, form: bool) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' if form => b' ',
            b'%' => {
                let hex: String = bytes.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&hex, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// `a=b&c=d`, decoded.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        })
        .collect()
}
