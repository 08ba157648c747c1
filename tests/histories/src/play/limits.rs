//! What a single sweep may not do, whatever it thinks: act in the mode `report`, or touch more than its blast radius.

use crate::verdict::Violation;
use session_cleanup_tests::world::{Api, Call, Outcome};
use std::collections::{BTreeMap, BTreeSet};

/// What ends a session, or is a step to its end.
const TO_AN_END: [Api; 3] = [Api::StopTask, Api::TagResource, Api::ContainerComplete];

/// The default of `BLAST_RADIUS_PERCENT`.
const PERCENT: usize = 25;

/// What a sweep did that was only to say what it would do.
pub(super) fn acts(caller: &str, calls: &[Call]) -> Vec<Violation> {
    let acts: BTreeSet<Api> =
        calls.iter().map(|call| call.api).filter(|api| TO_AN_END.contains(api)).collect();
    let violation =
        |api| Violation::new("I1", format!("{caller} called {api:?} in the mode report"));
    acts.into_iter().map(violation).collect()
}

/// How much there was before a sweep.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// How many tasks ran.
    pub(super) tasks: usize,
    /// How many targets the largest group had.
    pub(super) targets: usize,
}

/// What a sweep touched beyond its blast radius: of all tasks, and of the targets of each group.
pub(super) fn beyond_the_blast_radius(
    caller: &str,
    calls: &[Call],
    at_least: usize,
    Sizes { tasks, targets }: Sizes,
) -> Vec<Violation> {
    // Some may have begun since.
    let limit = at_least.max((tasks + 2) * PERCENT / 100);
    let of = |api: Api| calls.iter().filter(move |call| call.api == api);
    let count = |calls: &mut dyn Iterator<Item = &Call>| {
        calls.map(|call| &call.subjects).collect::<BTreeSet<_>>().len()
    };
    let orphans = count(&mut of(Api::StopTask));
    // Whom AWS has refused to stop has come to no harm.
    let stopped = count(&mut of(Api::StopTask).filter(|call| call.outcome.may_be_applied()));
    let confirmed = count(
        &mut of(Api::ContainerComplete)
            .filter(|call| matches!(call.outcome, Outcome::Answered(200, _))),
    );
    let touched = stopped.max(confirmed);
    // Whose loss can't be put on record is not stopped.
    let asked = count(&mut of(Api::ContainerComplete));
    let mut beyond = Vec::new();
    if touched > limit {
        let what = format!("{caller} touched {touched} tasks of {tasks}, and may touch {limit}");
        beyond.push(Violation::new("blast radius", what));
    }
    let mut removed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    // Who dies at such a call has not come to stop the orphan whose target it is.
    let is_applied =
        |call: &&Call| call.outcome != Outcome::Unanswered && call.outcome.may_be_applied();
    for call in of(Api::DeregisterTargets).filter(is_applied) {
        let Some((group, targets)) = call.subjects.split_first() else { continue };
        removed.entry(group).or_default().extend(targets.iter().map(String::as_str));
    }
    for (group, taken) in removed {
        // Those of orphans count as tasks.
        let most = at_least.max(((targets.max(tasks) + 3) * PERCENT).div_ceil(100))
            + orphans.max(touched).max(asked);
        if taken.len() > most {
            let what = format!("{caller} removed {} targets of {group}, not {most}", taken.len());
            beyond.push(Violation::new("blast radius", what));
        }
    }
    beyond
}
