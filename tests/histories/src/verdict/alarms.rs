//! What must ring rings, and nothing rings without a cause: every alarm of the template, evaluated over all that the
//! functions printed and that AWS would have published of them, and held against what the world knows.
//!
//! - [`published`]: what AWS itself publishes of functions and queues.
//! - [`facts`]: what happened, as both judges look at it.
//! - [`must`]: what must ring by what happened.
//! - [`standing`]: the same of what goes on after faults have ceased.
//! - [`may`]: what may ring at all; for everything else a history is quiet.

mod facts;
mod may;
mod must;
mod published;
mod standing;

#[cfg(test)]
mod tests;

pub(super) use standing::Standing;

use super::{Ended, Violation};
use facts::Facts;
use jiff::Timestamp;
use session_cleanup_tests::alarms::{ASSUMPTIONS, Alarm, Change, State, alarms};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// From what happened until the alarm rings: it is published, seen and evaluated.
const SEEN: Duration = Duration::from_mins(5);

/// What must ring.
#[derive(Clone, Debug)]
struct Must {
    /// One of these.
    alarms: &'static [&'static str],
    /// It is red once at least from here on, if only for what had happened before.
    from: Timestamp,
    until: Timestamp,
    why: String,
}

impl Must {
    /// What is known between two times must have rung soon after the second.
    fn ring(
        alarms: &'static [&'static str],
        (from, at): (Timestamp, Timestamp),
        why: impl Into<String>,
    ) -> Self {
        // Our functions' clock may be a little off.
        let from = from - Duration::from_mins(1);
        Self { alarms, from, until: at + SEEN, why: why.into() }
    }
}

/// From when to when an alarm was in a state that tells someone, in seconds.
type Red = Vec<(i64, i64)>;

/// Judges a history at its end.
pub(super) fn judge(
    ended: &Ended<'_>,
    standing: &Standing,
    looked_away: bool,
    broken: &mut Vec<Violation>,
) -> BTreeMap<String, (usize, usize)> {
    let facts = Facts::of(ended, looked_away);
    let published = published::all(ended);
    let until = ended.world.now();
    let reds: BTreeMap<String, [Red; ASSUMPTIONS.len()]> =
        declared(ended.history.stack.every.0 / 60)
            .iter()
            .map(|alarm| {
                // After the end nobody sweeps any more, which is no silence.
                let silence = alarm.rings_in.contains(&State::InsufficientData);
                let until = if silence { until } else { until + SEEN };
                let red = ASSUMPTIONS.map(|under| {
                    let seconds = (ended.began.as_second(), until.as_second());
                    let changes = alarm.changes(&published, seconds.0, seconds.1, under);
                    red(alarm, &changes, seconds.1)
                });
                (alarm.name.clone(), red)
            })
            .collect();
    let mut told: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for must in must::all(&facts).iter().chain(standing.musts()) {
        told.entry(must.alarms[0].to_owned()).or_default().0 = 1;
        let rings = |name: &&&str| {
            let red = reds.get(**name).unwrap_or_else(|| panic!("there is no {name}"));
            red.iter().all(|red| is_red(red, must.from, must.until))
        };
        if !must.alarms.iter().any(|name| rings(&name)) {
            let by = must.until;
            let what = format!("it must ring by {by}, and does not: {}", must.why);
            broken.push(Violation::new(&format!("alarm {}", must.alarms[0]), what));
        }
    }
    for (name, red) in &reds {
        let first = red.iter().flatten().map(|(from, _)| *from).min();
        let Some(first) = first else { continue };
        told.entry(name.clone()).or_default().1 = 1;
        if let Err(why) = may::ring(name, &facts) {
            let at = Timestamp::from_second(first).expect("a time of this history");
            let what = format!("it rings at {at}, and must not: {why}");
            broken.push(Violation::new(&format!("alarm {name}"), what));
        }
    }
    told
}

fn red(alarm: &Alarm, changes: &[Change], until: i64) -> Red {
    let ends = changes.iter().skip(1).map(|change| change.at).chain([until]);
    let states = changes.iter().zip(ends);
    let rings = states.filter(|(change, _)| alarm.rings_in.contains(&change.to));
    rings.map(|(change, end)| (change.at, end)).collect()
}

fn is_red(red: &Red, from: Timestamp, until: Timestamp) -> bool {
    red.iter().any(|(begins, ends)| *begins <= until.as_second() && from.as_second() <= *ends)
}

/// The alarms of a stack that sweeps every so many minutes.
fn declared(every: u64) -> Arc<Vec<Alarm>> {
    static KNOWN: Mutex<BTreeMap<u64, Arc<Vec<Alarm>>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(known.entry(every).or_insert_with(|| Arc::new(alarms(&format!("{every}m")))))
}
