//! What the second act promises, held against the world's own truth.

use super::cast::Cast;
use super::sweep::Sweep;
use crate::demo::local_stack::LocalStack;
use crate::demo::part::{Part, is_registered};
use crate::demo::promises::{Promise, about_the_world, acts, is_untouched, print};
use crate::local_aws::{Lambda, LocalAwsError};
use crate::world::World;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What there was at certain points of the act.
pub(super) struct Marks {
    invocations_before: usize,
    calls_before: usize,
    ledger_before: BTreeMap<String, Value>,
    touched_by_looking: usize,
    written_by_looking: Vec<String>,
    calls_before_last: usize,
    acts_of_last: usize,
    ledger_after: BTreeMap<String, Value>,
    artifacts: Vec<String>,
}

impl Marks {
    /// Before the first sweep.
    pub(super) async fn set(local: &LocalStack) -> Result<Self, LocalAwsError> {
        Ok(Self {
            invocations_before: local.stack.invocations(Lambda::Reaper).await?,
            calls_before: local.world.calls().len(),
            ledger_before: local.stack.ledger("").await?,
            touched_by_looking: 0,
            written_by_looking: Vec::new(),
            calls_before_last: 0,
            acts_of_last: 0,
            ledger_after: BTreeMap::new(),
            artifacts: Vec::new(),
        })
    }

    /// After the sweeps that only look. The first act's queue is still at work, so only this act's
    /// own are counted.
    pub(super) async fn looked(
        &mut self,
        local: &LocalStack,
        cast: &Cast,
    ) -> Result<(), LocalAwsError> {
        let touched = |part| acts(&local.world, self.calls_before, part);
        self.touched_by_looking = cast.own().map(touched).sum();
        let about_us = |key: &str, object: &Value| {
            let text = format!("{key} {object}");
            let ours = cast.own().any(|part| text.contains(part.task.id()));
            ours || cast.targets().iter().any(|left| text.contains(&left.address.to_string()))
        };
        let ledger = local.stack.ledger("").await?.into_iter();
        let new = ledger.filter(|(key, object)| self.ledger_before.get(key) != Some(object));
        self.written_by_looking =
            new.filter(|(key, object)| about_us(key, object)).map(|(key, _)| key).collect();
        Ok(())
    }

    /// Before the last sweep.
    pub(super) fn acted(&mut self, local: &LocalStack) {
        self.calls_before_last = local.world.calls().len();
    }

    /// After it.
    pub(super) async fn over(&mut self, local: &LocalStack) -> Result<(), LocalAwsError> {
        let calls = local.world.calls().into_iter().skip(self.calls_before_last);
        self.acts_of_last = calls.filter(|call| call.api.changes_something()).count();
        self.ledger_after = local.stack.ledger("").await?;
        let bucket = local.world.setup().artifact_bucket;
        self.artifacts = local.aws.objects().keys(&bucket, "").await?;
        Ok(())
    }

    /// How many invocations the reaper's own process has had in this act.
    pub(super) async fn invocations(&self, local: &LocalStack) -> Result<usize, LocalAwsError> {
        Ok(local.stack.invocations(Lambda::Reaper).await? - self.invocations_before)
    }

    fn outcome(&self, part: &Part) -> Option<&str> {
        self.ledger_after.get(&part.task.receipt_key())?["outcome"].as_str()
    }

    fn saved(&self, part: &Part) -> bool {
        let folder = format!("{}/", part.task.session_id());
        self.artifacts.iter().filter(|key| key.starts_with(&folder)).count() >= 3
    }
}

/// Prints each promise with what came of it; answers how many were broken.
pub(super) fn check(
    local: &LocalStack,
    cast: &Cast,
    sweeps: [&Sweep; 5],
    marks: &Marks,
    ran: usize,
) -> usize {
    let world = &local.world;
    let mut promises = about_looking(cast, sweeps, marks);
    promises.extend(about_orphans(world, cast, [sweeps[2], sweeps[3]], marks));
    promises.extend(about_the_living(world, cast, sweeps[2]));
    promises.extend(about_targets(world, cast, sweeps[2]));
    promises.extend([
        ("the third enforce performed no act", marks.acts_of_last == 0),
        (
            "each report is in the ledger",
            sweeps.iter().all(|sweep| marks.ledger_after.contains_key(sweep.kept_as())),
        ),
        ("no sweep had any problem", sweeps.iter().all(|sweep| sweep.is_whole())),
        ("the reaper's binary really ran for each of them", ran >= sweeps.len()),
    ]);
    promises.extend(about_the_world(world));
    print("What no event reported", &promises, local)
}

fn about_looking(cast: &Cast, sweeps: [&Sweep; 5], marks: &Marks) -> Vec<Promise> {
    let [first, second, enforced, again, _] = sweeps;
    let acted: BTreeSet<String> =
        enforced.with_action("acted").union(&again.with_action("acted")).cloned().collect();
    let suspect = |sweep: &Sweep| {
        let zombies = cast.zombies.iter().map(|left| sweep.target(left.address));
        zombies.chain([sweep.task(&cast.leo.task)]).all(|finding| finding["action"] == "suspected")
    };
    let written = |key: &String| key == "suspects.json" || key.starts_with("sweeps/");
    vec![
        ("report: no session and no target was touched", marks.touched_by_looking == 0),
        (
            "report: nothing was written but suspects.json and the reports",
            marks.written_by_looking.iter().all(written)
                && marks.written_by_looking.iter().any(|key| key == "suspects.json"),
        ),
        ("report: what may pass is only suspected at first", suspect(first)),
        (
            "report: what the second one would do is what enforce then did",
            !second.with_action("would_act").is_empty() && second.with_action("would_act") == acted,
        ),
    ]
}

fn about_orphans(
    world: &World,
    cast: &Cast,
    [sweep, next]: [&Sweep; 2],
    marks: &Marks,
) -> Vec<Promise> {
    let Cast { ivan, judy, kevin, leo, carol, sven, storm, .. } = cast;
    let gone =
        |part: &Part| world.is_stopping(&part.task) && !is_registered(world, part.task.address());
    let reaped = |part: &Part, row: &str| {
        sweep.task(&part.task)["row"] == row
            && marks.outcome(part) == Some("cleaned")
            && world.has_completed(&part.task)
            && marks.saved(part)
            && gone(part)
    };
    vec![
        ("ivan (ended): artifacts saved, target gone, task stopped", reaped(ivan, "T4 ended")),
        ("judy (too_old): the same", reaped(judy, "T8 too_old")),
        ("kevin (lease_expired): the same", reaped(kevin, "T7 lease_expired")),
        ("leo (done): the same", reaped(leo, "T9 done")),
        (
            "the 50 that ended in an outage: all saved and stopped by one sweep",
            storm.len() == 50
                && storm.iter().all(|task| {
                    sweep.task(task)["action"] == "acted"
                        && world.has_completed(task)
                        && world.is_stopping(task)
                        && !is_registered(world, task.address())
                }),
        ),
        (
            "carol: asked by two sweeps, stopped once her window was over, her loss on record",
            sweep.task(&carol.task)["action"] == "tried"
                && next.task(&carol.task)["row"] == "T4 ended"
                && marks.outcome(carol) == Some("artifacts_lost")
                && gone(carol),
        ),
        (
            "sven: asked by two sweeps, then stopped as unverified, for nobody has lost anything",
            sweep.task(&sven.task)["action"] == "tried"
                && next.task(&sven.task)["row"] == "T4 ended"
                && marks.outcome(sven) == Some("artifacts_unverified")
                && marks.saved(sven)
                && gone(sven),
        ),
    ]
}

fn about_the_living(world: &World, cast: &Cast, sweep: &Sweep) -> Vec<Promise> {
    let Cast { mia, quinn, nina, oscar, peggy, walter, .. } = cast;
    let finding = |part: &Part, what: &str| sweep.task(&part.task)["row"] == what;
    let unasked = |part: &Part| !world.is_stopping(&part.task) && acts(world, 0, part) == 0;
    vec![
        (
            "mia, whom no traffic reaches: untouched, live, reported",
            unasked(mia) && world.is_live(&mia.task) && finding(mia, "T9b unrouted"),
        ),
        (
            "quinn, who answers nobody: untouched, live, in her target group",
            is_untouched(world, quinn)
                && world.is_live(&quinn.task)
                && finding(quinn, "T9b unrouted"),
        ),
        (
            "nina, who is protected: untouched",
            is_untouched(world, nina) && finding(nina, "T2 protected"),
        ),
        (
            "oscar, whose lease runs: untouched, live",
            is_untouched(world, oscar) && world.is_live(&oscar.task),
        ),
        (
            "peggy, a service's task: untouched",
            is_untouched(world, peggy) && sweep.task(&peggy.task).is_null(),
        ),
        (
            "walter, another family's task in our group: untouched, reported as misrouted",
            is_untouched(world, walter)
                && sweep.target(walter.task.address())["row"] == "G2 misrouted",
        ),
    ]
}

fn about_targets(world: &World, cast: &Cast, sweep: &Sweep) -> Vec<Promise> {
    let foreign = cast.foreign.address;
    vec![
        (
            "the zombie targets are gone",
            cast.zombies.iter().all(|left| {
                sweep.target(left.address)["action"] == "acted"
                    && !is_registered(world, left.address)
            }),
        ),
        (
            "the foreign target, where something answers: still there, reported",
            is_registered(world, foreign) && sweep.target(foreign)["row"] == "G6 foreign",
        ),
    ]
}
