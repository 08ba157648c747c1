//! The Python programs that judge.

use crate::ROOT;
use serde_json::Value;
use session_cleanup_tests::template::TEMPLATE;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// What a program of this folder prints, as JSON. What it has to say to people is passed on.
pub(crate) fn ask(program: &str, arguments: &[&str]) -> Value {
    ask_about(program, arguments, &Value::Null)
}

/// The same of a program that reads a document.
pub(crate) fn ask_about(program: &str, arguments: &[&str], document: &Value) -> Value {
    let mut child = python(program, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python is in .venv: run `make setup`");
    child.stdin.take().unwrap().write_all(document.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} says {said}");
    print!("{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A program of this folder, before it runs.
pub(crate) fn python(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(format!("{ROOT}/.venv/bin/python"));
    command
        .arg(format!("{ROOT}/tests/conformance/{program}"))
        .args(arguments)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The lines of a list of problems.
pub(crate) fn problems(answer: &Value) -> Vec<&str> {
    let problems = answer["problems"].as_array().expect("a list of problems");
    problems.iter().map(|problem| problem.as_str().expect("a sentence")).collect()
}

/// Where the transformed template is written down.
pub(crate) fn template() -> String {
    static PATH: LazyLock<String> = LazyLock::new(|| {
        let folder = folder();
        let path = format!("{folder}/template.json");
        std::fs::write(&path, TEMPLATE.to_string()).unwrap();
        path
    });
    PATH.clone()
}

/// Where things are written that programs read.
pub(crate) fn folder() -> String {
    let folder = format!("{ROOT}/target/conformance");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
