//! `make doctor STACK=name`: asks every function of a stack how it is, adds what only an operator can see, and
//! prints one page. Exit code 1: something is red; 2: the stack could not be asked.

mod aws;
mod functions;
mod stack;

use functions::{Answered, ask};
use jiff::Timestamp;
use session_cleanup::clock::milliseconds;
use session_cleanup::doctor::{Check, DoctorReport, Examined, page};
use stack::{Resources, mappings, queues, rules};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

/// The functions of a stack, each with the output that tells its name.
const FUNCTIONS: [(Examined, &str); 3] = [
    (Examined::Completion, "CompletionFunction"),
    (Examined::Reaper, "ReaperFunction"),
    (Examined::Inspector, "InspectorFunction"),
];

fn main() -> ExitCode {
    let Some(stack) = std::env::args().nth(1).filter(|name| !name.is_empty()) else {
        eprintln!("say which: doctor STACK");
        return ExitCode::from(2);
    };
    match examine(&stack) {
        Ok(reports) => {
            print!("{}", page(&reports, Timestamp::now()));
            ExitCode::from(u8::from(reports.iter().any(DoctorReport::is_red)))
        }
        Err(problem) => {
            eprintln!("the stack {stack} can't be asked: {problem}");
            ExitCode::from(2)
        }
    }
}

/// What is found: of the stack first, then of each function.
fn examine(stack: &str) -> Result<Vec<DoctorReport>, String> {
    let (began, now) = (Instant::now(), Timestamp::now());
    let (outputs, resources) = (outputs(stack)?, Resources::of(stack)?);
    let named = |output: &str| outputs.get(output).map(String::as_str);
    let (answers, mut seen) = thread::scope(|scope| {
        let asking: Vec<_> = FUNCTIONS
            .into_iter()
            .filter_map(|(function, output)| Some((function, named(output)?)))
            .map(|(function, name)| scope.spawn(move || ask(function, name)))
            .collect();
        let looking = [
            scope.spawn(|| queues(&resources)),
            scope.spawn(|| rules(&resources)),
            scope.spawn(|| named("CompletionFunction").map(mappings).unwrap_or_default()),
        ];
        let answers: Vec<Answered> = asking
            .into_iter()
            .map(ScopedJoinHandle::join)
            .collect::<Result<_, _>>()
            .map_err(drop)?;
        let seen: Vec<Vec<Check>> = looking
            .into_iter()
            .map(ScopedJoinHandle::join)
            .collect::<Result<_, _>>()
            .map_err(drop)?;
        Ok::<_, ()>((answers, seen.concat()))
    })
    .map_err(|()| "a question ended badly".to_owned())?;
    let mut reports = Vec::new();
    for Answered { checks, report } in answers {
        seen.extend(checks);
        reports.extend(report);
    }
    let took = milliseconds(began.elapsed());
    reports.insert(0, DoctorReport::new(Examined::Stack, now, took, seen));
    Ok(reports)
}

fn outputs(stack: &str) -> Result<BTreeMap<String, String>, String> {
    let answer = aws::aws(&["cloudformation", "describe-stacks", "--stack-name", stack])?;
    let outputs = answer["Stacks"][0]["Outputs"].as_array().cloned().unwrap_or_default();
    let pair = |output: &serde_json::Value| {
        let text = |field: &str| Some(output[field].as_str()?.to_owned());
        Some((text("OutputKey")?, text("OutputValue")?))
    };
    let outputs: BTreeMap<String, String> = outputs.iter().filter_map(pair).collect();
    if outputs.contains_key("CompletionFunction") && outputs.contains_key("ReaperFunction") {
        Ok(outputs)
    } else {
        Err("its outputs name no functions: is it a stack of template.yaml?".to_owned())
    }
}
