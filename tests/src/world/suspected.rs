//! Which targets a sweep suspects: none that something has just contradicted.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::api::{Api, Call, Outcome};
use super::invariants::Asker;
use super::removals::shows_somebody;
use super::state::State;
use super::untold::MEMORY;

/// Its answer has come by then.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Clocks are not to the second.
const ABOUT: Duration = Duration::from_secs(15);

impl State {
    /// The suspects of a memory that is about to be written.
    pub(super) fn wrong_suspects(&self, asker: &Asker, targets: &[Value]) -> Vec<String> {
        let mut wrong = self.contradicted(targets);
        wrong.extend(self.healthy(asker, targets));
        wrong.extend(self.answering(asker, targets));
        wrong.extend(self.perhaps_of_others(asker, targets));
        wrong
    }

    /// It was contradicted by an answer that its sweep could remember.
    fn contradicted(&self, targets: &[Value]) -> Vec<String> {
        let wrong = targets.iter().filter_map(|target| {
            let since: Timestamp = target["since"].as_str()?.parse().ok()?;
            let ip: Ipv4Addr = target["address"]["ip"].as_str()?.parse().ok()?;
            let text = format!("{ip}:");
            let mut asked = self.journal.about(Api::ContainerHealth, &text);
            let contradicted = asked.any(|call| {
                matches!(call.outcome, Outcome::Answered(..))
                    && since + ABOUT < call.sent_at
                    && self.memory_is_written_after(call)
            });
            contradicted
                .then(|| format!("{ip} is suspected since {since}, and has answered since then"))
        });
        wrong.collect()
    }

    /// The load balancer has just shown it to its sweep as one that answers.
    fn healthy(&self, asker: &Asker, targets: &[Value]) -> Vec<String> {
        let is_healthy = |target: &Value| {
            let group = target["group"].as_str()?;
            let ip: Ipv4Addr = target["address"]["ip"].as_str()?.parse().ok()?;
            let port = u16::try_from(target["address"]["port"].as_u64()?).ok()?;
            let is_of_all = |call: &&Call| {
                call.api == Api::DescribeTargetHealth && *call.subjects == [group.to_owned()]
            };
            let begins = self.begins(asker)?;
            // Later ones ask whose the targets are that it has removed.
            let read = self.lately_by(asker).filter(|call| call.number > begins).find(is_of_all)?;
            let answers = |at: Timestamp| shows_somebody(&self.health(group, (ip, port), at));
            let is_new = self
                .holder(ip, self.clock.now())
                .is_some_and(|task| read.sent_at <= task.arrived_at);
            let is_shown = read.outcome.is_success()
                && !is_new
                && answers(read.sent_at + self.setup.latency.elb / 2)
                && answers(self.clock.now());
            is_shown.then(|| format!("{ip} is suspected, and the load balancer has it answer"))
        };
        let all_is_new = self.setup.health.reads_lag.is_zero() && self.shows_what_is();
        targets.iter().filter(|_| all_is_new).filter_map(is_healthy).collect()
    }

    /// It has answered its own sweep.
    fn answering(&self, asker: &Asker, targets: &[Value]) -> Vec<String> {
        let Some(begins) = self.begins(asker) else { return Vec::new() };
        let sweep = || self.lately_by(asker).filter(|call| call.number > begins);
        let writes = |call: &&Call| call.api == Api::PutObject && call.is_about(MEMORY);
        let acts = sweep().find(writes).map_or(usize::MAX, |call| call.number);
        let has_answered = |target: &Value| {
            let group = target["group"].as_str()?;
            let address = &target["address"];
            let address = format!("{}:{}", address["ip"].as_str()?, address["port"].as_u64()?);
            let probes = sweep().filter(|call| {
                call.api == Api::ContainerHealth && call.subjects.first() == Some(&address)
            });
            let (before, after): (Vec<&Call>, Vec<&Call>) =
                probes.partition(|call| call.number < acts);
            let its = |call: &&Call| {
                call.api == Api::DescribeTargetHealth
                    && call.outcome.is_success()
                    && call.subjects.first().is_some_and(|subject| subject == group)
            };
            // The first is the one that it judges by.
            let is_of_all = |call: &&Call| {
                call.api == Api::DescribeTargetHealth && *call.subjects == [group.to_owned()]
            };
            let is_listed = sweep()
                .find(is_of_all)
                .is_some_and(|call| call.number < acts && call.outcome.is_success());
            let mut looks = sweep().filter(its).filter(|call| call.number > acts);
            let is_seen_again = looks.any(|call| call.subjects.contains(&address));
            // It is looked at for each of its groups: which of them an answer was for can't be told.
            let all_answer = |probes: Vec<&Call>| {
                let has_answered = |call: &&Call| {
                    matches!(call.outcome, Outcome::Answered(..))
                        && call.sent_at + AT_ONCE <= asker.sent_at
                };
                !probes.is_empty() && probes.iter().all(has_answered)
            };
            let answers = is_listed && all_answer(before) || is_seen_again && all_answer(after);
            answers.then(|| format!("{address} is suspected, and has just answered"))
        };
        targets.iter().filter_map(has_answered).collect()
    }

    /// It may be a task's of another cluster, and none of those was asked.
    fn perhaps_of_others(&self, asker: &Asker, targets: &[Value]) -> Option<String> {
        let begins = self.begins(asker)?;
        let mut sweep = self.lately_by(asker).filter(|call| call.number >= begins);
        let since = sweep.next()?.sent_at;
        let are_asked =
            sweep.any(|call| call.api == Api::ListClusters && call.outcome.is_success());
        let is_seen = |target: &&Value| {
            let last = target["last"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
            last.is_some_and(|last| since <= last)
        };
        let target = targets.iter().filter(|_| !are_asked).find(is_seen)?;
        Some(format!(
            "{} is suspected, and no other cluster was asked who has it",
            target["address"]
        ))
    }
}
