//! What is on record, and when that was written.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::api::{Api, Call, Outcome};
use super::faults::{FaultKind, Met};
use super::leftovers::A_SWEEP_LASTS;
use super::objects::Object;
use super::state::State;
use super::targets::Address;
use super::task::{Stop, Task};
use super::view::STALE_AT_MOST;
use super::{TaskHandle, World};

/// Clocks differ.
const A_MOMENT: Duration = Duration::from_secs(10);

/// So long a function looks again until ECS shows what an event speaks of.
const A_FUNCTION_WAITS: Duration = Duration::from_secs(5);

impl World {
    /// When an object was written last.
    #[must_use]
    pub fn written_at(&self, bucket: &str, key: &str) -> Option<Timestamp> {
        self.now_with(|state, _| state.buckets.get(bucket)?.get(key).map(|object| object.modified))
    }

    /// Whether its container has answered 403, or something in front of it for it.
    #[must_use]
    pub fn has_said_403(&self, session: &TaskHandle) -> bool {
        let state = self.lock();
        state.task(&session.key).is_some_and(|task| state.has_said_403(task))
    }

    /// Whether every question for the marker of a session has been answered, each time by *there is none*.
    #[must_use]
    pub fn marker_was_always_absent(&self, session: &TaskHandle) -> bool {
        let state = self.lock();
        let key = format!("/{}/{}", session.session_id(), state.setup.marker);
        let mut asked = state.journal.about(Api::HeadObject, &key);
        asked.all(|call| matches!(call.outcome, Outcome::Answered(404, _)))
    }

    /// Whether the container of a session ran for long enough after this time to be asked for its artifacts, and nobody
    /// has asked it.
    #[must_use]
    pub fn could_have_been_asked(&self, session: &TaskHandle, at: Timestamp) -> bool {
        let state = self.lock();
        let Some(task) = state.task(&session.key) else { return false };
        let address = format!("{}:", task.address);
        let stop = task.stop.as_ref();
        let runs = task.started(at) && stop.is_none_or(|stop| at + A_MOMENT < stop.process_ends);
        let was_asked = state.journal.about(Api::ContainerComplete, &address).next().is_some();
        state.setup.containers_are_asked() && runs && !was_asked
    }

    /// Whether the marker of a session is of a run before it, and the ledger says when it began.
    #[must_use]
    pub fn marker_is_of_an_earlier_run(&self, session: &TaskHandle) -> bool {
        let marker = format!("{}/{}", session.session_id(), self.setup().marker);
        let written = self.written_at(&self.setup().artifact_bucket, &marker);
        let name = self.object("ledger", &format!("tasks/{}", session.id()));
        let says_when = name.is_some_and(|name| !name.windows(4).any(|part| part == b"null"))
            && !self.has_failed(Api::HeadObject, &marker);
        let began = self.of_task(session, |task| task.claimed_at.unwrap_or(task.created_at));
        says_when && written.is_some_and(|at| at + A_MOMENT < began)
    }

    /// Whether each call was answered as it is where nothing fails, and no read shows for long what was before.
    #[must_use]
    pub fn all_was_well(&self) -> bool {
        let state = self.lock();
        state.setup.health.reads_lag.is_zero()
            && state.setup.reads_lag < A_FUNCTION_WAITS
            && state.journal.calls.iter().all(|call| call.outcome.is_well())
    }

    /// Whether a task ran for so long, and each read showed a tag that names its session, and nothing else does.
    #[must_use]
    pub fn runs_named_by_a_tag(
        &self,
        session: &TaskHandle,
        (from, to): (Timestamp, Timestamp),
    ) -> bool {
        let state = self.lock();
        let is_shown = |at: Timestamp| at + STALE_AT_MOST <= from;
        state.shows_what_is()
            && state.task(&session.key).is_some_and(|task| {
                is_shown(task.arrived_at)
                    && is_shown(task.visible_from)
                    && is_shown(task.described_from)
                    && task.claimed_at.is_none_or(is_shown)
                    && !task.is_born_with_a_name()
                    && task.stop.as_ref().is_none_or(|stop| to < stop.at)
            })
    }

    /// Whether we have stopped its task.
    #[must_use]
    pub fn is_stopped_by_us(&self, session: &TaskHandle) -> bool {
        self.of_task(session, |task| task.stop.as_ref().is_some_and(Stop::is_ours))
    }

    /// When a session began.
    #[must_use]
    pub fn session_began(&self, session: &TaskHandle) -> Timestamp {
        self.of_task(session, Task::session_began)
    }
}

impl State {
    /// Whether its container has answered 403, or something in front of it for it.
    pub(super) fn has_said_403(&self, task: &Task) -> bool {
        let is_for_it =
            |met: &Met| met.api == Api::ContainerComplete && met.kind == FaultKind::Denied;
        // Or somebody else at its address, who was hidden behind it, or whom no look could tell from it.
        let hidden = self.judge.hidden.iter().filter_map(|key| self.task(key));
        let hides_somebody = { hidden }.any(|other| other.address == task.address);
        let looks_after = |told: &Call| {
            let until = told.sent_at + A_SWEEP_LASTS;
            let looks = self.journal.about(Api::DescribeTasks, &task.arn);
            let mut looks = looks.filter(|look| look.caller == told.caller);
            looks.any(|look| {
                (told.sent_at..until).contains(&look.sent_at) && look.outcome.is_success()
            })
        };
        let address = format!("{}:", task.address);
        let said = self.journal.about(Api::ContainerComplete, &address);
        let mut said = said.filter(|call| matches!(call.outcome, Outcome::Answered(403, _)));
        hides_somebody
            || said.any(|call| !looks_after(call))
            || self.judge.known_to_forbid.contains(&task.key)
            || self.chaos.met().iter().any(is_for_it)
    }

    /// An object of the ledger.
    pub(super) fn in_ledger(&self, key: &str) -> Option<&Object> {
        self.buckets.get(&self.setup.ledger_bucket)?.get(key)
    }

    /// Whether an intent names it.
    pub(super) fn is_intended(&self, group: &str, ip: Ipv4Addr) -> bool {
        self.intended().any(|(of, at)| of == group && at.0 == ip)
    }

    pub(super) fn is_named_by_an_intent(&self, group: &str, address: Address) -> bool {
        self.intended().any(|(of, at)| of == group && at == address)
    }

    /// What the intents of the ledger name.
    fn intended(&self) -> impl Iterator<Item = (String, Address)> {
        let ledger = self.buckets.get(&self.setup.ledger_bucket);
        let intents = ledger.into_iter().flatten().filter(|(key, _)| key.starts_with("intents/"));
        let documents = intents.filter_map(|(_, object)| {
            let document: Value = serde_json::from_slice(&object.body).ok()?;
            Some(document["entries"].as_array()?.clone())
        });
        documents.flatten().filter_map(|entry| {
            let ip = entry["address"]["ip"].as_str()?.parse().ok()?;
            let port = entry["address"]["port"].as_u64()?.try_into().ok()?;
            Some((entry["group"].as_str()?.to_owned(), (ip, port)))
        })
    }
}
