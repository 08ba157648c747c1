//! All that is published as metrics: what the functions print, and what AWS says of functions and queues.

use super::super::Ended;
use crate::history::Function;
use crate::play::logbook::CameTo;
use jiff::Timestamp;
use session_cleanup_tests::alarms::{MetricId, Published};
use std::time::Duration;
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);

pub(super) fn all(ended: &Ended<'_>) -> Published {
    let mut published = Published::default();
    ended.logbook.each_line(|line| published.print(line));
    errors(ended, &mut published);
    ages(ended, &mut published);
    depths(ended, &mut published);
    published
}

/// Lambda's own; no more begins at once than may.
fn errors(ended: &Ended<'_>, published: &mut Published) {
    for invoked in &ended.logbook.invocations {
        let function = match invoked.function {
            Function::Completion => "CompletionFunction",
            Function::Reaper => "ReaperFunction",
        };
        match invoked.came_to {
            CameTo::Answered => {}
            CameTo::Error | CameTo::Died => {
                let id = id("AWS/Lambda", "Errors", function);
                published.add(id, invoked.ended.as_second(), 1.0);
            }
        }
    }
}

fn ages(ended: &Ended<'_>, published: &mut Published) {
    for (queue, name) in ended.queues.iter().zip(["Queue", "EndingTasksQueue"]) {
        for waited in queue.waited() {
            let mut at = waited.since + MINUTE;
            while at < waited.until {
                let age = (at - waited.since).as_secs_f64();
                let id = id("AWS/SQS", "ApproximateAgeOfOldestMessage", name);
                published.add(id, ended.time(at).as_second(), age);
                at += MINUTE;
            }
        }
    }
}

/// Nobody takes anything out of them.
fn depths(ended: &Ended<'_>, published: &mut Published) {
    let dead = ended.queues.iter().flat_map(|queue| queue.dead_letters());
    let dead = dead.map(|(at, _)| ended.time(*at)).min();
    let failed = ended.failed_sweeps().min();
    for (since, name) in [(dead, "DeadLetterQueue"), (failed, "FailedSweepsQueue")] {
        let Some(mut at) = since else { continue };
        while at <= ended.world.now() + super::SEEN {
            let id = id("AWS/SQS", "ApproximateNumberOfMessagesVisible", name);
            published.add(id, at.as_second(), 1.0);
            at += MINUTE;
        }
    }
}

fn id(namespace: &str, name: &str, of: &str) -> MetricId {
    (namespace.to_owned(), name.to_owned(), of.to_owned())
}

impl Ended<'_> {
    /// The world's time at an instant.
    pub(super) fn time(&self, at: Instant) -> Timestamp {
        self.began + (at - self.began_at)
    }

    /// When invocations of the reaper failed or came too late.
    pub(super) fn failed_sweeps(&self) -> impl Iterator<Item = Timestamp> {
        let failed = self.logbook.invocations.iter().filter(|invoked| {
            invoked.function == Function::Reaper && invoked.came_to != CameTo::Answered
        });
        let late = self.logbook.late_orders.iter().copied();
        failed.map(|invoked| invoked.ended).chain(late)
    }
}
