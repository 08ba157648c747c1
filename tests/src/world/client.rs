//! The in-process skin: an HTTP client for the AWS SDK that answers from the world, in tokio's
//! time.

use std::future::pending;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::Uri;
use http_body_util::BodyExt;
use tokio::time::sleep;

use super::World;
use super::body::ReplyBody;
use super::connections::OpenConnections;
use super::container::BodyShape;
use super::turn::Failure;
use super::wire::{Incoming, Reply};

/// The HTTP client of one caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) world: World,
    pub(crate) name: String,
    pub(crate) open: Arc<OpenConnections>,
}

impl HttpClient for Caller {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connection { caller: self.clone(), settings: settings.clone() })
    }
}

#[derive(Debug)]
struct Connection {
    caller: Caller,
    settings: HttpConnectorSettings,
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Caller { world, name, open } = self.caller.clone();
        let (connect_timeout, read_timeout) =
            (self.settings.connect_timeout(), self.settings.read_timeout());
        HttpConnectorFuture::new(async move {
            let incoming = incoming(request).await?;
            let connection = open.connect(&world, &name, &incoming).map_err(error)?;
            let too_slow = async {
                match read_timeout {
                    Some(limit) => sleep(limit).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                answer = world.exchange(&name, incoming, connect_timeout, connection.line()) => match answer {
                    Ok(reply) => {
                        connection.answered();
                        response(&reply)
                    }
                    Err(failure) => Err(error(failure)),
                },
                () = too_slow => Err(ConnectorError::timeout("the world did not answer in time".into())),
            }
        })
    }
}

async fn incoming(request: HttpRequest) -> Result<Incoming, ConnectorError> {
    let method = request.method().to_owned();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let uri: Uri = request
        .uri()
        .parse()
        .map_err(|problem: http::uri::InvalidUri| ConnectorError::user(problem.into()))?;
    let body = match request.body().bytes() {
        Some(bytes) => Bytes::copy_from_slice(bytes),
        None => request.into_body().collect().await.map_err(ConnectorError::user)?.to_bytes(),
    };
    let host = uri.host().unwrap_or_default().to_owned();
    // In process no AWS endpoint is on loopback: such an address is a container's.
    let address = host.parse::<Ipv4Addr>().ok().filter(Ipv4Addr::is_loopback);
    Ok(Incoming {
        method,
        container: address.map(|ip| (ip, uri.port_u16().unwrap_or(80))),
        host,
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    })
}

fn response(reply: &Reply) -> Result<HttpResponse, ConnectorError> {
    let status =
        reply.status.try_into().map_err(|_| ConnectorError::user("no HTTP status".into()))?;
    let body = match reply.shape {
        BodyShape::Whole => SdkBody::from(reply.body.clone()),
        BodyShape::Slow(_) | BodyShape::Endless | BodyShape::BreaksOff => {
            SdkBody::from_body_1_x(ReplyBody::from(reply))
        }
    };
    let mut response = HttpResponse::new(status, body);
    for (name, value) in &reply.headers {
        response.headers_mut().insert(*name, value.clone());
    }
    Ok(response)
}

fn error(failure: Failure) -> ConnectorError {
    match failure {
        Failure::Refused => {
            let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
            ConnectorError::io(refused.into()).never_connected()
        }
        Failure::Unreachable => {
            ConnectorError::timeout("no connection in time".into()).never_connected()
        }
        Failure::NoDescriptor => {
            // EMFILE.
            ConnectorError::io(io::Error::from_raw_os_error(24).into()).never_connected()
        }
        Failure::Reset => ConnectorError::io("connection reset by peer".into()),
    }
}
