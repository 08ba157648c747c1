//! `make baseline`: reads a log from standard input.

use session_cleanup_tests::baseline::Baseline;
use std::io::{self, stdin};

fn main() -> io::Result<()> {
    let observed = Baseline::read(stdin().lock())?;
    print!("{}", observed.text());
    Ok(())
}
