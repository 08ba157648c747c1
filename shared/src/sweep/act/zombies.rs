use super::acted::Acted;
use crate::aws::CallError;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::removal::{ZombieFate, ZombieTarget, remove_zombie_targets};
use crate::session::TargetGroupArn;
use crate::sweep::decide::{
    Allowance, Plan, TargetDecision, TargetEvidence, TargetRow, target_row,
};
use crate::sweep::observe::probe_all;
use crate::task_snapshots::TaskSnapshots;
use futures_util::FutureExt;
use std::collections::{BTreeMap, VecDeque};

type OfZombies = BTreeMap<ZombieTarget, Acted<ZombieFate>>;

/// Removes zombie targets, group by group, those that have been suspect longest first; as many as
/// the blast radius of each group allows. One that can't be removed makes room for the next.
pub(super) async fn remove(
    context: &Context,
    snapshots: &TaskSnapshots,
    plan: &Plan,
    deadline: Deadline,
) -> OfZombies {
    let mut by_group: BTreeMap<&TargetGroupArn, VecDeque<&TargetDecision>> = BTreeMap::new();
    for decision in plan.targets.iter().filter(|decision| decision.row == TargetRow::Zombie) {
        by_group.entry(&decision.group).or_default().push_back(decision);
    }
    let groups: Vec<_> = by_group
        .into_iter()
        .map(|(group, zombies)| {
            let limit = plan.removal_limits.get(group).copied().unwrap_or_default();
            remove_from(context, snapshots, group, zombies, limit, deadline).boxed()
        })
        .collect();
    futures_util::future::join_all(groups).await.into_iter().flatten().collect()
}

async fn remove_from(
    context: &Context,
    snapshots: &TaskSnapshots,
    group: &TargetGroupArn,
    mut waiting: VecDeque<&TargetDecision>,
    limit: usize,
    deadline: Deadline,
) -> OfZombies {
    let mut allowance = Allowance::new(limit);
    let mut acts = BTreeMap::new();
    while !waiting.is_empty()
        && allowance.free() > 0
        && deadline.leaves_time_for(context.config.longest_removal())
    {
        let round: Vec<&TargetDecision> = waiting.drain(..allowance.begin(waiting.len())).collect();
        let mut victims = Vec::new();
        for (decision, keeps_it) in look_again(context, group, &round, deadline).await {
            match keeps_it {
                None => victims.push(decision.zombie()),
                Some(why) => {
                    allowance.end(false);
                    acts.insert(decision.zombie(), Acted::Spared(why));
                }
            }
        }
        if victims.is_empty() {
            continue;
        }
        for (zombie, fate) in remove_zombie_targets(context, snapshots, &victims, deadline).await {
            allowance.end(fate.may_be_removed());
            acts.insert(zombie, Acted::Worked(fate));
        }
    }
    acts.extend(waiting.into_iter().map(|one| (one.zombie(), Acted::left_over(&allowance))));
    acts
}

/// Health and probe once more; with each what keeps it from being a zombie, if anything does.
async fn look_again<'a>(
    context: &Context,
    group: &TargetGroupArn,
    round: &[&'a TargetDecision],
    deadline: Deadline,
) -> Vec<(&'a TargetDecision, Option<String>)> {
    let addresses: Vec<_> = round.iter().map(|decision| decision.address).collect();
    let asked = addresses.iter().map(|address| (*address, None)).collect();
    let reading = context.aws.target_groups.health(group, &addresses);
    let (health, probes) = tokio::join!(
        CallError::answered_by(deadline, "DescribeTargetHealth", group.as_str(), reading),
        probe_all(context, asked, deadline)
    );
    let health = match health {
        Ok(health) => health,
        Err(error) => {
            let why = format!("{error}; the next sweep tries again");
            return round.iter().map(|decision| (*decision, Some(why.clone()))).collect();
        }
    };
    let looked = round.iter().map(|decision| {
        let Some(health) = health.get(&decision.address).copied() else {
            return (*decision, Some("it is no longer registered".to_owned()));
        };
        let probe = probes.get(&decision.address).copied();
        let evidence = TargetEvidence { health, probe, ..decision.evidence.clone() };
        let row = target_row(&evidence);
        let keeps_it = (row != TargetRow::Zombie)
            .then(|| format!("looked at once more, its row is {row}: it is kept"));
        (*decision, keeps_it)
    });
    looked.collect()
}
