//! How one cleanup divides the invocation's time: what each step may take, and what it must leave for
//! the steps after it.

use crate::config::Timeouts;
use crate::deadline::Deadline;
use crate::session::Stage;
use std::time::Duration;

/// ECS's API is eventually consistent (AWS's reference, `RunTask`). AWS gives no bound; what is seen are seconds.
const READS_LAG: Duration = Duration::from_secs(10);

/// The time of one cleanup. Each answer is the moment by which a step that begins now gives up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget<'a> {
    invocation: Deadline,
    timeouts: &'a Timeouts,
}

impl<'a> Budget<'a> {
    pub(super) fn of(invocation: Deadline, timeouts: &'a Timeouts) -> Self {
        Self { invocation, timeouts }
    }

    pub(super) fn identify(self) -> Deadline {
        self.until_the_receipt().at_most(self.timeouts.identify)
    }

    /// How long what ECS shows may be out of date. Where nothing is to be uploaded, half of the time for that is free.
    pub(super) fn until_reads_are_up_to_date(self) -> Duration {
        READS_LAG.min(self.timeouts.upload / 2)
    }

    pub(super) fn artifacts(self, stage: Stage) -> Deadline {
        match stage {
            // Now or never: SIGKILL comes before the event does again.
            Stage::Dying => self.until_the_stop(),
            Stage::NeverStarted | Stage::Running | Stage::Over | Stage::Unknown => {
                self.until_the_stop().at_most(self.timeouts.upload)
            }
        }
    }

    /// For the turn to ask the container. Waiting for it takes nothing of the time that the upload may
    /// take: a question without time for its answer would look like one that was asked in vain.
    pub(super) fn turn(self, stage: Stage) -> Deadline {
        match stage {
            Stage::Dying => self.until_the_stop(),
            Stage::NeverStarted | Stage::Running | Stage::Over | Stage::Unknown => {
                self.until_the_stop().earlier(self.timeouts.upload)
            }
        }
    }

    pub(super) fn removal(self) -> Deadline {
        self.until_the_stop().at_most(self.timeouts.target)
    }

    pub(super) fn verification(self) -> Deadline {
        self.until_the_receipt().at_most(self.timeouts.verify)
    }

    pub(super) fn stop(self) -> Deadline {
        self.until_the_receipt().at_most(self.timeouts.stop)
    }

    /// For what takes as long as it takes, and is followed by the receipt alone.
    pub(super) fn until_the_receipt(self) -> Deadline {
        self.invocation.earlier(self.timeouts.receipt)
    }

    /// The receipt, and what is written beside it: nothing comes after them.
    pub(super) fn receipt(self) -> Deadline {
        self.invocation.at_most(self.timeouts.receipt)
    }

    /// What comes before the stop leaves time for two receipts: where artifacts are given up, one is
    /// written before the stop too.
    pub(super) fn until_the_stop(self) -> Deadline {
        self.invocation.earlier(self.timeouts.stop + self.timeouts.receipt * 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(deadline: Deadline) -> u64 {
        deadline.left().as_secs()
    }

    /// What comes before a stop never takes the time of the stop, nor of the two receipts around it.
    #[tokio::test(start_paused = true)]
    async fn each_step_leaves_the_steps_after_it_their_time() {
        let second = Duration::from_secs(1);
        let timeouts = Timeouts {
            identify: second * 100,
            upload: second * 30,
            target: second * 100,
            verify: second * 100,
            stop: second * 10,
            receipt: second * 4,
            deadline_margin: second,
        };
        let budget = Budget::of(Deadline::after(second * 60), &timeouts);
        assert_eq!([budget.identify(), budget.verification()].map(seconds), [56, 56]);
        assert_eq!([budget.removal(), budget.artifacts(Stage::Dying)].map(seconds), [42, 42]);
        assert_eq!(seconds(budget.turn(Stage::Dying)), 42);
        assert_eq!([budget.stop(), budget.receipt()].map(seconds), [10, 4]);
        for stage in [Stage::NeverStarted, Stage::Running, Stage::Over, Stage::Unknown] {
            assert_eq!([budget.artifacts(stage), budget.turn(stage)].map(seconds), [30, 12]);
        }
    }
}
