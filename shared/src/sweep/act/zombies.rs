use super::acted::Acted;
use crate::aws::{Asked, CallError, Gather};
use crate::cleanup::Invocation;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::removal::{ZombieFate, ZombieTarget, remove_zombie_targets};
use crate::session::{TargetGroupArn, TaskArn};
use crate::sweep::decide::{
    Allowance, Plan, TargetDecision, TargetEvidence, TargetRow, target_row,
};
use crate::sweep::observation::{Holder, Observation};
use crate::sweep::observe::{newcomers, probe_all};
use futures_util::FutureExt;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

type OfZombies = BTreeMap<ZombieTarget, Acted<ZombieFate>>;

/// Removes zombie targets, group by group, those that have been suspect longest first; as many as
/// the blast radius of each group allows. One that can't be removed makes room for the next. The tasks of
/// `addressed` are known to hold other addresses.
pub(super) async fn remove(
    invocation: &Invocation,
    plan: &Plan,
    addressed: &Arc<BTreeSet<TaskArn>>,
    deadline: Deadline,
) -> OfZombies {
    let (context, known) = (Arc::clone(invocation.context()), Arc::clone(addressed));
    let look =
        move |asked| see_newcomers(Arc::clone(&context), Arc::clone(&known), deadline, asked);
    let holders: HoldersNow = Gather::new(look);
    let round = Round { invocation, addressed, holders: &holders, deadline };
    let mut by_group: BTreeMap<&TargetGroupArn, VecDeque<&TargetDecision>> = BTreeMap::new();
    for decision in plan.targets.iter().filter(|decision| decision.row == TargetRow::Zombie) {
        by_group.entry(&decision.group).or_default().push_back(decision);
    }
    let groups: Vec<_> = by_group
        .into_iter()
        .map(|(group, zombies)| {
            let limit = plan.removal_limits.get(group).copied().unwrap_or_default();
            remove_from(round, group, zombies, limit).boxed()
        })
        .collect();
    futures_util::future::join_all(groups).await.into_iter().flatten().collect()
}

/// Who holds addresses now: groups whose rounds begin together share one look.
type HoldersNow = Gather<BTreeSet<Ipv4Addr>, Arc<Observation>>;

/// What each round needs.
#[derive(Clone, Copy)]
struct Round<'a> {
    invocation: &'a Invocation,
    addressed: &'a BTreeSet<TaskArn>,
    holders: &'a HoldersNow,
    deadline: Deadline,
}

async fn see_newcomers(
    context: Arc<Context>,
    known: Arc<BTreeSet<TaskArn>>,
    deadline: Deadline,
    asked: Vec<Asked<BTreeSet<Ipv4Addr>, Arc<Observation>>>,
) {
    let wanted = asked.iter().flat_map(|one| one.question.iter().copied()).collect();
    let seen = Arc::new(newcomers(&context, &wanted, &known, deadline).await);
    for one in asked {
        // One who has given up no longer listens.
        let _ = one.answer.send(Arc::clone(&seen));
    }
}

async fn remove_from(
    round: Round<'_>,
    group: &TargetGroupArn,
    mut waiting: VecDeque<&TargetDecision>,
    limit: usize,
) -> OfZombies {
    let Round { invocation, addressed, deadline, .. } = round;
    let (context, snapshots) = (invocation.context(), invocation.snapshots());
    let mut allowance = Allowance::new(limit);
    let mut acts = BTreeMap::new();
    while !waiting.is_empty()
        && allowance.free() > 0
        && deadline.leaves_time_for(context.config.longest_removal())
    {
        let begun: Vec<&TargetDecision> = waiting.drain(..allowance.begin(waiting.len())).collect();
        let mut victims = Vec::new();
        for (decision, keeps_it) in look_again(round, group, &begun).await {
            match keeps_it {
                None => victims.push(decision.zombie()),
                Some(spared) => {
                    allowance.end(false);
                    acts.insert(decision.zombie(), spared);
                }
            }
        }
        if victims.is_empty() {
            continue;
        }
        let removing = remove_zombie_targets(context, snapshots, &victims, addressed, deadline);
        for (zombie, fate) in removing.await {
            allowance.end(fate.may_be_removed());
            acts.insert(zombie, Acted::Worked(fate));
        }
    }
    acts.extend(waiting.into_iter().map(|one| (one.zombie(), Acted::left_over(&allowance))));
    acts
}

/// Holders, health and probe once more; with each what keeps it from being a zombie, if anything does. Of another
/// account's task nothing is seen but that something answers, and nobody gives its target back: however long the listing
/// takes, that is looked at last.
async fn look_again<'a>(
    round: Round<'_>,
    group: &TargetGroupArn,
    begun: &[&'a TargetDecision],
) -> Vec<(&'a TargetDecision, Option<Acted<ZombieFate>>)> {
    let (context, deadline) = (round.invocation.context(), round.deadline);
    let addresses: Vec<_> = begun.iter().map(|decision| decision.address).collect();
    let wanted = addresses.iter().map(|address| address.ip).collect();
    let asked = addresses.iter().map(|address| (*address, None)).collect();
    let reading = context.aws.target_groups.health(group, &addresses);
    let holders = round.holders.ask(wanted).await;
    let (health, probes) = tokio::join!(
        CallError::answered_by(deadline, "DescribeTargetHealth", group.as_str(), reading),
        probe_all(context, asked, deadline)
    );
    let health = match health {
        Ok(health) => health,
        Err(error) => {
            let why = format!("{error}; the next sweep tries again");
            let not_seen =
                |decision: &&'a TargetDecision| (*decision, Some(Acted::NotSeen(why.clone())));
            return begun.iter().map(not_seen).collect();
        }
    };
    let looked = begun.iter().map(|decision| {
        let Some(health) = health.get(&decision.address).copied() else {
            let why = "it is no longer registered".to_owned();
            return (*decision, Some(Acted::Spared(why)));
        };
        let probe = probes.get(&decision.address).copied();
        let holder =
            holders.as_ref().map_or(Holder::Unknown, |seen| seen.holder(decision.address.ip));
        let evidence = TargetEvidence { holder, health, probe, ..decision.evidence.clone() };
        let row = target_row(&evidence);
        let why = format!("looked at once more, its row is {row}: it is kept");
        let spared =
            if evidence.contradicts(row) { Acted::Spared(why) } else { Acted::NotSeen(why) };
        let keeps_it = (row != TargetRow::Zombie).then_some(spared);
        (*decision, keeps_it)
    });
    looked.collect()
}
