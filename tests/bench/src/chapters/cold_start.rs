//! What a cold start costs, beside hello world on the same runtime and beside Python.

use super::sweeps::scheduled;
use crate::authority::Authority;
use crate::aws::Aws;
use crate::chapter::{Chapter, Table, figure, median};
use crate::lambda::{Instance, deployed};
use crate::plot::{Bar, bars};
use serde_json::{Value, json};
use session_cleanup_tests::world::Setup;
use std::process::Command;
use std::time::Duration;

/// Starts of each; the first one, which warms the page cache, is not counted.
const STARTS: usize = 26;

/// What starts.
struct Started {
    name: &'static str,
    command: fn() -> Command,
    event: fn() -> Value,
}

const ALL: [Started; 5] = [
    Started { name: "hello world on lambda_runtime", command: || deployed("hello"), event: ended },
    Started { name: "completion function", command: || deployed("completion"), event: ended },
    Started { name: "reaper function", command: || deployed("reaper"), event: scheduled },
    Started {
        name: "inspector function",
        command: || deployed("inspector"),
        event: || json!({ "sweeps": { "last": 1 } }),
    },
    Started { name: "Python, boto3, three clients", command: python, event: ended },
];

fn ended() -> Value {
    serde_json::from_str(include_str!("../../../../events/session-ended.json")).unwrap()
}

fn python() -> Command {
    let mut python = Command::new(".venv/bin/python");
    python.args(["-B", "tests/bench/cold_start.py"]);
    python
}

/// How long, in milliseconds since the process started.
#[derive(Default)]
struct Seen {
    next: Vec<f64>,
    first_call: Vec<f64>,
    answer: Vec<f64>,
    peak: f64,
}

pub(crate) fn measure(authority: &Authority) -> Chapter {
    let mut chapter = Chapter::new(
        "Cold start",
        "From the start of the process, with a whole core, as Lambda lends it while a function initialises: until it \
         asks for its first event; until its first call has reached AWS over TLS; until its first answer is posted. \
         AWS answers at once here, so this is the functions' own time. Medians of 25 starts, which took turns in \
         changing order. The first figure is with the certificate authorities that the functions are deployed with.",
    );
    let aws = Aws::serve(Setup::in_real_time(), authority);
    let mut seen: Vec<Seen> = ALL.iter().map(|_| Seen::default()).collect();
    for round in 0..STARTS {
        for turn in order(round, ALL.len()) {
            start(&aws, &ALL[turn], &mut seen[turn], round > 0);
        }
    }
    let mut table = Table::new([
        "function",
        "first event asked for",
        "most",
        "first AWS call",
        "first answer",
        "peak memory",
    ]);
    let mut drawn = Vec::new();
    for (started, seen) in ALL.iter().zip(&seen) {
        let call = if seen.first_call.is_empty() {
            "–".to_owned()
        } else {
            figure(median(&seen.first_call), "ms")
        };
        let most = seen.next.iter().copied().fold(0.0, f64::max);
        let (next, answer) = (median(&seen.next), median(&seen.answer));
        table.row([
            &started.name,
            &figure(next, "ms"),
            &figure(most, "ms"),
            &call,
            &figure(answer, "ms"),
            &figure(seen.peak, "MiB"),
        ]);
        // Python would be all that one sees.
        if answer < 100.0 {
            let parts = vec![
                ("until it asks for its first event".to_owned(), next),
                ("until its first answer".to_owned(), (answer - next).max(0.0)),
            ];
            drawn.push(Bar { name: started.name.to_owned(), parts, label: figure(answer, "ms") });
        }
    }
    let [hello, completion, reaper, inspector, python] = &seen[..] else { unreachable!("five") };
    let least = median(&hello.next);
    for (name, of) in [("completion", completion), ("reaper", reaper), ("inspector", inspector)] {
        chapter.reach(
            &format!("{name}: first event asked for, to hello world"),
            median(&of.next) / least,
            1.5,
            "×",
        );
    }
    chapter.reach(
        "completion: first event asked for, to Python",
        median(&completion.next) / median(&python.next),
        0.01,
        "×",
    );
    chapter.reach(
        "completion: first AWS call over TLS",
        median(&completion.first_call),
        10.0,
        "ms",
    );
    chapter.reach(
        "the same, to Python",
        median(&completion.first_call) / median(&python.first_call),
        0.025,
        "×",
    );
    chapter.reach("completion: memory when it has answered", completion.peak, 32.0, "MiB");
    bars(
        "cold-start.svg",
        "Cold start, with a whole core",
        "milliseconds since the process started",
        &drawn,
    );
    let alt = format!(
        "Cold starts of hello world and the three functions; Python takes {}",
        figure(median(&python.answer), "ms")
    );
    chapter.plots.push(("cold-start.svg".to_owned(), alt));
    chapter.tables.push(table);
    chapter.remarks.push(
        "What stands in the way of 1.5 ×: of three million instructions until the first event is asked for, \
         four tenths parse a table of partitions, once in each of the SDK's three clients, and a seventh \
         decodes the certificate authorities. Both could only be moved into the first invocation, which has \
         1/14 of a core. Gone are the SDK's chain of credential providers (a quarter) and the relocations (a \
         seventh); hello world is built as anybody builds it, with its relocations."
            .to_owned(),
    );
    chapter
}

/// Who starts after whom in a round: each leaves the processor's caches to the next.
fn order(round: usize, functions: usize) -> impl Iterator<Item = usize> {
    let rotated = (0..functions).map(move |turn| (turn + round) % functions);
    let backwards = (round / functions) % 2 == 1;
    rotated.map(move |turn| if backwards { functions - 1 - turn } else { turn })
}

fn start(aws: &Aws, started: &Started, seen: &mut Seen, counts: bool) {
    let trusting = |name: &str| ["AWS_CA_BUNDLE", "SSL_CERT_FILE"].contains(&name);
    let as_deployed: Vec<_> =
        aws.variables().iter().filter(|(name, _)| !trusting(name)).cloned().collect();
    let next = Instance::start(&mut (started.command)(), &as_deployed).asks_for_next();
    let function = Instance::start(&mut (started.command)(), aws.variables());
    let until_asked = function.asks_for_next();
    let calls_before = aws.world().calls_sent();
    let answer = function.invoke(&(started.event)(), Duration::from_mins(1));
    let first_call =
        aws.world().calls().get(calls_before).map(|call| function.since_start(call.sent_at));
    if counts {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        seen.next.push(milliseconds(next));
        seen.first_call.extend(first_call.map(milliseconds));
        seen.answer.push(milliseconds(until_asked + answer.took));
        seen.peak = seen.peak.max(function.peak());
    }
}
