//! Opens a listener when a session's container begins to run, and closes it when it ends.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::http::{Front, serve};
use super::uploads::Uploads;
use crate::world::World;

/// How long a container's coming or going may go unnoticed.
const TICK: Duration = Duration::from_millis(10);

/// Keeps the listeners in step with the world.
pub(super) async fn keep(world: World, uploads: Option<Arc<Uploads>>) {
    let mut open: BTreeMap<Ipv4Addr, JoinSet<()>> = BTreeMap::new();
    loop {
        let port = world.setup().port;
        let listening = world.listening();
        open.retain(|address, _| listening.contains(address));
        for address in listening {
            if !open.contains_key(&address)
                && let Ok(listener) = TcpListener::bind((address, port)).await
            {
                let mut work = JoinSet::new();
                let front = Front::Container((address, port), uploads.clone());
                work.spawn(serve(listener, front, world.clone()));
                open.insert(address, work);
            }
        }
        if let Some(uploads) = &uploads {
            uploads.flush().await;
        }
        sleep(TICK).await;
    }
}
