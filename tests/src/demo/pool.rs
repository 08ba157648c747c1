//! The third act, without a load balancer: a warm pool. Its tasks wait; sessions claim them, end, crash and are
//! forgotten; and one sweep looks after what no event reported.

mod cast;
mod promises;

use super::Failure;
use super::local_stack::{LocalStack, PATIENCE};
use super::page;
use super::tables::{table, task};
use crate::local_aws::{Lambda, eventually};
use cast::Cast;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Plays the act; answers how many promises were broken.
pub(super) async fn play(local: &LocalStack) -> Result<usize, Failure> {
    let LocalStack { pool, world, served, .. } = local;
    local
        .say("A pool without a load balancer: its tasks wait, and sessions claim them by two tags");
    let calls_before = world.calls().len();
    let cast = Cast::start(world, served).await;
    local.say("Two of them end: one by its owner's event, one by a crash");
    cast.end(world, pool).await?;
    let mut receipts = BTreeMap::new();
    eventually("two receipts of the pool", PATIENCE, async || {
        receipts = pool.ledger("receipts/").await?;
        Ok((receipts.len() >= 2).then_some(()))
    })
    .await?;
    local.say("One sweep, which acts");
    let report = pool.invoke(Lambda::Reaper, &json!({ "mode": "enforce" })).await?;
    let receipts = pool.ledger("receipts/").await?;
    let became = became(local, &cast, &receipts, &report);
    println!("\nThe pool, and what became of it:\n\n{became}\n");
    local.page().table(page::Part::Pool, &became);
    let calls = world.calls().split_off(calls_before);
    Ok(promises::check(local, &cast, &receipts, &report, &calls))
}

fn became(
    local: &LocalStack,
    cast: &Cast,
    receipts: &BTreeMap<String, Value>,
    report: &Value,
) -> comfy_table::Table {
    let mut table = table(&["who", "story", "task", "row", "outcome"]);
    for part in cast.parts() {
        let finding = finding(report, part.task.arn());
        let receipt = receipts.values().find(|receipt| receipt["task_arn"] == part.task.arn());
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("-").to_owned();
        table.add_row([
            part.task.session_id().to_owned(),
            part.story.to_owned(),
            task(&local.world, &part.task),
            text(finding.map(|finding| &finding["row"])),
            text(receipt.map(|receipt| &receipt["outcome"])),
        ]);
    }
    table
}

/// What a sweep's report says of a task.
fn finding<'a>(report: &'a Value, task: &str) -> Option<&'a Value> {
    report["tasks"].as_array()?.iter().find(|finding| finding["task_arn"] == task)
}
