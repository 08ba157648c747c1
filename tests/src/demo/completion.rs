//! The first act: a handful of sessions, the events of their ends, and what became of them.

mod cast;
mod observed;
mod owner;
mod promises;
mod seen;
mod sequential;
mod tables;
mod timeline;

use super::Failure;
use super::local_stack::{LocalStack, PATIENCE};
use super::page;
use super::part::Part;
use crate::local_aws::{Lambda, LocalAwsError, eventually};
use cast::Cast;
use owner::Owner;
use seen::Seen;
use sequential::Measured;

/// The first act, while its queue is still at work.
pub(super) struct Act {
    cast: Cast,
    sequential: Vec<Measured>,
    invocations_before: usize,
    owner: Owner,
}

impl Act {
    /// Sessions start and end, and what can be cleaned is cleaned.
    pub(super) async fn begin(local: &LocalStack) -> Result<Self, Failure> {
        let LocalStack { stack, world, served, .. } = local;
        local.say("Starting the sessions: one task each, registered with the load balancer");
        let mut cast = Cast::start(world, served).await;
        println!("\n{}\n", tables::before(world, &cast));

        let owner = Owner::begin(stack, &cast).await?;
        local.say("Putting the events of their ends on the bus");
        let invocations_before = stack.invocations(Lambda::Completion).await?;
        cast.end(world, stack).await?;
        local.say("Meanwhile, today's way with grace: upload, then target, then task, one by one");
        observed::owner_speaks(local, &cast.grace).await?;
        let sequential = sequential::clean_up(served, &cast.grace.task).await?;
        watch_receipts(local, &cast).await?;
        local.say("Putting alice's event on the bus once more, as EventBridge itself may");
        stack.put_event("session.lifecycle", "Session Ended", &cast.alice_event).await?;
        Ok(Self { cast, sequential, invocations_before, owner })
    }

    /// Those whose artifacts are not confirmed: they are left to the reaper.
    pub(super) fn left_to_the_reaper(&self) -> [&Part; 2] {
        [&self.cast.carol, &self.cast.sven]
    }

    /// What can't be cleaned is dead-lettered; answers how many promises were broken.
    pub(super) async fn end(self, local: &LocalStack) -> Result<usize, Failure> {
        let Self { cast, sequential, invocations_before, mut owner } = self;
        watch_dead_letters(local, &cast).await?;
        let seen = Seen::gather(local, invocations_before).await?;
        println!("\nWhat became of the sessions whose ends were on the bus:\n");
        let after = tables::after(&local.world, &cast, &seen);
        println!("{after}\n");
        local.page().table(page::Part::Ended, &after);
        let ways = timeline::ways(&seen.receipts[cast.alice.task.id()], &sequential);
        println!("{}", timeline::draw(&ways));
        local.page().two_ways(&ways[0], &ways[1]);
        let baseline = observed::task_has_stopped(local, &cast.grace).await?;
        println!(
            "What `make baseline` says of her (a stack in the mode observe looked on):\n\n{}",
            baseline.text()
        );
        print_receipts(local, &cast, &seen)?;
        owner.read_receipts().await?;
        println!("{}", owner.story());
        println!("The completion function's own binary ran {} invocations.\n", seen.invocations);
        Ok(promises::check(local, &cast, &seen, &owner, (&baseline, &sequential)))
    }
}

/// Waits until every session that should have a receipt has one, and says when each comes.
async fn watch_receipts(local: &LocalStack, cast: &Cast) -> Result<(), LocalAwsError> {
    local.say("Waiting for the receipts");
    let mut missing = cast.with_receipt().to_vec();
    eventually("six receipts", PATIENCE, async || {
        let receipts = seen::receipts(&local.stack).await?;
        missing.retain(|part| {
            let Some(receipt) = receipts.get(part.task.id()) else { return true };
            let outcome = receipt["outcome"].as_str().unwrap_or_default();
            local.say(&format!("  {}: {outcome}", part.task.session_id()));
            false
        });
        Ok(missing.is_empty().then_some(()))
    })
    .await
}

/// Waits until alice's second event is answered and the four events that can't succeed have been
/// tried again and dead-lettered.
async fn watch_dead_letters(local: &LocalStack, cast: &Cast) -> Result<(), LocalAwsError> {
    let stack = &local.stack;
    local.say("Waiting for what can't be cleaned to be delivered again, and then dead-lettered");
    let mut known = seen::Outcomes::read(&[]);
    let mut given_up = 0;
    eventually("four messages in the dead-letter queue", PATIENCE, async || {
        let outcomes = seen::Outcomes::read(&stack.log_lines(Lambda::Completion).await?);
        for part in [&cast.alice, &cast.carol, &cast.dave, &cast.rita, &cast.sven] {
            let deliveries = outcomes.of(part).iter().enumerate();
            for (before, outcome) in deliveries.skip(known.of(part).len()) {
                let session = part.task.session_id();
                local.say(&format!("  {session}, delivery {}: {outcome}", before + 1));
            }
        }
        known = outcomes;
        let letters = stack.dead_letters().await?.len();
        if letters > given_up {
            given_up = letters;
            local.say(&format!("  in the dead-letter queue: {given_up} of 4"));
        }
        Ok((given_up >= 4 && known.of(&cast.alice).len() >= 2).then_some(()))
    })
    .await
}

fn print_receipts(local: &LocalStack, cast: &Cast, seen: &Seen) -> Result<(), Failure> {
    println!("Receipts, in s3://{}/receipts/:", local.stack.output("LedgerBucket"));
    for (task, receipt) in &seen.receipts {
        let text = |name: &str| receipt[name].as_str().unwrap_or("-").to_owned();
        println!("  {}/{task}.json  {}", text("session_id"), text("outcome"));
    }
    let receipt = serde_json::to_string_pretty(&seen.receipts[cast.bob.task.id()])?;
    println!("\nThe one of bob, whose upload failed twice:\n\n{receipt}\n");
    Ok(())
}
