//! S3: REST and XML, path style or virtual host.

use std::collections::{BTreeMap, Bound};
use std::fmt::Write as _;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Incoming, Matter, Reply, Request, decode, pairs};
use crate::markup::escaped;
use crate::world::api::{Api, Service};
use crate::world::invariants::Asker;
use crate::world::objects::Object;
use crate::world::state::State;

/// One call of S3.
#[derive(Clone, Debug)]
pub(crate) struct S3Call {
    bucket: String,
    /// The Region whose endpoint is asked; `None`: path style, which names none.
    region: Option<String>,
    key: String,
    query: BTreeMap<String, String>,
    if_none_match: Option<String>,
    if_match: Option<String>,
    body: Bytes,
}

impl S3Call {
    pub(super) fn is_conditional(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some()
    }

    pub(super) fn asks_for_a_later_page(&self) -> bool {
        self.query.contains_key("continuation-token")
    }
}

pub(super) fn recognise(incoming: &Incoming) -> Request {
    let path = decode(incoming.path.trim_start_matches('/'), false);
    let (bucket, key) = match incoming.host.split_once(".s3.") {
        Some((bucket, _)) => (bucket.to_owned(), path),
        None => match path.split_once('/') {
            Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
            None => (path, String::new()),
        },
    };
    let api = match (incoming.method.as_str(), key.is_empty()) {
        ("GET", true) => Api::ListObjects,
        ("PUT", false) => Api::PutObject,
        ("GET", false) => Api::GetObject,
        ("HEAD", false) => Api::HeadObject,
        ("DELETE", false) => Api::DeleteObject,
        _ => Api::Unknown,
    };
    let header = |name: &str| incoming.headers.get(name).cloned();
    let chunked =
        header("content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"));
    let body = if chunked { unchunk(&incoming.body) } else { incoming.body.clone() };
    let query = pairs(&incoming.query);
    let subjects = vec![format!(
        "{bucket}/{}",
        if key.is_empty() { query.get("prefix").unwrap_or(&key) } else { &key }
    )];
    let asked = incoming.host.split_once(".s3.").map(|(_, rest)| rest);
    let region = asked.and_then(|rest| rest.split('.').next()).map(str::to_owned);
    let call = S3Call {
        bucket,
        region,
        key,
        query,
        if_none_match: header("if-none-match"),
        if_match: header("if-match"),
        body,
    };
    Request { service: Service::S3, api, subjects, matter: Matter::S3(call) }
}

/// Takes the `aws-chunked` encoding off: sizes in hex, chunks, trailers. Simplified: signatures
/// and checksums are not checked.
fn unchunk(mut rest: &[u8]) -> Bytes {
    let mut whole = Vec::new();
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size =
            usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16).unwrap_or(0);
        let from = end + 2;
        if size == 0 || from + size > rest.len() {
            break;
        }
        whole.extend_from_slice(&rest[from..from + size]);
        rest = rest.get(from + size + 2..).unwrap_or_default();
    }
    whole.into()
}

pub(super) fn error(status: u16, code: &'static str, message: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{}</Message></Error>",
        escaped(message)
    );
    Reply::new(status, "application/xml", body).coded(code)
}

impl State {
    pub(crate) fn s3(&mut self, asker: &Asker, api: Api, call: &S3Call, now: Timestamp) -> Reply {
        if !self.buckets.contains_key(&call.bucket) {
            return error(404, "NoSuchBucket", "The specified bucket does not exist");
        }
        let away = self.setup.artifact_region.as_ref().filter(|region| {
            call.bucket == self.setup.artifact_bucket && call.region.as_ref() != Some(*region)
        });
        if let Some(region) = away {
            return elsewhere(self.setup.wrong_region).with("x-amz-bucket-region", region);
        }
        match api {
            Api::PutObject => self.put(asker, call, now),
            Api::GetObject | Api::HeadObject => self.get(call),
            Api::DeleteObject => self.delete(asker, call),
            Api::ListObjects => self.list(call),
            _ => error(405, "MethodNotAllowed", "the world does not model this operation"),
        }
    }

    fn put(&mut self, asker: &Asker, call: &S3Call, now: Timestamp) -> Reply {
        self.judge_object_write(asker, Api::PutObject, &call.bucket, &call.key);
        let Some(bucket) = self.buckets.get(&call.bucket) else { return no_such_key() };
        let present = bucket.get(&call.key);
        if call.if_none_match.as_deref() == Some("*") && present.is_some() {
            return unmet();
        }
        match (&call.if_match, present) {
            (Some(_), None) => return no_such_key(),
            (Some(wanted), Some(object)) if unquoted(wanted) != unquoted(&object.etag) => {
                return unmet();
            }
            _ => {}
        }
        self.judge_receipt(asker, (&call.bucket, &call.key), &call.body);
        self.judge_what_is_remembered(asker, (&call.bucket, &call.key), &call.body);
        let Some(bucket) = self.buckets.get_mut(&call.bucket) else { return no_such_key() };
        let object = Object::new(call.body.clone(), now);
        let reply = Reply::new(200, "application/xml", "").with("etag", &object.etag);
        bucket.insert(call.key.clone(), object);
        reply
    }

    /// Simplified: no ranges, no conditions.
    fn get(&self, call: &S3Call) -> Reply {
        let Some(object) = self.buckets.get(&call.bucket).and_then(|bucket| bucket.get(&call.key))
        else {
            return no_such_key();
        };
        if object.encrypted {
            let message = "The object was stored using a form of Server Side Encryption. The correct \
                           parameters must be provided to retrieve the object.";
            return error(400, "InvalidRequest", message);
        }
        Reply::new(200, "application/octet-stream", object.body.clone())
            .with("etag", &object.etag)
            .with(
                "last-modified",
                object.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            )
    }

    fn delete(&mut self, asker: &Asker, call: &S3Call) -> Reply {
        self.judge_object_write(asker, Api::DeleteObject, &call.bucket, &call.key);
        if let Some(bucket) = self.buckets.get_mut(&call.bucket) {
            bucket.remove(&call.key);
        }
        Reply::new(204, "application/xml", "")
    }

    /// `ListObjectsV2`. Simplified: no delimiter; a continuation token is the last key.
    fn list(&self, call: &S3Call) -> Reply {
        let field = |name: &str| call.query.get(name).map(String::as_str);
        let prefix = field("prefix").unwrap_or_default();
        let most = field("max-keys").and_then(|text| text.parse().ok()).unwrap_or(1000).min(1000);
        let after = field("continuation-token").or(field("start-after")).unwrap_or_default();
        let from = if after >= prefix && !after.is_empty() {
            Bound::Excluded(after.to_owned())
        } else {
            Bound::Included(prefix.to_owned())
        };
        let objects = self
            .buckets
            .get(&call.bucket)
            .into_iter()
            .flat_map(|bucket| bucket.range((from.clone(), Bound::Unbounded)));
        let found: Vec<(&String, &Object)> =
            objects.take_while(|(key, _)| key.starts_with(prefix)).take(most + 1).collect();
        let truncated = found.len() > most;
        let mut body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult><Name>{}</Name><Prefix>{}</Prefix>\
             <KeyCount>{}</KeyCount><MaxKeys>{most}</MaxKeys><IsTruncated>{truncated}</IsTruncated>",
            escaped(&call.bucket),
            escaped(prefix),
            found.len().min(most),
        );
        for (key, object) in found.iter().take(most) {
            let _ = write!(
                body,
                "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
                escaped(key),
                object.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                escaped(&object.etag),
                object.body.len(),
            );
        }
        if truncated && most > 0 {
            let _ = write!(
                body,
                "<NextContinuationToken>{}</NextContinuationToken>",
                escaped(found[most - 1].0)
            );
        }
        Reply::new(200, "application/xml", body + "</ListBucketResult>")
    }
}

fn unquoted(etag: &str) -> &str {
    etag.trim_matches('"')
}

/// A bucket that is asked for in a Region where it is not. Each status has its own code (S3 API reference,
/// "Error responses").
fn elsewhere(status: u16) -> Reply {
    let use_its_endpoint = "The bucket you are attempting to access must be addressed using the \
                            specified endpoint.";
    match status {
        301 => error(status, "PermanentRedirect", use_its_endpoint),
        307 => error(status, "TemporaryRedirect", use_its_endpoint),
        _ => {
            error(status, "AuthorizationHeaderMalformed", "The authorization header is malformed.")
        }
    }
}

fn unmet() -> Reply {
    error(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
}

fn no_such_key() -> Reply {
    error(404, "NoSuchKey", "The specified key does not exist.")
}
