//! What a function writes to its standard output: log lines and metrics, from where Lambda collects them.
//!
//! The sessions of a batch run in step, and each has some lines to write in the same turn of the event loop. A
//! write costs more than a line, so lines wait for the end of the turn: until the function has nothing to do but
//! wait. One that is killed in the middle of a turn loses the lines of that turn.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::runtime::Runtime;

/// So many bytes never wait: as many as a pipe takes at once.
const ENOUGH: usize = 64 * 1024;

static WAITING: Mutex<Lines> = Mutex::new(Lines(Vec::new()));

/// The function's standard output.
#[derive(Debug)]
pub struct StandardOutput;

impl StandardOutput {
    fn waiting() -> MutexGuard<'static, Lines> {
        WAITING.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line, without its end.
    pub fn line(line: &str) {
        Self::waiting().add(format!("{line}\n").as_bytes(), &mut io::stdout());
    }

    /// Writes what waits.
    pub fn write_out() {
        Self::waiting().write_out(&mut io::stdout());
    }
}

impl Write for StandardOutput {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        Self::waiting().add(text, &mut io::stdout());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::write_out();
        Ok(())
    }
}

/// What waits.
#[derive(Debug)]
struct Lines(Vec<u8>);

impl Lines {
    fn add(&mut self, text: &[u8], output: &mut impl Write) {
        if self.0.len() + text.len() >= ENOUGH {
            self.write_out(output);
        }
        if text.len() >= ENOUGH {
            put(text, output);
        } else {
            self.0.extend_from_slice(text);
        }
    }

    fn write_out(&mut self, output: &mut impl Write) {
        if !self.0.is_empty() {
            put(&self.0, output);
            self.0.clear();
        }
    }
}

/// Where nothing can be written any more, nobody can be told.
fn put(text: &[u8], output: &mut impl Write) {
    let _ = output.write_all(text).and_then(|()| output.flush());
}

/// The event loop of a function: one thread, which writes what waits before it sleeps.
///
/// # Errors
/// The system's, if it can't be had.
pub fn event_loop() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(StandardOutput::write_out)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, one entry for each write.
    #[derive(Default)]
    struct Writes(Vec<String>);

    impl Write for Writes {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.push(String::from_utf8(text.to_vec()).unwrap());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_lines_of_a_turn_are_one_write_in_their_order() {
        let (mut lines, mut output) = (Lines(Vec::new()), Writes::default());
        lines.add(b"one\n", &mut output);
        lines.add(b"two\n", &mut output);
        assert!(output.0.is_empty());
        lines.write_out(&mut output);
        lines.write_out(&mut output);
        assert_eq!(output.0, ["one\ntwo\n"]);
    }

    #[test]
    fn as_much_as_a_pipe_takes_at_once_never_waits_and_is_not_kept() {
        let (mut lines, mut output) = (Lines(Vec::new()), Writes::default());
        let [half, whole] = [ENOUGH / 2, ENOUGH].map(|length| "x".repeat(length));
        let written = |output: &Writes| output.0.iter().map(String::len).sum::<usize>();
        lines.add(half.as_bytes(), &mut output);
        assert_eq!(written(&output), 0);
        lines.add(half.as_bytes(), &mut output);
        assert_eq!((written(&output), lines.0.len()), (ENOUGH / 2, ENOUGH / 2));
        lines.add(whole.as_bytes(), &mut output);
        assert_eq!((written(&output), lines.0.len()), (2 * ENOUGH, 0));
        assert!(lines.0.capacity() <= ENOUGH, "a sweep's report is megabytes");
    }

    #[test]
    fn an_output_that_is_gone_does_not_fill_the_memory() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut lines = Lines(Vec::new());
        lines.add(b"one\n", &mut Gone);
        lines.write_out(&mut Gone);
        assert!(lines.0.is_empty());
    }
}
