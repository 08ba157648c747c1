//! One cleanup, and a hundred at once, beside how owners do it today.

use crate::authority::Authority;
use crate::aws::{Aws, SLOW};
use crate::chapter::{Chapter, Table, median};
use crate::lambda::{Instance, deployed};
use crate::peers::Script;
use crate::plot::{Bar, bars};
use serde_json::Value;
use session_cleanup_tests::world::{Api, Setup, TaskHandle};
use std::time::Duration;

const ROUNDS: usize = 20;

/// A hundred at once take as long as a single one, so fewer rounds do.
const ROUNDS_OF_A_HUNDRED: usize = 5;

/// Who cleans up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Ours,
    Sequential,
    Threads,
}

const WAYS: [Way; 3] = [Way::Ours, Way::Sequential, Way::Threads];

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Ours => "completion function",
            Self::Sequential => "boto3, one step after the other",
            Self::Threads => "boto3, in threads",
        }
    }

    fn loses(self) -> &'static str {
        match self {
            Self::Ours => {
                "nothing: intent before, undo where the address is another's, receipt after"
            }
            Self::Sequential => {
                "all that is not done yet when its process dies; the traffic of whoever has the address by now; \
                 a failed upload is not tried again; no record"
            }
            Self::Threads => {
                "the same, and a failed upload leaves a task without its target that nobody ends"
            }
        }
    }
}

/// Runs of one way.
#[derive(Default)]
struct Runs {
    seconds: Vec<f64>,
    calls: usize,
    peak: f64,
    /// The steps of the last: on which lane, what, from when to when, in seconds.
    steps: Vec<(usize, String, f64, f64)>,
}

pub(crate) fn measure(authority: &Authority) -> Chapter {
    let mut chapter = Chapter::new(
        "One cleanup, beside how owners do it today",
        "The same session, with the same latencies (an upload takes 3 s, ELBv2 1 s a call, ECS 0.2 s, S3 0.05 s), \
         cleaned up by the completion function, by a script that takes one step after the other, and by one that \
         does two things at once in threads. Each begins when its clients are built; medians of 20 runs, which took \
         turns. A hundred that end together: medians of 5.",
    );
    let mut table = Table::new([
        "way",
        "one session",
        "AWS calls",
        "100 sessions",
        "AWS calls",
        "peak memory",
        "what it loses",
    ]);
    let one = race(authority, 1, &WAYS, ROUNDS);
    let hundred = race(authority, 100, &[Way::Ours, Way::Threads], ROUNDS_OF_A_HUNDRED);
    let mut drawn = Vec::new();
    for ((way, single), many) in WAYS.iter().zip(&one).zip([hundred.first(), None, hundred.get(1)])
    {
        let many_took = many
            .map_or("(100 × one)".to_owned(), |runs| format!("{:.2} s", median(&runs.seconds)));
        let many_calls = many.map_or(String::new(), |runs| runs.calls.to_string());
        let peak = many.unwrap_or(single).peak;
        table.row([
            &way.name(),
            &format!("{:.2} s", median(&single.seconds)),
            &single.calls,
            &many_took,
            &many_calls,
            &format!("{peak:.0} MiB"),
            &way.loses(),
        ]);
        drawn.extend(lanes(*way, single));
    }
    let [ours, sequential, threads] = &one[..] else { unreachable!("three ways") };
    chapter.reach(
        "one cleanup, to its critical path of 3.5 s",
        median(&ours.seconds) / 3.5,
        1.02,
        "×",
    );
    chapter.reach(
        "one cleanup, to the sequential way",
        median(&ours.seconds) / median(&sequential.seconds),
        0.8,
        "×",
    );
    chapter.reach(
        "one cleanup, to threads that keep no record",
        median(&ours.seconds) / median(&threads.seconds),
        1.03,
        "×",
    );
    bars(
        "one-cleanup.svg",
        "One cleanup: what waits for what",
        "seconds since the session ended",
        &drawn,
    );
    let alt = "One cleanup, step by step: two lanes side by side, and one step after the other";
    chapter.plots.push(("one-cleanup.svg".to_owned(), alt.to_owned()));
    chapter.tables.push(table);
    chapter.remarks.push(
        "Both scripts leave out what the function does beside the steps: the intent before the target is touched, \
         the second look at whose address it was, the verification of the target, and the receipt."
            .to_owned(),
    );
    chapter
}

fn race(authority: &Authority, sessions: usize, ways: &[Way], rounds: usize) -> Vec<Runs> {
    let mut all: Vec<Runs> = ways.iter().map(|_| Runs::default()).collect();
    for round in 0..rounds {
        for turn in 0..ways.len() {
            let nth = (turn + round) % ways.len();
            run(authority, sessions, ways[nth], &mut all[nth]);
        }
        println!("  {sessions} at once: round {} of {rounds}", round + 1);
    }
    all
}

fn run(authority: &Authority, sessions: usize, way: Way, runs: &mut Runs) {
    let aws = Aws::serve(Setup { latency: SLOW, ..Setup::in_real_time() }, authority);
    let tasks = aws.sessions(sessions);
    let (took, peak) = match way {
        Way::Ours => {
            let function = Instance::start(&mut deployed("completion"), aws.variables());
            function.asks_for_next();
            let answer = function.invoke(&aws.batch(&tasks), Duration::from_mins(1));
            runs.steps = steps_on_record(&aws, &tasks[0]);
            (answer.took, function.peak())
        }
        Way::Sequential | Way::Threads => {
            for task in &tasks {
                aws.world().owner_ends(task);
            }
            let script = if way == Way::Sequential { "sequential" } else { "threads" };
            let run = Script::start(script, &aws).run(&aws, &tasks);
            runs.steps = steps_by_calls(&aws, run.took.as_secs_f64());
            (run.took, run.peak)
        }
    };
    for task in &tasks {
        assert!(aws.world().is_stopping(task), "{} left a task running", way.name());
    }
    runs.seconds.push(took.as_secs_f64());
    runs.peak = runs.peak.max(peak);
    let calls = aws.world().calls();
    runs.calls = calls.iter().filter(|call| call.is_of_aws()).count();
}

/// The steps as the session's receipt has them.
fn steps_on_record(aws: &Aws, task: &TaskHandle) -> Vec<(usize, String, f64, f64)> {
    let ledger = aws.world().setup().ledger_bucket;
    let receipt = aws.world().object(&ledger, &task.receipt_key()).unwrap();
    let receipt: Value = serde_json::from_slice(&receipt).unwrap();
    let steps = receipt["steps"].as_array().cloned().unwrap_or_default();
    let read = |step: &Value| {
        let name = step["name"].as_str().unwrap_or_default().to_owned();
        let lane = usize::from(["deregister", "verify_target"].contains(&&*name));
        let from = step["started_ms"].as_f64().unwrap_or_default() / 1e3;
        (lane, name, from, from + step["duration_ms"].as_f64().unwrap_or_default() / 1e3)
    };
    let mut read: Vec<_> = steps.iter().map(read).collect();
    // Its own step can't be in it.
    let written = read.iter().map(|step| step.3).fold(0.0, f64::max);
    read.push((0, "receipt".to_owned(), written, written + SLOW.s3.as_secs_f64()));
    read
}

/// The steps as the calls that were seen tell them: each lasts until the next of its lane.
fn steps_by_calls(aws: &Aws, took: f64) -> Vec<(usize, String, f64, f64)> {
    let calls = aws.world().calls();
    let Some(began) = calls.first().map(|call| call.sent_at) else { return Vec::new() };
    let named = calls.iter().filter_map(|call| {
        let (name, lasts) = match call.api {
            Api::DescribeTasks => ("identify", SLOW.ecs),
            Api::ContainerComplete => ("artifacts", crate::aws::UPLOAD + SLOW.s3),
            Api::DeregisterTargets => ("deregister", SLOW.elb),
            Api::StopTask => ("stop", SLOW.ecs),
            _ => return None,
        };
        Some((name, call.sent_at.duration_since(began).as_secs_f64(), lasts.as_secs_f64()))
    });
    let mut steps = Vec::new();
    for (name, from, lasts) in named {
        let overlaps = steps
            .iter()
            .any(|step: &(usize, String, f64, f64)| step.0 == 0 && step.3 > from + 0.05);
        steps.push((usize::from(overlaps), name.to_owned(), from, (from + lasts).min(took)));
    }
    steps
}

/// One bar for each lane.
fn lanes(way: Way, runs: &Runs) -> Vec<Bar> {
    let most = runs.steps.iter().map(|step| step.0).max().unwrap_or(0);
    let lane = |number: usize| {
        let mut at = 0.0;
        let mut parts = Vec::new();
        let mut own: Vec<_> = runs.steps.iter().filter(|step| step.0 == number).collect();
        own.sort_by(|one, other| one.2.total_cmp(&other.2));
        for (_, name, from, to) in own {
            parts.push((String::new(), (from - at).max(0.0)));
            parts.push((name.clone(), to - from.max(at)));
            at = at.max(*to);
        }
        let first = number == 0;
        let took = format!("{:.2} s", median(&runs.seconds));
        Bar {
            name: if first { way.name().to_owned() } else { String::new() },
            parts,
            label: if first { took } else { String::new() },
        }
    };
    (0..=most).map(lane).collect()
}
