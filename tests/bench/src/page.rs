//! The page: all chapters that were measured, one after the other, and the numbers to reach in front.

use crate::FOLDER;
use crate::chapter::{Chapter, Table};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const PAGE: &str = "docs/benchmarks.md";

fn figures(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.json"))
}

/// Keeps what was measured, for the page.
pub(crate) fn keep(name: &str, chapter: &Chapter) {
    std::fs::write(figures(name), serde_json::to_string_pretty(chapter).unwrap()).unwrap();
}

/// Writes the page of all chapters, in this order. Fails where a number is missed, or nothing is known of a
/// chapter.
pub(crate) fn write(names: &[&str]) -> ExitCode {
    let mut missing = Vec::new();
    let mut chapters: Vec<Chapter> = Vec::new();
    for name in names {
        match std::fs::read_to_string(figures(name)) {
            Ok(text) => chapters.push(serde_json::from_str(&text).unwrap()),
            Err(_) => missing.push(*name),
        }
    }
    if !missing.is_empty() {
        println!("{PAGE} is as it was: nothing is known yet of {}", missing.join(", "));
        return ExitCode::SUCCESS;
    }
    let mut limits = Table::new(["what", "at most", "seen", ""]);
    let all: Vec<_> = chapters.iter().flat_map(|chapter| &chapter.limits).collect();
    for limit in &all {
        let [what, most, seen, verdict] = limit.cells();
        limits.row([&what, &most, &seen, &verdict]);
    }
    let chapters: Vec<String> = chapters.iter().map(Chapter::markdown).collect();
    let text = format!(
        "# Benchmarks\n\n\
         What the functions cost, and what others cost beside them. `make bench` measures all of it anew and \
         writes this page; `make bench CHAPTERS=batches` one chapter. The functions are the binaries that are \
         deployed. AWS and the session containers are the [simulated world](reliability.md) on loopback \
         sockets, over TLS; nothing here was measured on AWS itself. Times drift from machine to machine: what \
         counts are the ratios, which were measured side by side.\n\n\
         {}\n\
         ## Numbers to reach\n\n{}\n{}",
        machine(),
        limits.markdown(),
        chapters.join("\n")
    );
    std::fs::write(PAGE, text).unwrap();
    let missed = all.iter().filter(|limit| !limit.is_met()).count();
    println!("{PAGE}: {} numbers to reach, {missed} missed", all.len());
    ExitCode::from(u8::from(missed > 0))
}

/// What it was measured on.
fn machine() -> String {
    let first = |command: &str, arguments: &[&str]| {
        let output = Command::new(command).args(arguments).output().map(|output| output.stdout);
        let text = String::from_utf8(output.unwrap_or_default()).unwrap_or_default();
        text.lines().next().unwrap_or("unknown").to_owned()
    };
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let python =
        "import sys, boto3; print(f'Python {sys.version.split()[0]}, boto3 {boto3.__version__}')";
    format!(
        "Measured on {} cores of {}, Linux {}, {}, {}, at commit {}.\n",
        cores,
        model.map_or("an unknown model", |(_, model)| model),
        first("uname", &["-r"]),
        first("rustc", &["--version"]),
        first(".venv/bin/python", &["-c", python]),
        first("git", &["rev-parse", "--short", "HEAD"]),
    )
}
