//! The second act: what no event reported. Sessions that no one will end, targets that nobody stands
//! behind, and those that only look so; two sweeps that look, and three that act; then people ask why.

mod cast;
mod promises;
mod stranger;
mod sweep;
mod tables;

use super::Failure;
use super::asked::ask;
use super::local_stack::{LocalStack, SWEEP_INTERVAL};
use super::page;
use super::part::Part;
use cast::Cast;
use promises::Marks;
use stranger::Stranger;
use sweep::Sweep;
use tokio::time::sleep;

/// The second act, between looking and acting.
pub(super) struct Act {
    cast: Cast,
    looks: [Sweep; 2],
    marks: Marks,
    _stranger: Stranger,
}

impl Act {
    /// Sessions and targets are there, and two sweeps say what they would do.
    pub(super) async fn look_twice(local: &LocalStack, left: [&Part; 2]) -> Result<Self, Failure> {
        local.say("Meanwhile, the reaper: starting what no event reported");
        let cast = Cast::start(&local.world, &local.served, left).await;
        let stranger = Stranger::settles_at(cast.foreign.address, &local.world).await?;
        let mut marks = Marks::set(local).await?;
        let first = Sweep::run(local, "report").await?;
        half_an_interval_passes(local).await;
        let second = Sweep::run(local, "report").await?;
        marks.looked(local, &cast).await?;
        println!(
            "\nNothing was touched. What the second report says, and what `enforce` would do:\n"
        );
        let found = tables::found(&local.world, &cast, &second);
        println!("{found}\n");
        local.page().table(page::Part::Reported, &found);
        Ok(Self { cast, looks: [first, second], marks, _stranger: stranger })
    }

    /// Three sweeps act; answers how many promises were broken.
    pub(super) async fn enforce(self, local: &LocalStack) -> Result<usize, Failure> {
        let Self { cast, looks, mut marks, _stranger } = self;
        local.say("The reaper again, and now it acts: first on what the second report names, and on nothing else");
        let first = Sweep::by_plan(local, &looks[1]).await?;
        half_an_interval_passes(local).await;
        let second = Sweep::run(local, "enforce").await?;
        half_an_interval_passes(local).await;
        marks.acted(local);
        let last = Sweep::run(local, "enforce").await?;
        marks.over(local).await?;
        println!("\nWhat became of them:\n");
        let became = tables::became(&local.world, &cast, &[&first, &second]);
        println!("{became}\n");
        local.page().table(page::Part::Enforced, &became);
        let ran = marks.invocations(local).await?;
        println!("The reaper's own binary ran {ran} invocations. Their reports are in the ledger:");
        let sweeps = [&looks[0], &looks[1], &first, &second, &last];
        for sweep in sweeps {
            println!("  s3://{}/{}", local.stack.output("LedgerBucket"), sweep.kept_as());
        }
        println!();
        let broken = promises::check(local, &cast, sweeps, &marks, ran);
        Ok(broken + ask(local, &cast.mia, &cast.judy).await?)
    }
}

async fn half_an_interval_passes(local: &LocalStack) {
    let half = SWEEP_INTERVAL / 2;
    local.say(&format!("Half a sweep interval passes ({} s)", half.as_secs()));
    sleep(half).await;
}
