//! What a function writes to its standard output: log lines and metrics, from where Lambda collects them.
//!
//! The sessions of a batch run in step, and each has some lines to write in the same turn of the event loop. A
//! write costs far more than the line, so lines wait for the end of the turn: until the function has nothing to do
//! but wait. A function that is killed in the middle of a turn loses the lines of that turn.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Runtime;

/// More than this never waits, in bytes: as much as a pipe takes at once.
const ENOUGH: usize = 64 * 1024;

static WAITING: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Writes to it.
#[derive(Debug)]
pub struct StandardOutput;

impl Write for StandardOutput {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend_from_slice(text);
        if waiting.len() >= ENOUGH {
            put(&mut waiting);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        put(&mut WAITING.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

/// Nobody can be told that there is no standard output any more.
fn put(waiting: &mut Vec<u8>) {
    if !waiting.is_empty() {
        let mut output = io::stdout().lock();
        let _ = output.write_all(waiting);
        let _ = output.flush();
        waiting.clear();
    }
}

/// The runtime of a function: one thread, which writes what waits before it sleeps.
///
/// # Errors
/// The system's, if it can't be had.
pub fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(|| {
            let _ = StandardOutput.flush();
        })
        .build()
}
