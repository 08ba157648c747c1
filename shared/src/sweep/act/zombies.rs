use super::Done;
use crate::aws::answered_within;
use crate::cleanup::{Setting, Sightings, Zombie, ZombieFate, take_zombies_away};
use crate::deadline::Deadline;
use crate::session::TargetGroupArn;
use crate::sweep::decide::{
    Allowance, Plan, TargetDecision, TargetEvidence, TargetRow, target_row,
};
use crate::sweep::observe::witness_all;
use futures_util::FutureExt;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Takes zombie targets away, group by group, those that have been suspect longest first; as many as
/// the blast radius of each group allows. One that can't be taken makes room for the next.
pub(in crate::sweep) async fn take_away(
    setting: &Setting,
    sightings: &Sightings,
    plan: &Plan,
    deadline: Deadline,
) -> BTreeMap<Zombie, Done<ZombieFate>> {
    let mut by_group: BTreeMap<&TargetGroupArn, VecDeque<&TargetDecision>> = BTreeMap::new();
    for decision in plan.targets.iter().filter(|decision| decision.row == TargetRow::Zombie) {
        by_group.entry(&decision.group).or_default().push_back(decision);
    }
    let groups: Vec<_> = by_group
        .into_iter()
        .map(|(group, zombies)| {
            let most = plan.most_taken.get(group).copied().unwrap_or_default();
            take_from(setting, sightings, group, zombies, most, deadline).boxed()
        })
        .collect();
    futures_util::future::join_all(groups).await.into_iter().flatten().collect()
}

async fn take_from(
    setting: &Setting,
    sightings: &Sightings,
    group: &TargetGroupArn,
    mut waiting: VecDeque<&TargetDecision>,
    most: usize,
    deadline: Deadline,
) -> BTreeMap<Zombie, Done<ZombieFate>> {
    let mut allowance = Allowance::new(most);
    let mut done = BTreeMap::new();
    while !waiting.is_empty() && allowance.free() > 0 && deadline.left() > longest_round(setting) {
        let round: Vec<&TargetDecision> = waiting.drain(..allowance.begin(waiting.len())).collect();
        let mut victims = Vec::new();
        for (decision, keeps_it) in look_again(setting, group, &round, deadline.left()).await {
            match keeps_it {
                None => victims.push(decision.zombie()),
                Some(why) => {
                    allowance.end(false);
                    done.insert(decision.zombie(), Done::Spared(why));
                }
            }
        }
        if victims.is_empty() {
            continue;
        }
        let taking = take_zombies_away(setting, sightings, &victims, deadline.left());
        for (zombie, fate) in taking.await {
            allowance.end(fate.was_taken());
            done.insert(zombie, Done::Worked(fate));
        }
    }
    done.extend(waiting.into_iter().map(|one| (one.zombie(), Done::left_over(&allowance))));
    done
}

/// What a round may take: intent, deregistration, whose it was, verification.
fn longest_round(setting: &Setting) -> Duration {
    let timeouts = &setting.config.timeouts;
    setting.config.container.witness_timeout + timeouts.target * 3 + timeouts.receipt * 3
}

/// Health and witness once more; with each what keeps it from being a zombie, if anything does.
async fn look_again<'a>(
    setting: &Setting,
    group: &TargetGroupArn,
    round: &[&'a TargetDecision],
    limit: Duration,
) -> Vec<(&'a TargetDecision, Option<String>)> {
    let addresses: Vec<_> = round.iter().map(|decision| decision.address).collect();
    let asked = addresses.iter().map(|address| (*address, None)).collect();
    let reading = setting.aws.target_groups.health(group, &addresses);
    let (health, witnesses) = tokio::join!(
        answered_within(limit, "DescribeTargetHealth", group.as_str(), reading),
        witness_all(setting, asked, limit)
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
        let witness = witnesses.get(&decision.address).copied();
        let evidence = TargetEvidence { health, witness, ..decision.evidence.clone() };
        let row = target_row(&evidence);
        let keeps_it = (row != TargetRow::Zombie)
            .then(|| format!("looked at once more, its row is {}: it is kept", row.number()));
        (*decision, keeps_it)
    });
    looked.collect()
}
