//! `make baseline`: reads a log from standard input.

use session_cleanup_tests::baseline::Baseline;
use std::io::{self, stdin};

fn main() -> io::Result<()> {
    let log = io::read_to_string(stdin().lock())?;
    print!("{}", Baseline::read(&log).text());
    Ok(())
}
