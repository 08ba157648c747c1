//! One listener: every request on it is an exchange with the world.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming as HyperBody;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::uploads::Uploads;
use crate::world::{Incoming, Line, ReplyBody, World};

/// The one caller of a served world.
pub(super) const CALLER: &str = "served";

/// What a listener is the front of.
#[derive(Clone)]
pub(super) enum Front {
    /// ECS, ELBv2 and S3.
    Aws,
    /// The same, over TLS.
    AwsOverTls(TlsAcceptor),
    /// A session's container, at its address, and where else it writes its artifacts.
    Container((Ipv4Addr, u16), Option<Arc<Uploads>>),
    /// All sessions' containers, each at the address that was connected to.
    Containers,
}

/// Serves connections for as long as its future lives; they are cut off with it.
pub(super) async fn serve(listener: TcpListener, front: Front, world: World) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Or the peer's delayed acknowledgement adds 40 ms.
        let _ = stream.set_nodelay(true);
        let (front, world) = (front.clone(), world.clone());
        connections.spawn(async move {
            // A connection that fails is its client's affair.
            match &front {
                Front::Aws => talk(stream, &world, None, None).await,
                Front::AwsOverTls(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        talk(stream, &world, None, None).await;
                    }
                }
                Front::Container(at, uploads) => {
                    talk(stream, &world, Some(*at), uploads.as_deref()).await;
                }
                Front::Containers => {
                    if let Ok(SocketAddr::V4(at)) = stream.local_addr()
                        && at.ip().is_loopback()
                    {
                        talk(stream, &world, Some((*at.ip(), at.port())), None).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    world: &World,
    container: Option<(Ipv4Addr, u16)>,
    uploads: Option<&Uploads>,
) {
    let answer = service_fn(|request| answer(request, world, container, uploads));
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
