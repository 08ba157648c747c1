//! People ask: the inspector why one task was spared and another stopped, and the doctor what is wrong with a stack
//! that was set up with two mistakes.

use super::Failure;
use super::local_stack::LocalStack;
use super::page;
use super::part::Part;
use super::promises::{Promise, print};
use crate::local_aws::Lambda;
use comfy_table::{ContentArrangement, Table, presets::ASCII_MARKDOWN};
use serde_json::{Value, json};

/// Asks why `spared` runs on, and why `stopped` does not; then the doctor. Answers how many promises were broken.
pub(super) async fn ask(
    local: &LocalStack,
    spared: &Part,
    stopped: &Part,
) -> Result<usize, Failure> {
    let calls_before = local.world.calls().len();
    let (why_spared, why_stopped) = (why(local, spared).await?, why(local, stopped).await?);
    let calls = local.world.calls().split_off(calls_before);
    local.say(
        "The doctor of a stack with two mistakes: the wrong port, and a bucket that is not there",
    );
    let answer = local.mistaken.invoke(Lambda::Completion, &json!({ "doctor": {} })).await?;
    let lights = &answer["lights"];
    let found = findings(&answer);
    let green = &lights["green"];
    println!(
        "\nWhat its completion function finds ({green} checks are green, and left out):\n\n{found}\n"
    );
    local.page().table(page::Part::Doctor, &found);
    let cause = why_stopped["tasks"][0]["end"]["stopped_by"].as_str().unwrap_or_default();
    let promises: [Promise; 5] = [
        (
            "mia's row is told, and what would change it",
            why_spared["tasks"][0]["row"] == "T9b unrouted"
                && why_spared["tasks"][0]["change"].is_string(),
        ),
        (
            "judy's end is told: by this system, for her age, her artifacts confirmed",
            cause == "this system, for orphan_too_old; artifacts confirmed",
        ),
        (
            "judy's receipt, and what the sweeps said of her, are in the answer",
            why_stopped["receipts"][0]["outcome"] == "cleaned"
                && why_stopped["sweeps"].as_array().is_some_and(|said| said.len() >= 3),
        ),
        (
            "nothing but reads was called for the answers",
            !calls.is_empty() && calls.iter().all(|call| !call.api.changes_something()),
        ),
        (
            "both mistakes are red (the port in two places), each with what to do",
            mistakes(&answer) == MISTAKES,
        ),
    ];
    Ok(print("Asked why, and examined", &promises, local))
}

/// What is red in the mistaken stack: the port shows in its group, and in whom it reaches.
const MISTAKES: [&str; 3] = ["artifact_bucket", "route", "target_group"];

async fn why(local: &LocalStack, part: &Part) -> Result<Value, Failure> {
    let session = part.task.session_id();
    local.say(&format!("Someone asks why: {{\"explain\": \"{session}\"}}"));
    let answer = local.stack.invoke(Lambda::Inspector, &json!({ "explain": session })).await?;
    let Some(text) = answer["text"].as_str() else {
        return Err(format!("the inspector answered no text, but {answer}").into());
    };
    println!("\n{text}");
    local.page().text(page::Part::Why, text);
    Ok(answer)
}

fn red(answer: &Value) -> impl Iterator<Item = &Value> {
    let checks = answer["checks"].as_array().into_iter().flatten();
    checks.filter(|check| check["light"] == "red")
}

fn mistakes(answer: &Value) -> Vec<&str> {
    let with_a_fix = red(answer).filter(|check| check["fix"].is_string());
    let mut names: Vec<&str> = with_a_fix.filter_map(|check| check["name"].as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn findings(answer: &Value) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(120).set_header(["light", "check", "of", "found", "what to do"]);
    let checks = answer["checks"].as_array().into_iter().flatten();
    for check in checks.filter(|check| check["light"] != "green") {
        let text = |name: &str| check[name].as_str().unwrap_or("-").to_owned();
        table.add_row(["light", "name", "subject", "found", "fix"].map(text));
    }
    table
}
