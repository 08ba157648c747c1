//! `template.yaml` as it is really deployed.

use serde_json::Value;
use std::process::Command;
use std::sync::LazyLock;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The template after SAM's transform.
///
/// # Panics
/// Where Python with SAM is not in `.venv`, or can't transform the template.
pub static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
    let output = Command::new(format!("{ROOT}/.venv/bin/python"))
        .args(["-c", include_str!("template/transform.py"), &format!("{ROOT}/template.yaml")])
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .output()
        .expect("Python is in .venv: run `make setup`");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "SAM can't transform the template: {errors}");
    serde_json::from_slice(&output.stdout).expect("the transform prints JSON")
});
