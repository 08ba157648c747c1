//! One listener: every request on it is an exchange with the world.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming as HyperBody;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::uploads::Uploads;
use crate::world::{Incoming, Line, ReplyBody, World};

/// The one caller of a served world.
pub(super) const CALLER: &str = "served";

/// Serves connections for as long as its future lives; they are cut off with it.
pub(super) async fn serve(
    listener: TcpListener,
    world: World,
    container: Option<(Ipv4Addr, u16)>,
    uploads: Option<Arc<Uploads>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, world.clone(), container, uploads.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(
    stream: TcpStream,
    world: World,
    container: Option<(Ipv4Addr, u16)>,
    uploads: Option<Arc<Uploads>>,
) {
    // Or the peer's delayed acknowledgement adds 40 ms.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| answer(request, &world, container, uploads.as_deref()));
    // A connection that fails is its client's affair.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(
    request: Request<HyperBody>,
    world: &World,
    container: Option<(Ipv4Addr, u16)>,
    uploads: Option<&Uploads>,
) -> io::Result<Response<ReplyBody>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let headers: BTreeMap<String, String> = head
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let incoming = Incoming {
        method: head.method.to_string(),
        host: headers.get("host").cloned().unwrap_or_default(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
        container,
    };
    // An error closes the connection without an answer: what a reset looks like from outside.
    let mut reply = world
        .exchange(CALLER, incoming, None, Line::Alive)
        .await
        .map_err(|_| io::ErrorKind::ConnectionReset)?;
    if let Some(uploads) = uploads
        && container.is_some()
        && reply.status == 200
        && !uploads.flush().await
    {
        reply.status = 500;
        reply.body = r#"{"upload_completed":false}"#.into();
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(ReplyBody::from(&reply)).map_err(io::Error::other)
}
