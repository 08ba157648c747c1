//! The production functions over a simulated world: their configuration, their clients, their metrics.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::{Value, json};
use session_cleanup::aws::{Aws, HttpSeam, Pace};
use session_cleanup::clock::Clock;
use session_cleanup::config::Config;
use session_cleanup::container::SessionContainers;
use session_cleanup::context::Context;
use session_cleanup::metrics::Metrics;
use session_cleanup_tests::world::{Setup, World};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Lambda's time limit of the completion function (`template.yaml`).
pub const FUNCTION_TIMEOUT: Duration = Duration::from_mins(1);

/// Lambda's time limit of the reaper (`template.yaml`).
pub const REAPER_TIMEOUT: Duration = Duration::from_mins(4);

/// Lambda's time limit of the inspector (`template.yaml`).
pub const INSPECTOR_TIMEOUT: Duration = Duration::from_mins(1);

/// The time between two scheduled sweeps.
pub const INTERVAL: Duration = Duration::from_mins(5);

/// What a function of this world writes to standard output as metrics.
pub type MetricLines = Arc<Mutex<Vec<String>>>;

/// The variables of a function that fits the world's setup, with `changes` on top.
///
/// # Panics
/// If the functions refuse these variables.
#[must_use]
pub fn config(setup: &Setup, changes: &[(&str, &str)]) -> Config {
    let groups: Vec<String> =
        setup.target_groups.iter().map(|name| setup.target_group_arn(name)).collect();
    Config::from_variables(|name| {
        if let Some((_, value)) = changes.iter().find(|(known, _)| *known == name) {
            return Some((*value).to_owned());
        }
        match name {
            // Without a target group nothing else says where they are.
            "CLUSTERS" if groups.is_empty() => {
                let arns: Vec<String> =
                    setup.clusters.iter().map(|name| setup.cluster_arn(name)).collect();
                Some(arns.join(","))
            }
            "CLUSTERS" => Some(setup.clusters.join(",")),
            "FAMILIES" => Some(setup.families.join(",")),
            "TARGET_GROUP_ARNS" => Some(groups.join(",")),
            "ARTIFACT_BUCKET" => Some(setup.artifact_bucket.clone()),
            "LEDGER_BUCKET" => Some(setup.ledger_bucket.clone()),
            // Most fleets of these stories are small, and not about it.
            "BLAST_RADIUS_AT_LEAST" => Some("10".to_owned()),
            _ => None,
        }
    })
    .expect("a configuration of the tests")
}

pub(crate) fn sdk(setup: &Setup) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "simulation");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(setup.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// A function instance that calls as `caller`.
#[must_use]
pub fn function(world: &World, caller: &str) -> Arc<Context> {
    function_with(world, caller, &[]).0
}

/// The same with variables of its own, and with what it writes as metrics.
#[must_use]
pub fn function_with(
    world: &World,
    caller: &str,
    changes: &[(&str, &str)],
) -> (Arc<Context>, MetricLines) {
    let seam = HttpSeam::new(world.caller(caller));
    function_over(world, &seam, caller, changes)
}

/// The same, at a pace of its own.
#[must_use]
pub fn function_at(
    world: &World,
    caller: &str,
    pace: Pace,
    changes: &[(&str, &str)],
) -> (Arc<Context>, MetricLines) {
    let seam = HttpSeam::new(world.caller(caller));
    function_of(world, &seam, caller, pace, changes)
}

/// The same over any HTTP client.
#[must_use]
pub fn function_over(
    world: &World,
    seam: &HttpSeam,
    caller: &str,
    changes: &[(&str, &str)],
) -> (Arc<Context>, MetricLines) {
    function_of(world, seam, caller, Pace::as_aws_allows(), changes)
}

fn function_of(
    world: &World,
    seam: &HttpSeam,
    caller: &str,
    pace: Pace,
    changes: &[(&str, &str)],
) -> (Arc<Context>, MetricLines) {
    let setup = world.setup();
    fastrand::seed(setup.seed);
    let config = config(&setup, changes);
    let clock = Clock::new(world.time_source());
    let aws = Aws::new(&config, &clock, seam, &sdk(&setup), pace, &retry_budget(caller));
    let containers = SessionContainers::new(seam, &config, &clock);
    let lines = MetricLines::default();
    let sink = Arc::clone(&lines);
    let stack = config.stack_name.clone();
    let metrics = Metrics::new(&clock, &stack, move |line| {
        sink.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    });
    (Arc::new(Context { config, aws, containers, clock, metrics }), lines)
}

/// A retry budget of its own: those of one name are one, in the whole process, and what another test's
/// function had used up would change this one's history.
fn retry_budget(caller: &str) -> String {
    static FUNCTIONS: AtomicUsize = AtomicUsize::new(0);
    format!("{caller}-{}", FUNCTIONS.fetch_add(1, Ordering::Relaxed))
}

/// Message bodies as Lambda hands them over; the ids are `0`, `1`, …
#[must_use]
pub fn batch(bodies: &[String]) -> Value {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| json!({ "messageId": number.to_string(), "body": body }))
        .collect();
    json!({ "Records": records })
}

/// The same of events, each with how often the queue has delivered it.
#[must_use]
pub fn batch_received(events: &[(&Value, u32)]) -> Value {
    let bodies: Vec<String> = events.iter().map(|(event, _)| event.to_string()).collect();
    let mut payload = batch(&bodies);
    for (number, (_, received)) in events.iter().enumerate() {
        payload["Records"][number]["attributes"] =
            json!({ "ApproximateReceiveCount": received.to_string() });
    }
    payload
}

/// The places of the items that failed, in their order.
#[must_use]
pub fn failed_items(answer: &Value) -> Vec<usize> {
    let mut failed: Vec<usize> = answer["batchItemFailures"]
        .as_array()
        .expect("a list of failures")
        .iter()
        .map(|item| item["itemIdentifier"].as_str().unwrap().parse().unwrap())
        .collect();
    failed.sort_unstable();
    failed
}
