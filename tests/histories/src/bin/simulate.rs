//! `make simulate`: plays histories, and shows the shortest one that breaks a promise.
//!
//! ```text
//! simulate search COUNT [FROM [STORY …]]  plays so many seeds, on all cores; of these only those with one of the stories
//! simulate notice COUNT [FROM [STORY …]]  the same until one breaks a promise, which is not shortened
//! simulate digests COUNT [FROM]           one line for each seed, which differs where a call or an answer does
//! simulate replay FILE                    plays one that was kept, with every call
//! simulate trace SEED                     plays the history of a seed, with every call
//! simulate exhaust [STRIDE]               every kind of fault at every call of small worlds, or at each so many-th
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a command for people who test")]

use session_cleanup_histories::exhaustive::{Differs, exhaust};
use session_cleanup_histories::floor::bare_calls;
use session_cleanup_histories::generate::{Story, generate};
use session_cleanup_histories::history::History;
use session_cleanup_histories::play::{Played, Trace, play};
use session_cleanup_histories::search::{Found, Seeds, digests, search};
use session_cleanup_histories::shrink::{breaks, shrink};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Histories are many small objects: with the system's allocator a fifth of the time goes there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So many different kinds of violation are shortened; the others are named.
const MOST_SHOWN: usize = 8;

fn main() -> ExitCode {
    // A panic of the code under test is one more violation; its message is part of it.
    std::panic::set_hook(Box::new(|_| {}));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    match words[..] {
        ["search", ref which @ ..] if seeds(which).is_some() => searched(&seeds(which).unwrap()),
        ["notice", ref which @ ..] if seeds(which).is_some() => noticed(&seeds(which).unwrap()),
        ["digests", count] if number(count).is_some() => digested(0, number(count).unwrap()),
        ["digests", count, from] if number(count).is_some() && number(from).is_some() => {
            digested(number(from).unwrap(), number(count).unwrap())
        }
        ["trace", seed] if number(seed).is_some() => shown(&generate(number(seed).unwrap())),
        ["exhaust"] => exhausted(1),
        ["exhaust", stride] if number(stride).is_some() => {
            exhausted(usize::try_from(number(stride).unwrap()).unwrap())
        }
        ["replay", file] => match read(Path::new(file)) {
            Ok(history) => shown(&history),
            Err(problem) => {
                eprintln!("{file}: {problem}");
                ExitCode::from(2)
            }
        },
        _ => {
            eprintln!(
                "usage: simulate search COUNT [FROM [STORY …]] | notice COUNT [FROM [STORY …]] | digests COUNT [FROM] | \
                 replay FILE | trace SEED | exhaust [STRIDE]\nstories: {:?}",
                Story::ALL
            );
            ExitCode::from(2)
        }
    }
}

/// How many, from where on, and which stories.
fn seeds(words: &[&str]) -> Option<Seeds> {
    let (count, words) = words.split_first()?;
    let (from, names) = words.split_first().unwrap_or((&"0", &[]));
    let story = |name: &&str| Story::ALL.into_iter().find(|story| format!("{story:?}") == *name);
    let stories = names.iter().map(story).collect::<Option<Vec<Story>>>()?;
    Some(Seeds { from: from.parse().ok()?, count: count.parse().ok()?, stories })
}

fn read(file: &Path) -> Result<History, String> {
    let text = fs::read_to_string(file).map_err(|problem| problem.to_string())?;
    serde_json::from_str(&text).map_err(|problem| problem.to_string())
}

/// A history in sentences, every call, and what it came to.
fn shown(history: &History) -> ExitCode {
    println!("{history}\n");
    let Played { violations, trace, .. } = play(history, Trace::Always);
    for line in trace {
        println!("{line}");
    }
    println!();
    for violation in &violations {
        println!("broken: {violation}");
    }
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every disturbance of every small world; each that makes a difference is named.
fn exhausted(stride: usize) -> ExitCode {
    let mut differs = 0;
    for told in exhaust(stride) {
        println!(
            "{}: {} disturbances; {} leave another receipt, as is known; {} make a difference",
            told.name,
            told.count,
            told.known,
            told.differ.len()
        );
        differs += told.differ.len();
        for Differs { disturbance, history, differences } in &told.differ {
            let file = keep(history, &format!("{}-{disturbance}", told.name));
            println!(
                "  {disturbance}: {}\n    make simulate REPLAY={file}",
                differences.join("; ")
            );
        }
    }
    if differs == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn searched(seeds: &Seeds) -> ExitCode {
    let found = search(seeds, |so_far| {
        if so_far.histories.is_multiple_of(1_000) {
            let broken: Vec<&u64> = so_far.broken.keys().collect();
            eprintln!("{} histories, broken: {broken:?}", so_far.histories);
        }
        ControlFlow::Continue(())
    });
    tell(&found);
    if found.histories >= ENOUGH_TO_COMPARE {
        tell_floor(&found);
    }
    // One of each kind: the same promise, broken by the same words.
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for (seed, violations) in &found.broken {
        for violation in violations {
            kinds.entry(kind(&violation.to_string())).or_insert(*seed);
        }
    }
    for (kind, seed) in kinds.iter().take(MOST_SHOWN) {
        show_shortest(*seed, kind.split(':').next().unwrap_or_default());
    }
    for (kind, seed) in kinds.iter().skip(MOST_SHOWN) {
        println!("also, not shortened: seed {seed}: {kind}");
    }
    if found.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many histories it takes until one breaks a promise.
fn noticed(seeds: &Seeds) -> ExitCode {
    let found = search(seeds, |so_far| {
        if so_far.broken.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let Some((seed, violations)) = found.broken.first_key_value() else {
        println!("none of {} breaks a promise", found.histories + found.others);
        return ExitCode::SUCCESS;
    };
    let promises: BTreeSet<&str> = violations.iter().map(|one| one.promise.as_str()).collect();
    let promises: Vec<&str> = promises.into_iter().collect();
    let histories = found.histories + found.others;
    println!("{histories} histories, seed {seed}: {}", promises.join(", "));
    ExitCode::FAILURE
}

/// For comparing two builds, or two mutations: in which histories they differ at all.
fn digested(from: u64, count: u64) -> ExitCode {
    for (seed, digest) in digests(from, count) {
        println!("{seed} {digest:016x}");
    }
    ExitCode::SUCCESS
}

/// A violation without names and numbers.
fn kind(what: &str) -> String {
    let words = what.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    let promise = what.split(':').next().unwrap_or_default();
    format!("{promise}: {}", words.collect::<Vec<_>>().join(" "))
}

fn show_shortest(seed: u64, promise: &str) {
    let history = generate(seed);
    let met = play(&history, Trace::OfViolations).met;
    let shrunk = shrink(&history, &met, |shorter| breaks(shorter, promise));
    let played = play(&shrunk.history, Trace::OfViolations);
    let file = keep(&shrunk.history, &format!("{promise}-{seed}"));
    println!(
        "\nSeed {seed} breaks {promise}; the shortest of {} histories that does:",
        shrunk.plays
    );
    println!("{}", shrunk.history);
    for violation in &played.violations {
        println!("  broken: {violation}");
    }
    println!("  make simulate REPLAY={file}");
}

/// Keeps a history as data; the answer is where.
fn keep(history: &History, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let file = format!("target/histories/{}.json", name.chars().map(plain).collect::<String>());
    fs::create_dir_all("target/histories").unwrap();
    fs::write(&file, serde_json::to_string_pretty(history).unwrap()).unwrap();
    file
}

/// Of fewer histories most of the time is the beginning.
const ENOUGH_TO_COMPARE: u64 = 1_000;

/// So many bare calls say what a call costs.
const BARE_CALLS: usize = 20_000;

/// Calls a second.
fn rate(calls: u64, took: Duration) -> f64 {
    f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) / took.as_secs_f64()
}

fn tell_floor(found: &Found) {
    let (calls, took) = bare_calls(BARE_CALLS);
    let (bare, played) = (rate(calls, took), rate(found.calls, found.took));
    println!(
        "floor:    {bare:.0} bare calls of the SDK a second: one of a history costs {:.1} times as much",
        bare / played
    );
}

fn tell(found: &Found) {
    let Found {
        histories,
        others,
        calls,
        invocations,
        lasted,
        took,
        faults,
        outcomes,
        alarms,
        actions,
        broken,
    } = found;
    let seconds = took.as_secs_f64();
    let years = lasted.as_secs_f64() / (365.25 * 86_400.0);
    println!(
        "{histories} histories in {seconds:.1} s: {:.0} a second, {:.0} calls a second,",
        rate(*histories, *took),
        rate(*calls, *took)
    );
    if *others > 0 {
        println!("{others} histories tell other stories");
    }
    println!(
        "{calls} calls, {invocations} invocations, {years:.2} virtual years ({:.1} years an hour)",
        years / seconds * 3_600.0
    );
    let line = |counts: Vec<(String, u64)>| {
        counts
            .into_iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    println!(
        "faults:   {}",
        line(faults.iter().map(|(kind, count)| (kind.to_string(), *count)).collect())
    );
    println!("actions:  {}", line(actions.clone().into_iter().collect()));
    println!("receipts: {}", line(outcomes.clone().into_iter().collect()));
    let alarms = alarms.iter();
    let told =
        alarms.map(|(name, (must, rang))| format!("{name} had to in {must}, rang in {rang}"));
    println!("alarms:   {}", told.collect::<Vec<_>>().join("; "));
    println!("broken:   {} histories", broken.len());
}
