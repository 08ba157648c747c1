//! The second act: what no event spoke of. Sessions that no one will end, targets that nobody stands
//! behind, and those that only look so; two sweeps that look, and two that act.

mod cast;
mod promises;
mod stranger;
mod sweep;
mod tables;

use super::Failure;
use super::part::Part;
use super::stage::{SWEEP_INTERVAL, Stage};
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
    pub(super) async fn look_twice(stage: &Stage, carol: &Part) -> Result<Self, Failure> {
        stage.say("Meanwhile, the reaper: starting what no event speaks of");
        let cast = Cast::start(&stage.world, &stage.served, carol).await;
        let stranger = Stranger::settles_at(cast.foreign.address, &stage.world).await?;
        let mut marks = Marks::set(stage).await?;
        let first = Sweep::run(stage, "report").await?;
        half_an_interval_passes(stage).await;
        let second = Sweep::run(stage, "report").await?;
        marks.looked(stage, &cast).await?;
        println!(
            "\nNothing was touched. What the second report says, and what `enforce` would do:\n"
        );
        println!("{}\n", tables::found(&stage.world, &cast, &second));
        Ok(Self { cast, looks: [first, second], marks, _stranger: stranger })
    }

    /// Two sweeps act; answers how many promises were broken.
    pub(super) async fn enforce_twice(self, stage: &Stage) -> Result<usize, Failure> {
        let Self { cast, looks, mut marks, _stranger } = self;
        stage.say("The reaper again, and now it acts");
        let first = Sweep::run(stage, "enforce").await?;
        half_an_interval_passes(stage).await;
        marks.acted(stage);
        let second = Sweep::run(stage, "enforce").await?;
        marks.over(stage).await?;
        println!("\nWhat became of them:\n");
        println!("{}\n", tables::became(&stage.world, &cast, &first));
        let mia = serde_json::to_string_pretty(first.task(&cast.mia.task))?;
        println!("What the report says about mia, who was spared:\n\n{mia}\n");
        let ran = marks.invocations(stage).await?;
        println!("The reaper's own binary ran {ran} invocations. Their reports are in the ledger:");
        let sweeps = [&looks[0], &looks[1], &first, &second];
        for sweep in sweeps {
            println!("  s3://{}/{}", stage.stack.output("LedgerBucket"), sweep.kept_as());
        }
        println!();
        Ok(promises::check(stage, &cast, sweeps, &marks, ran))
    }
}

async fn half_an_interval_passes(stage: &Stage) {
    let half = SWEEP_INTERVAL / 2;
    stage.say(&format!("Half a sweep interval passes ({} s)", half.as_secs()));
    sleep(half).await;
}
