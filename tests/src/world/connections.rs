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
    /// Those that wait for another request to the same host.
    idle: BTreeMap<String, Vec<Waiting>>,
}

/// A connection between two requests.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    until: Timestamp,
    /// How often its caller had been frozen when it began to wait.
    freezes: usize,
}

/// Whether what is sent on a connection arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Alive,
    /// Its peer has closed it while nobody looked: what is sent is answered by a reset, and never applied.
    Dead,
}

/// A connection that carries a request. One that is dropped before its answer is closed.
#[derive(Debug)]
pub(crate) struct BusyConnection {
    open: Arc<OpenConnections>,
    world: World,
    caller: String,
    host: String,
    closes: bool,
    line: Line,
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
        let freezes = world.freezes_of(caller);
        let mut open = self.lock();
        open.idle.retain(|_, waiting| {
            waiting.retain(|one| one.until > now);
            !waiting.is_empty()
        });
        let waits = open.idle.get_mut(&request.host).and_then(Vec::pop);
        if waits.is_none() && open.count() >= most {
            return Err(Failure::NoDescriptor);
        }
        open.busy += 1;
        world.has_open(caller, open.count());
        let closes = request.headers.get("connection").is_some_and(|value| value == "close");
        let is_dead = waits.is_some_and(|one| one.freezes < freezes);
        let line = if is_dead { Line::Dead } else { Line::Alive };
        let (open, world, host) = (Arc::clone(self), world.clone(), request.host.clone());
        Ok(BusyConnection { open, world, caller: caller.to_owned(), host, closes, line })
    }
}

impl Open {
    fn count(&self) -> usize {
        self.busy + self.idle.values().map(Vec::len).sum::<usize>()
    }
}

impl BusyConnection {
    pub(crate) fn line(&self) -> Line {
        self.line
    }

    /// Its answer is there: it waits for the next request, unless it was to be closed.
    pub(crate) fn answered(&self) {
        if !self.closes {
            let until = self.world.now() + KEPT;
            let one = Waiting { until, freezes: self.world.freezes_of(&self.caller) };
            self.open.lock().idle.entry(self.host.clone()).or_default().push(one);
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

    fn freezes_of(&self, caller: &str) -> usize {
        self.lock().freezes.get(caller).copied().unwrap_or_default()
    }

    /// A caller is frozen and thawed, as Lambda does to a sandbox between two invocations: the peers have closed
    /// all its connections that wait for another request, and it learns that from a reset when it uses one next.
    /// Those that carry a request live on.
    pub fn freezes(&self, caller: &str) {
        *self.lock().freezes.entry(caller.to_owned()).or_default() += 1;
    }

    /// The most connections that a caller had open at once.
    #[must_use]
    pub fn most_open_connections(&self, caller: &str) -> usize {
        self.lock().most_open.get(caller).copied().unwrap_or_default()
    }
}
