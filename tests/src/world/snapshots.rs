//! What callers have seen of tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::invariants::Asker;
use super::task::TaskKey;

/// How old a look at a task may be when it is acted upon.
pub(super) const FRESH: Duration = Duration::from_secs(5);

/// What a caller saw of a task, with the truth at that moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) live: bool,
    pub(crate) held_address: bool,
    /// Whether its salvage window was over by what the caller saw.
    pub(crate) salvage_was_over: bool,
    /// When it was looked up: an answer may have been long under way.
    pub(crate) taken_at: Timestamp,
}

#[derive(Debug)]
struct Seen {
    last: Snapshot,
    /// The one before, if it showed the task holding its address. Few are looked at twice.
    before: Option<Box<Overtaken>>,
}

#[derive(Debug)]
struct Overtaken {
    taken_at: Timestamp,
    /// When the answer came that overtook it.
    until: Timestamp,
}

/// The last look of each caller at each task.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(BTreeMap<(String, TaskKey), Seen>);

impl Snapshots {
    /// What a caller saw counts within one invocation.
    pub(super) fn begins(&mut self, caller: &str) {
        self.0.retain(|(other, _), _| other != caller);
    }

    /// An answer of `DescribeTasks` has reached its caller; `None`: that there is no such task. One that was
    /// overtaken by a newer one teaches nothing.
    pub(super) fn saw(
        &mut self,
        caller: &str,
        task: TaskKey,
        snapshot: Option<Snapshot>,
        at: Timestamp,
    ) {
        let place = (caller.to_owned(), task);
        let known = self.0.remove(&place);
        let Some(last) = snapshot else { return };
        let seen = match known {
            Some(known) if known.last.taken_at > last.taken_at => known,
            known => {
                let before = known.map(|known| known.last).filter(|before| before.held_address);
                let overtaken =
                    |Snapshot { taken_at, .. }| Box::new(Overtaken { taken_at, until: at });
                Seen { last, before: before.map(overtaken) }
            }
        };
        self.0.insert(place, seen);
    }

    fn of(&self, asker: &Asker, task: &TaskKey) -> Option<&Seen> {
        self.0.get(&(asker.caller.clone(), task.clone()))
    }

    /// Whether the caller's last look at a task has shown it holding its address, if there was one.
    pub(super) fn shown_holding(&self, asker: &Asker, task: &TaskKey) -> Option<bool> {
        self.of(asker, task).map(|seen| seen.last.held_address)
    }

    /// The same of a fresh one: as far as the caller knew when it sent its request, which is judged when it arrives. Of two
    /// things that happen at the same instant either may be the first.
    pub(super) fn have_shown_holding(&self, asker: &Asker, task: &TaskKey) -> bool {
        let Some(seen) = self.of(asker, task) else { return false };
        let before = seen.before.as_ref().filter(|before| before.until >= asker.sent_at);
        let before = before.map(|before| before.taken_at);
        let last = seen.last.held_address.then_some(seen.last.taken_at);
        [last, before].into_iter().flatten().any(|taken_at| is_fresh(asker, taken_at))
    }

    /// The caller's last look at a task, if it was fresh when the request was sent.
    pub(super) fn fresh(&self, asker: &Asker, task: &TaskKey) -> Option<&Snapshot> {
        self.of(asker, task).map(|seen| &seen.last).filter(|look| is_fresh(asker, look.taken_at))
    }
}

fn is_fresh(asker: &Asker, taken_at: Timestamp) -> bool {
    asker.sent_at <= taken_at + FRESH
}
