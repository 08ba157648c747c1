//! The connections to containers: how many are open at once, and what of their failures is our own.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use hyper_util::client::legacy;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::{io, iter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may be open at once. Lambda allows 1,024 descriptors; the connections to AWS, which are kept
/// for the next call, are up to a hundred for each of its hosts after a batch of a hundred.
const AT_ONCE: usize = 144;

/// How many of them may be of one kind, so that probes never keep all completions waiting, nor they
/// the probes. A batch of a hundred waits for nothing.
const OF_A_KIND: usize = 128;

/// The bound on open connections of one process.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    all: Arc<Semaphore>,
    completions: Arc<Semaphore>,
    probes: Arc<Semaphore>,
}

/// What a connection is opened for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Completion,
    Probe,
}

/// One's turn to have a connection to a container open; dropping it ends the turn.
#[derive(Debug)]
pub struct Turn {
    _of_its_kind: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Connections {
    fn default() -> Self {
        let at_once = |count| Arc::new(Semaphore::new(count));
        Self { all: at_once(AT_ONCE), completions: at_once(OF_A_KIND), probes: at_once(OF_A_KIND) }
    }
}

impl Connections {
    /// Waits for a turn, behind those who came before; the caller limits the wait.
    pub(super) async fn turn(&self, purpose: Purpose) -> Option<Turn> {
        let kind = match purpose {
            Purpose::Completion => &self.completions,
            Purpose::Probe => &self.probes,
        };
        let of_its_kind = Arc::clone(kind).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _of_its_kind: of_its_kind, _of_all: of_all })
    }
}

/// Whether a request certainly never left us: nothing of it is the container's doing, and it was not
/// asked.
pub(super) fn never_left(error: &SdkError<Infallible, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => failure.as_connector_error().is_some_and(is_our_own),
        // Time-out, unreadable response; the SDK's enum is open.
        _ => false,
    }
}

fn is_our_own(error: &ConnectorError) -> bool {
    let refusal = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    if refusal.and_then(io::Error::raw_os_error).is_some_and(|code| OUR_LIMITS.contains(&code)) {
        return true;
    }
    let connecting = causes(error)
        .find_map(|cause| cause.downcast_ref::<legacy::Error>())
        .is_some_and(legacy::Error::is_connect);
    connecting && !error.is_timeout() && !refusal.is_some_and(is_of_the_network)
}

/// EMFILE, ENFILE, EADDRNOTAVAIL on Linux: only opening a connection comes to these. The standard
/// library has no kinds for the first two.
const OUR_LIMITS: [i32; 3] = [24, 23, 99];

/// Whether somebody else, or nobody, answered the attempt to connect.
fn is_of_the_network(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
        NetworkUnreachable, NotConnected, TimedOut, UnexpectedEof,
    };
    matches!(
        error.kind(),
        BrokenPipe
            | ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkUnreachable
            | NotConnected
            | TimedOut
            | UnexpectedEof
    )
}

/// An error's causes, the nearest first.
pub(super) fn causes(error: &ConnectorError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    iter::successors(error.source(), |&cause| cause.source())
}

#[cfg(test)]
mod tests;
