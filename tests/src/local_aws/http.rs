use super::LocalAwsError;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use std::error::Error;
use tokio::net::TcpStream;

/// One call of an API for which no SDK crate is worth its compile time. `endpoint` is
/// `http://HOST:PORT`; `target` goes into `X-Amz-Target` where the protocol wants one.
pub(super) async fn call(
    endpoint: &str,
    method: Method,
    path: &str,
    target: Option<&str>,
    body: impl Into<Bytes>,
) -> Result<Bytes, LocalAwsError> {
    let what = format!("{method} {endpoint}{path} {}", target.unwrap_or_default());
    exchange(endpoint, method, path, target, body.into()).await.map_err(LocalAwsError::call(what))
}

async fn exchange(
    endpoint: &str,
    method: Method,
    path: &str,
    target: Option<&str>,
    body: Bytes,
) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    let host = endpoint.trim_start_matches("http://");
    let stream = TcpStream::connect(host).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", host)
        .header("content-type", "application/x-amz-json-1.1");
    if let Some(target) = target {
        request = request.header("x-amz-target", target);
    }
    let response = sender.send_request(request.body(Full::new(body))?).await?;
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    connection.abort();
    if status.is_success() {
        Ok(answer)
    } else {
        Err(format!("{status}: {}", String::from_utf8_lossy(&answer)).into())
    }
}
