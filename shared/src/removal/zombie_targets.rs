//! Zombie targets: nobody holds their address and nobody answers there. They are removed like a
//! session's target, with an intent before and a question after.

use super::intent::{self, HeldBy, IntentEntry, OpenEntry, When};
use super::settle::{Holders, Settled, settle};
use crate::aws::retry::pauses;
use crate::aws::{CallError, TargetState};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::{TargetAddress, TargetGroupArn, TaskArn};
use crate::task_snapshots::TaskSnapshots;
use backon::BackoffBuilder;
use futures_util::future::join;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The intent may take so long: with the probe before it, what answered at an address is 5 s old at most when that is
/// acted on. Who has got it since its holders were listed is not seen.
const A_LOOK_LASTS: Duration = Duration::from_secs(3);

/// One zombie target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZombieTarget {
    /// The group that holds it.
    pub group: TargetGroupArn,
    /// Its address.
    pub address: TargetAddress,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZombieFate {
    /// It is draining, or gone.
    Gone,
    /// A live session turned out to hold its address: it is registered again.
    ReRegistered,
    /// It was deregistered, and that could not be verified.
    Unverified {
        /// Why.
        why: String,
    },
    /// It is still registered.
    Kept {
        /// Why.
        why: String,
    },
}

impl ZombieFate {
    /// Whether it was, or may have been, deregistered.
    #[must_use]
    pub fn may_be_removed(&self) -> bool {
        match self {
            Self::Gone | Self::ReRegistered | Self::Unverified { .. } => true,
            Self::Kept { .. } => false,
        }
    }
}

/// Removes them, until about `deadline`: one intent, one `DeregisterTargets` a group, then the
/// holders once more, but for `others`, who are known to hold other addresses. The intent stays: ECS reads
/// are eventually consistent, so the next sweep asks again.
pub(crate) async fn remove_zombie_targets(
    context: &Context,
    snapshots: &TaskSnapshots,
    zombies: &[ZombieTarget],
    others: &BTreeSet<TaskArn>,
    deadline: Deadline,
) -> BTreeMap<ZombieTarget, ZombieFate> {
    let entries: Vec<IntentEntry> = zombies.iter().map(entry).collect();
    let writing = Deadline::after(context.config.timeouts.target.min(A_LOOK_LASTS));
    let written = writing.answer(intent::write(context, entries)).await;
    if let Err(why) = written {
        let why = format!("no intent can be written: {why}");
        let kept = |zombie: &ZombieTarget| (zombie.clone(), ZombieFate::Kept { why: why.clone() });
        return zombies.iter().map(kept).collect();
    }
    let mut by_group: BTreeMap<&TargetGroupArn, Vec<TargetAddress>> = BTreeMap::new();
    for zombie in zombies {
        by_group.entry(&zombie.group).or_default().push(zombie.address);
    }
    let removing = by_group.iter().map(|(group, targets)| deregister(context, group, targets));
    let mut fates: BTreeMap<ZombieTarget, ZombieFate> =
        futures_util::future::join_all(removing).await.into_iter().flatten().collect();
    let removed: Vec<ZombieTarget> = fates
        .iter()
        .filter(|(_, fate)| fate.may_be_removed())
        .map(|(zombie, _)| zombie.clone())
        .collect();
    let asking =
        join(states(context, &by_group), settle_at_once(context, snapshots, &removed, others));
    let Ok((mut states, settled)) = deadline.run(asking).await else {
        let why = "no time was left to ask whose it is; the next sweep does".to_owned();
        let unverified = |zombie| (zombie, ZombieFate::Unverified { why: why.clone() });
        fates.extend(removed.into_iter().map(unverified));
        return fates;
    };
    let nobodys = removed.iter().zip(&settled).filter(|(_, settled)| is_nobodys(settled));
    let nobodys: Vec<&ZombieTarget> = nobodys.map(|(zombie, _)| zombie).collect();
    let verifying = deadline.at_most(context.config.timeouts.target);
    // What is not seen gone by then is not verified.
    let _ = verifying.run(look_until_gone(context, &nobodys, &mut states)).await;
    for (zombie, settled) in removed.into_iter().zip(settled) {
        let state = states.get(&zombie.group);
        let fate = verified(settled, state, zombie.address);
        fates.insert(zombie, fate);
    }
    fates
}

/// One attempt; refused as a whole, once each: an address may become someone's between two.
async fn deregister(
    context: &Context,
    group: &TargetGroupArn,
    targets: &[TargetAddress],
) -> Vec<(ZombieTarget, ZombieFate)> {
    let target_groups = &context.aws.target_groups;
    let fate = |address: &TargetAddress, answer: &Result<(), CallError>| {
        let zombie = ZombieTarget { group: group.clone(), address: *address };
        let fate = match answer {
            Ok(()) => ZombieFate::Gone,
            Err(error) if error.may_have_been_done() => {
                ZombieFate::Unverified { why: error.to_string() }
            }
            Err(error) => ZombieFate::Kept { why: error.to_string() },
        };
        (zombie, fate)
    };
    match target_groups.deregister(group, targets).await {
        Err(error) if error.is_refused() && targets.len() > 1 => {
            let singly = targets.iter().map(|target| async move {
                let answer = target_groups.deregister(group, std::slice::from_ref(target)).await;
                fate(target, &answer)
            });
            futures_util::future::join_all(singly).await
        }
        answer => targets.iter().map(|target| fate(target, &answer)).collect(),
    }
}

async fn settle_at_once(
    context: &Context,
    snapshots: &TaskSnapshots,
    removed: &[ZombieTarget],
    others: &BTreeSet<TaskArn>,
) -> Vec<Result<Settled, CallError>> {
    let removed_by = context.clock.now();
    let open: Vec<OpenEntry> =
        removed.iter().map(|zombie| OpenEntry { entry: entry(zombie), removed_by }).collect();
    let named: Vec<IntentEntry> = open.iter().map(|one| one.entry.clone()).collect();
    let holders = Holders::ToBeListedBut(others);
    settle(context, snapshots, (&open, &named), holders, When::AtOnce).await
}

type States = BTreeMap<TargetAddress, TargetState>;

async fn states(
    context: &Context,
    by_group: &BTreeMap<&TargetGroupArn, Vec<TargetAddress>>,
) -> BTreeMap<TargetGroupArn, Result<States, CallError>> {
    let reads = by_group.iter().map(|(group, targets)| async move {
        ((*group).clone(), context.aws.target_groups.states(group, targets).await)
    });
    futures_util::future::join_all(reads).await.into_iter().collect()
}

/// Reads may show for some seconds what was before: each group is read again in which one of them is seen registered.
async fn look_until_gone(
    context: &Context,
    zombies: &[&ZombieTarget],
    states: &mut BTreeMap<TargetGroupArn, Result<States, CallError>>,
) {
    for pause in pauses(Duration::from_millis(300), Duration::from_secs(3)).build() {
        let mut there: BTreeMap<&TargetGroupArn, Vec<TargetAddress>> = BTreeMap::new();
        for ZombieTarget { group, address } in zombies {
            let state = states.get(group).and_then(|states| states.as_ref().ok()?.get(address));
            if state.is_some_and(|state| state.is_registered()) {
                there.entry(group).or_default().push(*address);
            }
        }
        if there.is_empty() {
            return;
        }
        tokio::time::sleep(pause).await;
        for (group, targets) in there {
            let Ok(seen) = context.aws.target_groups.states(group, &targets).await else {
                continue;
            };
            if let Some(Ok(known)) = states.get_mut(group) {
                known.extend(seen);
            }
        }
    }
}

/// Whether nobody's session has turned out to be there.
fn is_nobodys(settled: &Result<Settled, CallError>) -> bool {
    match settled {
        Ok(Settled::WasOurs | Settled::Nobodys | Settled::Elsewhere { .. }) => true,
        Ok(Settled::ReRegistered | Settled::InPlace) | Err(_) => false,
    }
}

fn verified(
    settled: Result<Settled, CallError>,
    states: Option<&Result<States, CallError>>,
    address: TargetAddress,
) -> ZombieFate {
    match (settled, states) {
        (Ok(Settled::ReRegistered | Settled::InPlace), _) => ZombieFate::ReRegistered,
        (Err(error), _) => {
            let why = format!("{error}; the next sweep asks once more whose it is");
            ZombieFate::Unverified { why }
        }
        (Ok(Settled::WasOurs | Settled::Nobodys | Settled::Elsewhere { .. }), Some(Err(error))) => {
            ZombieFate::Unverified { why: error.to_string() }
        }
        (Ok(Settled::WasOurs | Settled::Nobodys | Settled::Elsewhere { .. }), Some(Ok(states))) => {
            match states.get(&address) {
                Some(TargetState::Registered | TargetState::Initial) => {
                    ZombieFate::Unverified { why: "it is still registered".to_owned() }
                }
                Some(TargetState::Draining | TargetState::NotRegistered) | None => ZombieFate::Gone,
            }
        }
        (Ok(Settled::WasOurs | Settled::Nobodys | Settled::Elsewhere { .. }), None) => {
            ZombieFate::Unverified { why: "its state was not read".to_owned() }
        }
    }
}

fn entry(zombie: &ZombieTarget) -> IntentEntry {
    let held_by = HeldBy::Nobody;
    let (group, address) = (zombie.group.clone(), zombie.address);
    IntentEntry { group, address, held_by, assumed: false }
}
