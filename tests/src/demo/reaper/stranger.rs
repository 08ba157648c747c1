use crate::world::World;
use std::io;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A server that is no task of the account, and answers all the same: it ends with this.
pub(super) struct Stranger(#[expect(dead_code, reason = "it lives as long as this")] JoinSet<()>);

impl Stranger {
    pub(super) async fn settles_at(address: Ipv4Addr, world: &World) -> io::Result<Self> {
        let listener = TcpListener::bind((address, world.setup().port)).await?;
        let mut work = JoinSet::new();
        work.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // Whoever hangs up early is no affair of ours.
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        });
        Ok(Self(work))
    }
}
