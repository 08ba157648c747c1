//! The demo: a handful of sessions, the events of their ends, and what became of them.
//!
//! The chain is real from the bus to the binary: EventBridge rule, SQS queue, event source mapping,
//! the function as it is deployed. Only ECS, the load balancer and the containers are simulated, and
//! they are served over HTTP. After its start the demo changes the world only as a producer or a
//! container could.

mod cast;
mod promises;
mod seen;
mod sequential;
mod tables;
mod timeline;

use crate::local_aws::{
    Lambda, LocalAws, LocalAwsError, Stack, eventually, free_port, function_binary,
};
use crate::served::{Artifacts, Served};
use crate::world::{Latency, Setup, World};
use cast::Cast;
use seen::Seen;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

/// What a call takes here: enough for the eye.
const ECS: Duration = Duration::from_millis(200);
const LOAD_BALANCER: Duration = Duration::from_secs(1);

/// Longer than any wait of the demo, should something be stuck.
const PATIENCE: Duration = Duration::from_secs(90);

/// Short, so that a message is tried again and given up while someone watches.
const PARAMETERS: [(&str, &str); 8] = [
    ("FunctionTimeout", "20"),
    ("UploadTimeout", "8s"),
    ("VerifyTimeout", "6s"),
    ("TargetTimeout", "6s"),
    ("StopTimeout", "3s"),
    ("ReceiptTimeout", "2s"),
    ("VisibilityTimeout", "21"),
    ("MaxReceiveCount", "2"),
];

/// Shows it all.
///
/// # Errors
/// What could not be started, what took too long, or which promise was not kept.
pub async fn show() -> Result<(), Failure> {
    let clock = Clock(Instant::now());
    // Before anything is started: is what will be shown what is in the sources?
    function_binary(Lambda::Completion)?;
    clock.say("Starting the local AWS (MiniStack: EventBridge, SQS, Lambda, S3, CloudWatch Logs)");
    let port = free_port()?;
    let aws = LocalAws::start("demo", &format!("http://127.0.0.1:{port}")).await?;
    let world = World::new(Setup {
        latency: Latency { ecs: ECS, elb: LOAD_BALANCER, ..Latency::none() },
        ..Setup::in_real_time()
    });
    let bucket = world.setup().artifact_bucket;
    aws.objects().create_bucket(&bucket).await?;
    let at = Artifacts::At(aws.endpoint().to_owned());
    let served = Served::start(&world, port, at).await?;

    clock.say("Deploying template.yaml, with short timeouts (sam deploy)");
    let stack = deploy(&aws, &world.setup()).await?;

    clock.say("Starting the sessions: one task each, registered with the load balancer");
    let mut cast = Cast::start(&world, &served).await;
    println!("\n{}\n", tables::before(&world, &cast));

    clock.say("Putting the events of their ends on the bus");
    let invocations_before = stack.invocations(Lambda::Completion).await?;
    cast.end(&world, &stack).await?;
    clock.say("Meanwhile, today's way with grace: upload, then target, then task, one by one");
    let sequential = sequential::clean_up(&served, &cast.grace.task).await?;
    watch_receipts(&stack, &cast, &clock).await?;
    clock.say("Putting alice's event on the bus once more, as EventBridge itself may");
    stack.put_event("session.lifecycle", "Session Ended", &cast.alice_event).await?;
    watch_dead_letters(&stack, &cast, &clock).await?;

    let seen = Seen::gather(&aws, &stack, &bucket, invocations_before).await?;
    println!("\n{}\n", tables::after(&world, &cast, &seen));
    println!("{}", timeline::draw(&seen.receipts[cast.alice.task.id()], &sequential));
    print_receipts(&stack, &cast, &seen)?;
    println!("The function's own binary ran {} invocations.\n", seen.invocations);
    let broken = promises::check(&world, &cast, &seen);
    if broken == 0 {
        clock.say("All promises kept.");
        Ok(())
    } else {
        Err(format!("{broken} of its promises were not kept (BROKEN above)").into())
    }
}

/// Says what happens, and when.
struct Clock(Instant);

impl Clock {
    fn say(&self, what: &str) {
        println!("[{:5.1} s] {what}", self.0.elapsed().as_secs_f64());
    }
}

async fn deploy(aws: &LocalAws, setup: &Setup) -> Result<Stack, LocalAwsError> {
    let cluster = setup.cluster_arn(&setup.clusters[0]);
    let group = setup.target_group_arn(&setup.target_groups[0]);
    let mut parameters = PARAMETERS.to_vec();
    parameters.extend([
        ("Clusters", cluster.as_str()),
        ("Families", &setup.families[0]),
        ("TargetGroupArns", &group),
        ("ArtifactBucket", &setup.artifact_bucket),
    ]);
    aws.deploy("demo", &parameters).await
}

/// Waits until every session that should have a receipt has one, and says when each comes.
async fn watch_receipts(stack: &Stack, cast: &Cast, clock: &Clock) -> Result<(), LocalAwsError> {
    clock.say("Waiting for the receipts");
    let mut missing = cast.with_receipt().to_vec();
    eventually("five receipts", PATIENCE, async || {
        let receipts = seen::receipts(stack).await?;
        missing.retain(|part| {
            let Some(receipt) = receipts.get(part.task.id()) else { return true };
            let outcome = receipt["outcome"].as_str().unwrap_or_default();
            clock.say(&format!("  {}: {outcome}", part.task.session_id()));
            false
        });
        Ok(missing.is_empty().then_some(()))
    })
    .await
}

/// Waits until alice's second event is answered and the two events that can't succeed have been
/// tried again and given up.
async fn watch_dead_letters(
    stack: &Stack,
    cast: &Cast,
    clock: &Clock,
) -> Result<(), LocalAwsError> {
    clock.say("Waiting for what can't be cleaned to be delivered again, and then given up");
    let mut known = seen::Outcomes::read(&stack.log_lines(Lambda::Completion).await?);
    let mut given_up = 0;
    eventually("two messages in the dead-letter queue", PATIENCE, async || {
        let outcomes = seen::Outcomes::read(&stack.log_lines(Lambda::Completion).await?);
        for part in [&cast.alice, &cast.carol, &cast.dave] {
            let deliveries = outcomes.of(part).iter().enumerate();
            for (before, outcome) in deliveries.skip(known.of(part).len()) {
                let session = part.task.session_id();
                clock.say(&format!("  {session}, delivery {}: {outcome}", before + 1));
            }
        }
        known = outcomes;
        let letters = stack.dead_letters().await?.len();
        if letters > given_up {
            given_up = letters;
            clock.say(&format!("  in the dead-letter queue: {given_up} of 2"));
        }
        Ok((given_up >= 2 && known.of(&cast.alice).len() >= 2).then_some(()))
    })
    .await
}

fn print_receipts(stack: &Stack, cast: &Cast, seen: &Seen) -> Result<(), Failure> {
    println!("Receipts, in s3://{}/receipts/:", stack.output("LedgerBucket"));
    for (task, receipt) in &seen.receipts {
        let text = |name: &str| receipt[name].as_str().unwrap_or("-").to_owned();
        println!("  {task}.json  {:6} {}", text("session_id"), text("outcome"));
    }
    let receipt = serde_json::to_string_pretty(&seen.receipts[cast.bob.task.id()])?;
    println!("\nThe one of bob, whose upload failed twice:\n\n{receipt}\n");
    Ok(())
}
