//! What a cold start of the completion function costs, side by side with a hello world on the same
//! runtime and with Python and boto3; ends with an error when a limit is missed.
//!
//! Each function is the real binary in a process of its own. It meets a Lambda Runtime API and an
//! AWS on loopback sockets and is stopped when it has come as far as is measured. The functions take
//! turns, so that whatever else the machine does hits all of them, and in every order, since each
//! leaves the processor's caches to the next.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that can't measure must stop and say why"
)]

mod cold_start;

use cold_start::{FakeLambda, Start, Until};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Starts of each function; the first one, which warms the page cache, is not counted.
const STARTS: usize = 25;

/// A function that is measured.
struct Function {
    name: &'static str,
    program: PathBuf,
    argument: Option<&'static str>,
}

impl Function {
    /// A binary as it is deployed.
    fn built(name: &'static str, binary: &str) -> Self {
        let program = Path::new("target/lambda").join(binary).join("bootstrap");
        Self { name, program, argument: None }
    }

    fn start(&self, lambda: &FakeLambda, until: Until) -> Start {
        lambda.follow(Command::new(&self.program).args(self.argument), until)
    }
}

/// What was measured of one function.
struct Measured {
    milliseconds: Summary,
    mebibytes: f64,
}

/// The middle and the ends.
struct Summary {
    median: f64,
    least: f64,
    most: f64,
}

fn summary(mut values: Vec<f64>) -> Summary {
    values.sort_by(f64::total_cmp);
    Summary { median: values[values.len() / 2], least: values[0], most: values[values.len() - 1] }
}

/// Who starts after whom in a round; of three, all six orders come up.
fn order(round: usize, functions: usize) -> impl Iterator<Item = usize> {
    let rotated = (0..functions).map(move |turn| (turn + round) % functions);
    let backwards = (round / functions) % 2 == 1;
    rotated.map(move |turn| if backwards { functions - 1 - turn } else { turn })
}

/// Starts `functions` in turns and prints what they took.
fn race(lambda: &FakeLambda, until: Until, title: &str, functions: &[&Function]) -> Vec<Measured> {
    let mut starts: Vec<Vec<Start>> = functions.iter().map(|_| Vec::new()).collect();
    for round in 0..STARTS {
        for turn in order(round, functions.len()) {
            starts[turn].push(functions[turn].start(lambda, until));
        }
    }
    println!("\n{title}");
    println!("  {:<36}{:>10}{:>10}{:>10}{:>12}", "", "median", "least", "most", "memory");
    let row = |(function, starts): (&&Function, Vec<Start>)| {
        let counted = starts.iter().skip(1);
        let milliseconds = summary(counted.map(|s| s.took.as_secs_f64() * 1e3).collect());
        #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 KiB")]
        let peak = starts.iter().map(|s| s.peak_kib).max().unwrap() as f64 / 1024.0;
        let Summary { median, least, most } = milliseconds;
        println!(
            "  {:<36}{median:>7.2} ms{least:>7.2} ms{most:>7.2} ms{peak:>8.1} MiB",
            function.name
        );
        Measured { milliseconds, mebibytes: peak }
    };
    functions.iter().zip(starts).map(row).collect()
}

/// Prints whether a limit was kept.
fn reach(what: &str, value: f64, limit: f64, unit: &str) -> bool {
    let kept = value <= limit;
    let verdict = if kept { "ok" } else { "MISSED" };
    println!("  {what:<56}{value:>9.4}{unit}  ≤ {limit:.4}{unit}  {verdict}");
    kept
}

fn main() -> ExitCode {
    let ours = Function::built("completion function", "completion");
    let hello = Function::built("hello world on lambda_runtime", "hello");
    let python = Function {
        name: "Python, boto3, three clients",
        program: PathBuf::from(".venv/bin/python"),
        argument: Some("tests/bench/src/cold_start.py"),
    };
    let lambda = FakeLambda::set(Path::new("target/bench-authority.pem"));

    let title = "Process start → first GET …/invocation/next";
    let next = race(&lambda, Until::FirstNext, title, &[&ours, &hello, &python]);
    let title = "Process start → first AWS call answered over TLS";
    let answer = race(&lambda, Until::FirstAnswer, title, &[&ours, &python]);
    if cfg!(feature = "aws-lc") {
        let with =
            |name, library| Function { argument: Some(library), ..Function::built(name, "tls") };
        let [ring, aws_lc] =
            [with("one client, ring", "ring"), with("one client, aws-lc", "aws-lc")];
        race(&lambda, Until::FirstAnswer, "The same by TLS library", &[&ring, &aws_lc]);
    }

    let [ours_next, hello_next, python_next] = &next[..] else { unreachable!() };
    let [ours_answer, python_answer] = &answer[..] else { unreachable!() };
    let median = |measured: &Measured| measured.milliseconds.median;
    println!("\nLimits");
    let kept = [
        reach("first next, to hello world", median(ours_next) / median(hello_next), 2.5, " ×"),
        reach("first next, to Python", median(ours_next) / median(python_next), 0.01, " ×"),
        reach("first answer", median(ours_answer), 10.0, " ms"),
        reach("first answer, to Python", median(ours_answer) / median(python_answer), 0.025, " ×"),
        reach("memory when it has started", ours_answer.mebibytes, 32.0, " MiB"),
    ];
    if kept.iter().all(|kept| *kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
