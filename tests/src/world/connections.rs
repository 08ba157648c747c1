//! The connections that a caller has open: all peers keep theirs open for the next request, and each
//! takes a descriptor.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::World;
use super::turn::Failure;
use super::wire::Incoming;

/// How long an HTTP client keeps a connection without a request (hyper's default). Simplified: also
/// where its peer has ended meanwhile.
const KEPT: Duration = Duration::from_secs(90);

/// All of one caller's connections.
#[derive(Debug, Default)]
pub(crate) struct OpenConnections(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    busy: usize,
    /// Until when they wait for another request to the same host.
    idle: BTreeMap<String, Vec<Timestamp>>,
}

/// A connection that carries a request. One that is dropped before its answer is closed.
#[derive(Debug)]
pub(crate) struct BusyConnection {
    open: Arc<OpenConnections>,
    world: World,
    host: String,
    closes: bool,
}

impl OpenConnections {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection that waits, or opens one, if there is a descriptor left.
    pub(crate) fn connect(
        self: &Arc<Self>,
        world: &World,
        caller: &str,
        request: &Incoming,
    ) -> Result<BusyConnection, Failure> {
        let (now, most) = (world.now(), world.setup_connections());
        let mut open = self.lock();
        open.idle.retain(|_, waiting| {
            waiting.retain(|until| *until > now);
            !waiting.is_empty()
        });
        let waits = open.idle.get_mut(&request.host).and_then(Vec::pop).is_some();
        if !waits && open.count() >= most {
            return Err(Failure::NoDescriptor);
        }
        open.busy += 1;
        world.has_open(caller, open.count());
        let closes = request.headers.get("connection").is_some_and(|value| value == "close");
        let (open, world, host) = (Arc::clone(self), world.clone(), request.host.clone());
        Ok(BusyConnection { open, world, host, closes })
    }
}

impl Open {
    fn count(&self) -> usize {
        self.busy + self.idle.values().map(Vec::len).sum::<usize>()
    }
}

impl BusyConnection {
    /// Its answer is there: it waits for the next request, unless it was to be closed.
    pub(crate) fn answered(&self) {
        if !self.closes {
            let until = self.world.now() + KEPT;
            self.open.lock().idle.entry(self.host.clone()).or_default().push(until);
        }
    }
}

impl Drop for BusyConnection {
    fn drop(&mut self) {
        self.open.lock().busy -= 1;
    }
}

impl World {
    fn setup_connections(&self) -> usize {
        self.lock().setup.connections
    }

    fn has_open(&self, caller: &str, count: usize) {
        let mut state = self.lock();
        let most = state.most_open.entry(caller.to_owned()).or_default();
        *most = count.max(*most);
    }

    /// The most connections that a caller had open at once.
    #[must_use]
    pub fn most_open_connections(&self, caller: &str) -> usize {
        self.lock().most_open.get(caller).copied().unwrap_or_default()
    }
}
