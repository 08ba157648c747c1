//! Measures what the functions cost, beside what others do, and writes `docs/benchmarks.md`.
//!
//! `session-cleanup-bench` alone measures all chapters and writes the page; with names of chapters it measures
//! those, and writes the page over with what was measured of the others before.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a benchmark that can't measure must stop and say why; its figures are small"
)]

mod authority;
mod aws;
mod chapter;
mod chapters;
mod lambda;
mod page;
mod peers;
mod plot;
mod share;

use authority::Authority;
use chapters::CHAPTERS;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Where certificates, other people's tools and figures go.
const FOLDER: &str = "target/bench";

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| CHAPTERS.iter().all(|one| one.0 != **name)) {
        let known: Vec<&str> = CHAPTERS.iter().map(|one| one.0).collect();
        eprintln!("there is no chapter {unknown}; there are: {}", known.join(" "));
        return ExitCode::from(2);
    }
    let authority = Authority::make(Path::new(FOLDER));
    for (name, measure) in CHAPTERS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            let began = Instant::now();
            println!("==> {name}");
            let chapter = measure(&authority);
            page::keep(name, &chapter);
            println!("{}==> {name}: {} s\n", chapter.markdown(), began.elapsed().as_secs());
        }
    }
    page::write(&CHAPTERS.map(|one| one.0))
}
