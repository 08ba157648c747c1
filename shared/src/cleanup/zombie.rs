//! Zombie targets: nobody has their address and nobody answers there. They are taken away like a
//! session's target, with an intent before and a question after.

use super::intent::{self, IntentEntry, TakenFrom};
use super::setting::Setting;
use super::settle::{Open, Owners, Settled, When, settle};
use super::sightings::Sightings;
use crate::aws::{CallError, TargetState};
use crate::deadline::within;
use crate::session::{TargetAddress, TargetGroupArn};
use futures_util::future::join;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// One zombie target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zombie {
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
    /// A live session turned out to have its address: it is registered again.
    PutBack,
    /// It was taken away, and that could not be verified.
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
    /// Whether it was, or may have been, taken out of its group.
    #[must_use]
    pub fn was_taken(&self) -> bool {
        match self {
            Self::Gone | Self::PutBack | Self::Unverified { .. } => true,
            Self::Kept { .. } => false,
        }
    }
}

impl fmt::Display for ZombieFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("gone"),
            Self::PutBack => f.write_str("put_back"),
            Self::Unverified { why } => write!(f, "unverified: {why}"),
            Self::Kept { why } => write!(f, "kept: {why}"),
        }
    }
}

impl Serialize for ZombieFate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Takes them away, for about `limit`: one intent, one `DeregisterTargets` a group, then the owners
/// once more. The intent stays: ECS reads are eventually consistent, so the next sweep asks again.
pub(crate) async fn take_zombies_away(
    setting: &Setting,
    sightings: &Sightings,
    zombies: &[Zombie],
    limit: Duration,
) -> BTreeMap<Zombie, ZombieFate> {
    let give_up_at = Instant::now() + limit;
    let entries: Vec<IntentEntry> = zombies.iter().map(entry).collect();
    let written = within(setting.config.timeouts.target, intent::write(setting, entries)).await;
    let problem = match written {
        Ok(Ok(_key)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(timed_out) => Some(format!("no intent could be written: {timed_out}")),
    };
    if let Some(why) = problem {
        let kept = |zombie: &Zombie| (zombie.clone(), ZombieFate::Kept { why: why.clone() });
        return zombies.iter().map(kept).collect();
    }
    let mut by_group: BTreeMap<&TargetGroupArn, Vec<TargetAddress>> = BTreeMap::new();
    for zombie in zombies {
        by_group.entry(&zombie.group).or_default().push(zombie.address);
    }
    let taking = by_group.iter().map(|(group, targets)| deregister(setting, group, targets));
    let mut fates: BTreeMap<Zombie, ZombieFate> =
        futures_util::future::join_all(taking).await.into_iter().flatten().collect();
    let taken: Vec<Zombie> = fates
        .iter()
        .filter(|(_, fate)| fate.was_taken())
        .map(|(zombie, _)| zombie.clone())
        .collect();
    let left = give_up_at.saturating_duration_since(Instant::now());
    let asking = join(states(setting, &by_group), put_back_to_owners(setting, sightings, &taken));
    let Ok((states, settled)) = within(left, asking).await else {
        let why = "no time was left to ask whose it is; the next sweep does".to_owned();
        let unverified = |zombie| (zombie, ZombieFate::Unverified { why: why.clone() });
        fates.extend(taken.into_iter().map(unverified));
        return fates;
    };
    for (zombie, settled) in taken.into_iter().zip(settled) {
        let state = states.get(&zombie.group);
        let fate = verified(settled, state, zombie.address);
        fates.insert(zombie, fate);
    }
    fates
}

/// One attempt; refused as a whole, once each: an address may become someone's between two.
async fn deregister(
    setting: &Setting,
    group: &TargetGroupArn,
    targets: &[TargetAddress],
) -> Vec<(Zombie, ZombieFate)> {
    let target_groups = &setting.aws.target_groups;
    let fate = |address: &TargetAddress, answer: &Result<(), CallError>| {
        let zombie = Zombie { group: group.clone(), address: *address };
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

async fn put_back_to_owners(
    setting: &Setting,
    sightings: &Sightings,
    taken: &[Zombie],
) -> Vec<Result<Settled, CallError>> {
    let taken_at = setting.clock.now();
    let open: Vec<Open> =
        taken.iter().map(|zombie| Open { entry: entry(zombie), taken_at }).collect();
    settle(setting, sightings, &open, Owners::ToBeListed, When::AtOnce).await
}

type States = BTreeMap<TargetAddress, TargetState>;

async fn states(
    setting: &Setting,
    by_group: &BTreeMap<&TargetGroupArn, Vec<TargetAddress>>,
) -> BTreeMap<TargetGroupArn, Result<States, CallError>> {
    let reads = by_group.iter().map(|(group, targets)| async move {
        ((*group).clone(), setting.aws.target_groups.states(group, targets).await)
    });
    futures_util::future::join_all(reads).await.into_iter().collect()
}

fn verified(
    settled: Result<Settled, CallError>,
    states: Option<&Result<States, CallError>>,
    address: TargetAddress,
) -> ZombieFate {
    match (settled, states) {
        (Ok(Settled::PutBack), _) => ZombieFate::PutBack,
        (Err(error), _) => {
            let why = format!("{error}; the next sweep asks once more whose it is");
            ZombieFate::Unverified { why }
        }
        (Ok(Settled::WasOurs | Settled::Nobodys), Some(Err(error))) => {
            ZombieFate::Unverified { why: error.to_string() }
        }
        (Ok(Settled::WasOurs | Settled::Nobodys), Some(Ok(states))) => match states.get(&address) {
            Some(TargetState::Registered) => {
                ZombieFate::Unverified { why: "it is still registered".to_owned() }
            }
            Some(TargetState::Draining | TargetState::NotRegistered) | None => ZombieFate::Gone,
        },
        (Ok(Settled::WasOurs | Settled::Nobodys), None) => {
            ZombieFate::Unverified { why: "its state was not read".to_owned() }
        }
    }
}

fn entry(zombie: &Zombie) -> IntentEntry {
    IntentEntry { group: zombie.group.clone(), address: zombie.address, from: TakenFrom::Nobody }
}
