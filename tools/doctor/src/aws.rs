//! The AWS CLI, with the operator's own rights: each command as it could be typed.

use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs a command, and reads its answer. An empty answer is `null`.
///
/// # Errors
/// What the CLI said.
pub(crate) fn aws(arguments: &[&str]) -> Result<Value, String> {
    // For SQS the CLI's first version has an address of its own, which comes before the variable's.
    let elsewhere = std::env::var("AWS_ENDPOINT_URL").ok();
    let elsewhere = elsewhere.filter(|url| arguments.first() == Some(&"sqs") && !url.is_empty());
    let elsewhere = elsewhere.iter().flat_map(|url| ["--endpoint-url", url]);
    let output = Command::new("aws")
        .args(arguments)
        .args(elsewhere)
        .args(["--output", "json"])
        .env("AWS_PAGER", "")
        .stdin(Stdio::null())
        .output()
        .map_err(|problem| format!("the AWS CLI can't be run: {problem}"))?;
    if !output.status.success() {
        return Err(said(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|problem| format!("it answered no JSON: {problem}"))
}

/// Invokes a function with `payload`, and reads what it answers.
///
/// # Errors
/// What the CLI, or the function, said.
pub(crate) fn invoke(function: &str, payload: &Value) -> Result<Value, String> {
    let folder = std::env::temp_dir().join(format!("doctor-{}-{function}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|problem| problem.to_string())?;
    let (question, answer) = (folder.join("question.json"), folder.join("answer.json"));
    let asked = invoke_by_files(function, payload, (&question, &answer));
    // What is left of it would be litter, and no harm.
    let _cleared = std::fs::remove_dir_all(&folder);
    asked
}

fn invoke_by_files(
    function: &str,
    payload: &Value,
    (question, answer): (&std::path::Path, &std::path::Path),
) -> Result<Value, String> {
    let mut file = std::fs::File::create(question).map_err(|problem| problem.to_string())?;
    write!(file, "{payload}").map_err(|problem| problem.to_string())?;
    // As a file of bytes both versions of the CLI take it alike.
    let payload = format!("fileb://{}", question.display());
    let path = answer.display().to_string();
    let mut arguments = vec!["lambda", "invoke", "--function-name", function];
    arguments.extend(["--payload", &payload, "--cli-read-timeout", "90", &path]);
    let invoked = aws(&arguments)?;
    let text = std::fs::read_to_string(answer).map_err(|problem| problem.to_string())?;
    let answered: Value = serde_json::from_str(&text).map_err(|problem| problem.to_string())?;
    match invoked["FunctionError"].as_str() {
        None => Ok(answered),
        Some(_) => Err(answered["errorMessage"].as_str().unwrap_or("it failed").to_owned()),
    }
}

/// The last line of what the CLI complained of: the others are its usage.
fn said(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.next_back().unwrap_or("the AWS CLI failed, and did not say why").to_owned()
}
