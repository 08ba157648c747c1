//! The demo: a handful of sessions, the events of their ends on the bus, and what became of them.
//!
//! The chain is real from the bus to the binary: EventBridge rule, SQS queue, event source mapping,
//! the function as it is deployed. Only ECS, the load balancer and the containers are simulated, and
//! they are served over HTTP. After its start the demo changes the world only as a producer or a
//! container could.

mod cast;
mod promises;
mod sequential;
mod tables;
mod timeline;

use crate::local_aws::{LocalAws, LocalAwsError, Stack, eventually, free_port};
use crate::served::{Artifacts, Served};
use crate::world::{Latency, Setup, World};
use cast::Cast;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

/// What a call takes here: enough for the eye.
const ECS: Duration = Duration::from_millis(200);
const LOAD_BALANCER: Duration = Duration::from_secs(1);

/// Longer than any wait of the demo, should something be stuck.
const PATIENCE: Duration = Duration::from_secs(90);

/// Shows it all.
///
/// # Errors
/// What could not be started, what took too long, or which promise was not kept.
pub async fn show() -> Result<(), Failure> {
    let began = Instant::now();
    let say = |what: &str| println!("[{:5.1} s] {what}", began.elapsed().as_secs_f64());

    say("Starting the local AWS (MiniStack: EventBridge, SQS, Lambda, S3, CloudWatch Logs)");
    let port = free_port()?;
    let aws = LocalAws::start("demo", &format!("http://127.0.0.1:{port}")).await?;
    let world = World::new(Setup {
        latency: Latency { ecs: ECS, elb: LOAD_BALANCER, ..Latency::none() },
        ..Setup::in_real_time()
    });
    let setup = world.setup();
    aws.objects().create_bucket(&setup.artifact_bucket).await?;
    let at = Artifacts::At(aws.endpoint().to_owned());
    let served = Served::start(&world, port, at).await?;

    say("Deploying template.yaml with short timeouts (sam deploy)");
    let cluster = setup.cluster_arn(&setup.clusters[0]);
    let group = setup.target_group_arn(&setup.target_groups[0]);
    let stack = aws
        .deploy(
            "demo",
            &[
                ("Clusters", &cluster),
                ("Families", &setup.families[0]),
                ("TargetGroupArns", &group),
                ("ArtifactBucket", &setup.artifact_bucket),
                ("FunctionTimeout", "25"),
                ("UploadTimeout", "8s"),
                ("VerifyTimeout", "6s"),
                ("TargetTimeout", "6s"),
                ("StopTimeout", "3s"),
                ("ReceiptTimeout", "2s"),
                ("VisibilityTimeout", "26"),
                ("MaxReceiveCount", "2"),
            ],
        )
        .await?;

    say("Starting the sessions: one task each, registered with the load balancer");
    let mut cast = Cast::start(&world, &served).await;
    println!("\n{}\n", tables::before(&world, &cast));

    say("Putting the events of their ends on the bus");
    let invocations_before = stack.invocations().await?;
    cast.end(&world, &stack).await?;
    say("Meanwhile, the sequential way on a session of its own: upload, then target, then task");
    let sequential = sequential::clean_up(&served, &cast.grace.task).await?;
    say("Waiting for the receipts");
    let receipts = receipts(&stack, &cast, &say).await?;
    say("Sending the first event once more, as EventBridge may");
    stack.put_event("session.lifecycle", "Session Ended", &cast.alice_event).await?;
    let duplicate = eventually("the duplicate", PATIENCE, async || {
        let lines = stack.log_lines().await?;
        Ok(lines.into_iter().find(|line| line.contains("already_clean")))
    })
    .await?;
    say("Waiting for what can't be cleaned to be tried again and to reach the dead-letter queue");
    let dead_letters = eventually("two messages in the dead-letter queue", PATIENCE, async || {
        let letters = stack.dead_letters().await?;
        Ok((letters.len() >= 2).then_some(letters))
    })
    .await?;
    let seen = promises::Seen {
        receipts,
        duplicate,
        dead_letters,
        invocations: stack.invocations().await? - invocations_before,
        intents: stack.ledger("intents/").await?,
        artifacts: aws.objects().keys(&setup.artifact_bucket, "").await?,
        log: stack.log_lines().await?,
    };

    println!("\n{}\n", tables::after(&world, &cast, &seen));
    println!("{}", timeline::draw(&seen.receipts[cast.alice.task.id()], &sequential));
    println!("Receipts, in s3://{}/receipts/ :", stack.output("LedgerBucket"));
    for (task, receipt) in &seen.receipts {
        println!(
            "  {task}.json  {:12} {}",
            receipt["session_id"].as_str().unwrap_or("-"),
            receipt["outcome"]
        );
    }
    println!("\nThe one of bob, whose upload failed twice:\n");
    println!("{}\n", serde_json::to_string_pretty(&seen.receipts[cast.bob.task.id()])?);
    println!("The function's own binary was invoked {} times.\n", seen.invocations);

    let broken = promises::check(&world, &cast, &seen);
    if broken == 0 {
        say("All promises kept.");
        Ok(())
    } else {
        Err(format!("{broken} promises broken; the emulator's log is {}", aws.log_file().display())
            .into())
    }
}

/// Waits until every session that should have a receipt has its first, and each final one is final.
async fn receipts(
    stack: &Stack,
    cast: &Cast,
    say: &impl Fn(&str),
) -> Result<BTreeMap<String, Value>, LocalAwsError> {
    let expected = [&cast.alice, &cast.bob, &cast.carol, &cast.frank, &cast.heidi];
    let mut told = 0;
    eventually("five receipts", PATIENCE, async || {
        let found: BTreeMap<String, Value> = stack
            .ledger("receipts/")
            .await?
            .into_iter()
            .map(|(key, receipt)| {
                let id = key.trim_start_matches("receipts/").trim_end_matches(".json");
                (id.to_owned(), receipt)
            })
            .collect();
        let there = expected.iter().filter(|part| found.contains_key(part.task.id())).count();
        if there > told {
            told = there;
            say(&format!("  {there} of {}", expected.len()));
        }
        Ok((there == expected.len()).then_some(found))
    })
    .await
}
