//! What the functions send, and what the world answers, is what AWS's own service models say.

use crate::judges::{ask, problems};
use crate::recording::RECORDING;
use serde_json::Value;
use std::sync::LazyLock;

/// What botocore's models say of everything that was recorded.
pub(crate) static VERDICT: LazyLock<Value> =
    LazyLock::new(|| ask("exchanges.py", &[&RECORDING.path]));

fn of_requests(problem: &str) -> bool {
    problem.contains("request")
}

#[test]
fn every_request_of_the_functions_is_one_that_the_service_models_allow() {
    let wrong: Vec<_> = problems(&VERDICT).into_iter().filter(|p| of_requests(p)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let seen = RECORDING.exchanges.len();
    assert!(seen > 2_000, "only {seen} are recorded: the test can't tell");
}

#[test]
fn every_answer_of_the_world_is_one_that_aws_could_give() {
    let wrong: Vec<_> = problems(&VERDICT).into_iter().filter(|p| !of_requests(p)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
