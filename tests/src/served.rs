//! The world on loopback sockets, in real time: one listener for AWS, and one for each running
//! session container at its task's own address.
//!
//! All requests come from one caller, `served`, since a socket doesn't tell invocations apart;
//! so the invariants are judged for all invocations together.

mod containers;
mod http;
mod uploads;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::world::{TaskHandle, World};
use http::Front;
pub use tokio_rustls::rustls::ServerConfig;
use uploads::Uploads;

/// Where session containers write their artifacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Artifacts {
    /// The world's own S3.
    World,
    /// An S3 elsewhere, such as an emulator's `http://127.0.0.1:4566`; the bucket exists.
    At(String),
}

/// A world that is being served; dropping it closes all sockets.
#[derive(Debug)]
pub struct Served {
    world: World,
    port: u16,
    work: JoinSet<()>,
}

impl Served {
    /// Serves a world: AWS on `127.0.0.1:port` (0: any free port), containers at their tasks'
    /// addresses as they come and go. Make the world with [`crate::world::Setup::in_real_time`].
    ///
    /// # Errors
    /// The port can't be bound.
    pub async fn start(world: &World, port: u16, artifacts: Artifacts) -> io::Result<Self> {
        let uploads = match artifacts {
            Artifacts::World => None,
            Artifacts::At(endpoint) => Some(Arc::new(Uploads::to(world, &endpoint))),
        };
        let front = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = front.local_addr()?.port();
        let mut work = JoinSet::new();
        work.spawn(http::serve(front, Front::Aws, world.clone()));
        work.spawn(containers::keep(world.clone(), uploads));
        Ok(Self { world: world.clone(), port, work })
    }

    /// Serves a world of thousands of sessions: one listener takes the connections to all their containers, and
    /// nothing is done for those that nobody connects to. A container's end doesn't close its connections, and who
    /// connects where none is finds the connection closed instead of refused.
    ///
    /// # Errors
    /// A port can't be bound: the containers', too, which is the setup's.
    pub async fn crowd(world: &World) -> io::Result<Self> {
        let front = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = front.local_addr()?.port();
        let containers = TcpListener::bind((Ipv4Addr::UNSPECIFIED, world.setup().port)).await?;
        let mut work = JoinSet::new();
        work.spawn(http::serve(front, Front::Aws, world.clone()));
        work.spawn(http::serve(containers, Front::Containers, world.clone()));
        Ok(Self { world: world.clone(), port, work })
    }

    /// One more front of AWS, over TLS, at a port of its own; its endpoint.
    ///
    /// # Errors
    /// No port can be bound.
    pub async fn over_tls(&mut self, tls: Arc<ServerConfig>) -> io::Result<String> {
        let front = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = front.local_addr()?.port();
        self.work.spawn(http::serve(front, Front::AwsOverTls(tls.into()), self.world.clone()));
        Ok(format!("https://127.0.0.1:{port}"))
    }

    /// The world that is served.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The endpoint of ECS, ELBv2 and the world's own S3 (path style).
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until a session's container accepts connections.
    pub async fn listens(&self, session: &TaskHandle) {
        let port = self.world.setup().port;
        while TcpStream::connect((session.address(), port)).await.is_err() {
            sleep(Duration::from_millis(5)).await;
        }
    }
}
