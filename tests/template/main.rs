//! What `template.yaml` promises: least privilege, nothing lost between bus and function, time-outs
//! that fit into one another, one sweep at a time, alarms that can ring, and rules that take exactly
//! the events that are ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod alarms;
mod configuration;
mod dashboard;
mod deployed;
mod events;
mod inspector;
mod interface;
mod limits;
mod pages;
mod permissions;
mod refused;
mod resolve;
mod sweeps;

use serde_json::{Map, Value};
pub(crate) use session_cleanup_tests::template::TEMPLATE;
use std::io::Write;
use std::process::{Command, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What a Python program of `.venv` prints, as JSON.
fn python(program: &str, argument: &str, input: &str) -> Value {
    let mut child = Command::new(format!("{ROOT}/.venv/bin/python"))
        .args(["-c", program, argument])
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python is in .venv: run `make setup`");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Python says {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn properties(resource: &str) -> &'static Value {
    let properties = &TEMPLATE["Resources"][resource]["Properties"];
    assert!(properties.is_object(), "there is no resource {resource}");
    properties
}

/// The resources of a type: their names and properties.
fn all(kind: &str) -> Vec<(&'static str, &'static Value)> {
    let resources: &Map<String, Value> = TEMPLATE["Resources"].as_object().unwrap();
    let of_kind = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    let found: Vec<_> =
        of_kind.map(|(name, resource)| (name.as_str(), &resource["Properties"])).collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

fn default_of(parameter: &str) -> &'static Value {
    &TEMPLATE["Parameters"][parameter]["Default"]
}

/// The default of a parameter that is a number of seconds, or a duration such as `30s` or `5m`.
fn seconds(parameter: &str) -> u64 {
    let default = default_of(parameter);
    default.as_u64().unwrap_or_else(|| {
        let text = default.as_str().unwrap_or_else(|| panic!("{parameter} has no default"));
        let (number, unit) = text.split_at(text.len() - 1);
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => panic!("{parameter} is {text}"),
        };
        number.parse::<u64>().unwrap() * unit
    })
}

/// A value as a list: IAM takes one or many.
fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |many| many.iter().collect())
}
