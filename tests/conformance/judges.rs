//! The Python programs that judge.

use crate::ROOT;
use serde_json::Value;
use std::process::Command;

/// What a program of this folder prints, as JSON. What it has to say to people is passed on.
pub(crate) fn ask(program: &str, arguments: &[&str]) -> Value {
    let output = Command::new(format!("{ROOT}/.venv/bin/python"))
        .arg(format!("{ROOT}/tests/conformance/{program}"))
        .args(arguments)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python is in .venv: run `make setup`");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} says {said}");
    print!("{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The lines of a list of problems.
pub(crate) fn problems(answer: &Value) -> Vec<&str> {
    let problems = answer["problems"].as_array().expect("a list of problems");
    problems.iter().map(|problem| problem.as_str().expect("a sentence")).collect()
}
