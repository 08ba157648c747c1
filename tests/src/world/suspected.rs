//! Which targets a sweep suspects: none that something has just contradicted.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, Call, Outcome};
use super::invariants::Asker;
use super::removals::shows_somebody;
use super::state::State;

/// Its answer has come by then.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Clocks are not to the second.
const ABOUT: Duration = Duration::from_secs(15);

/// A target of a memory.
#[derive(Deserialize)]
struct Suspect {
    #[serde(default)]
    group: String,
    address: At,
    since: Timestamp,
    last: Option<Timestamp>,
}

#[derive(Deserialize)]
struct At {
    ip: Ipv4Addr,
    port: u16,
}

impl State {
    /// The suspects of a memory that is about to be written.
    pub(super) fn wrong_suspects(&self, asker: &Asker, targets: &[Value]) -> Vec<String> {
        let suspects = targets.iter().filter_map(|target| Suspect::deserialize(target).ok());
        let suspects: Vec<Suspect> = suspects.collect();
        let why = |suspect: &Suspect| {
            [
                self.contradicted(suspect),
                self.healthy(asker, suspect),
                self.answering(asker, suspect),
            ]
        };
        let mut wrong: Vec<String> = suspects.iter().flat_map(why).flatten().collect();
        wrong.extend(self.perhaps_of_others(asker, &suspects));
        wrong
    }

    /// It was contradicted by an answer that its sweep could remember.
    fn contradicted(&self, Suspect { address, since, .. }: &Suspect) -> Option<String> {
        let (ip, text) = (address.ip, format!("{}:", address.ip));
        let mut asked = self.journal.about(Api::ContainerHealth, &text);
        let contradicted = asked.any(|call| {
            matches!(call.outcome, Outcome::Answered(..))
                && *since + ABOUT < call.sent_at
                && self.memory_is_written_after(call)
        });
        contradicted
            .then(|| format!("{ip} is suspected since {since}, and has answered since then"))
    }

    /// The load balancer has just shown it to its sweep as one that answers.
    fn healthy(&self, asker: &Asker, Suspect { group, address, .. }: &Suspect) -> Option<String> {
        let (ip, port) = (address.ip, address.port);
        let all_is_new = self.setup.health.reads_lag.is_zero() && self.shows_what_is();
        let read = self.first_read(asker, group).filter(|_| all_is_new)?;
        let answers = |at: Timestamp| shows_somebody(&self.health(group, (ip, port), at));
        let now = self.clock.now();
        let is_new = self.holder(ip, now).is_some_and(|task| read.sent_at <= task.arrived_at);
        let is_shown = read.outcome.is_success()
            && !is_new
            && answers(read.sent_at + self.setup.latency.elb / 2)
            && answers(now);
        is_shown.then(|| format!("{ip} is suspected, and the load balancer has it answer"))
    }

    /// It has answered its own sweep.
    fn answering(&self, asker: &Asker, Suspect { group, address, .. }: &Suspect) -> Option<String> {
        let begins = self.begins(asker)?;
        let acts = self.acts(asker).unwrap_or(usize::MAX);
        let sweep = || self.lately_by(asker).filter(|call| call.number > begins);
        let address = format!("{}:{}", address.ip, address.port);
        let probes = sweep().filter(|call| {
            call.api == Api::ContainerHealth && call.subjects.first() == Some(&address)
        });
        let (before, after): (Vec<&Call>, Vec<&Call>) = probes.partition(|call| call.number < acts);
        let is_listed = self
            .first_read(asker, group)
            .is_some_and(|call| call.number < acts && call.outcome.is_success());
        let is_seen_again = sweep().filter(|call| call.number > acts).any(|call| {
            call.api == Api::DescribeTargetHealth
                && call.outcome.is_success()
                && call.subjects.first() == Some(group)
                && call.subjects.contains(&address)
        });
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
    }

    /// The read of a whole group by which a sweep judges its targets: later ones ask whose those are that it has removed.
    fn first_read<'a>(&'a self, asker: &'a Asker, group: &String) -> Option<&'a Call> {
        let begins = self.begins(asker)?;
        let mut sweep = self.lately_by(asker).filter(|call| call.number > begins);
        sweep.find(|call| call.api == Api::DescribeTargetHealth && call.subjects.iter().eq([group]))
    }

    /// It may be a task's of another cluster, and none of those was asked.
    fn perhaps_of_others(&self, asker: &Asker, suspects: &[Suspect]) -> Option<String> {
        let begins = self.begins(asker)?;
        let mut sweep = self.lately_by(asker).filter(|call| call.number >= begins);
        let since = sweep.next()?.sent_at;
        let are_asked =
            sweep.any(|call| call.api == Api::ListClusters && call.outcome.is_success());
        let is_seen = |suspect: &&Suspect| suspect.last.is_some_and(|last| since <= last);
        let Suspect { address, .. } = suspects.iter().filter(|_| !are_asked).find(is_seen)?;
        Some(format!("{} is suspected, and no other cluster was asked who has it", address.ip))
    }
}
