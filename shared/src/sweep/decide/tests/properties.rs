//! What holds for all observations.

use super::fixtures::{address, ago, group, now};
use super::scene::{CLUSTERS, GROUPS, Scene, Victim, player, scene};
use crate::aws::TargetHealth;
use crate::cleanup::OrphanCause;
use crate::container::Probe;
use crate::session::{DesiredStatus, LEASE_TAG, Lease, PROTECTION_TAG, Task};
use crate::sweep::decide::judge_task::{circumstances, judge};
use crate::sweep::decide::tasks::TaskVerdict;
use crate::sweep::decide::{Plan, TargetEvidence, TargetRow, TaskDecision, TaskRow};
use crate::sweep::observation::Holder;
use crate::sweep::suspects::Suspects;
use proptest::prelude::*;

fn orphans(plan: &Plan) -> impl Iterator<Item = &TaskDecision> {
    plan.tasks.iter().filter(|decision| decision.judged.row.is_orphan())
}

fn added(scene: &Scene, of: &Scene) -> Vec<Victim> {
    scene.victims().difference(&of.victims()).cloned().collect()
}

proptest! {
    #[test]
    fn a_protected_an_unidentified_and_a_strange_task_is_never_in_the_plan(scene in scene()) {
        for decision in orphans(&scene.plan()) {
            let task = scene.tasks.iter().find(|task| task.arn == decision.task.arn).unwrap();
            prop_assert!(!task.tags.contains_key(PROTECTION_TAG));
            prop_assert!(!task.environment.is_empty());
            prop_assert_eq!(&task.family, "session");
            prop_assert_eq!(task.group.as_deref(), Some("family:session"));
            prop_assert!(CLUSTERS[..2].contains(&task.arn.cluster().as_str()));
        }
    }

    /// Without a lease or with one that runs; one that has lapsed and an operator's order are rows of
    /// their own.
    #[test]
    fn a_leased_or_a_young_and_routed_task_is_an_orphan_only_if_ended_or_beyond_the_hard_age(
        scene in scene(),
    ) {
        let healthy = scene.observation().healthy();
        for decision in orphans(&scene.plan()) {
            let task = &decision.task;
            let lapsed = matches!(task.lease, Lease::Until(end) if end <= now());
            let leased = !matches!(task.lease, Lease::None | Lease::Stale) && !lapsed;
            let young = task.created_at >= ago(scene.policy.max_session_age);
            let routed = task.address.is_some_and(|ip| healthy.contains(&ip));
            let forced = decision.judged.row == TaskRow::Forced;
            if leased || (young && routed && !lapsed && !forced) {
                let beyond = task.created_at < ago(scene.policy.hard_age);
                prop_assert!(task.ended.is_word() || beyond, "{:?}", decision);
            }
        }
    }

    #[test]
    fn at_a_fixed_limit_unrelated_unleased_tasks_and_targets_add_no_victim(
        scene in scene(),
        players in (player("new-1".to_owned()), player("new-2".to_owned())),
        targets in prop::collection::vec(
            (prop::sample::select(GROUPS.to_vec()), 1..12_u8, prop::bool::ANY), 0..4),
        limit in 1..4_usize,
    ) {
        let scene = scene.at_a_fixed_limit(limit);
        let mut more = scene.clone();
        let mut new: Vec<Victim> = Vec::new();
        for player in [players.0, players.1] {
            let mut task = player.task;
            task.tags.remove(LEASE_TAG);
            new.push(Victim::Task(task.arn.clone()));
            more.tasks.push(task);
        }
        for (name, last, is_healthy) in targets {
            let target = (group(name), address(last));
            if scene.targets.contains_key(&target) || scene.unlisted.contains(name) {
                continue;
            }
            new.push(Victim::Target(target.0.clone(), target.1));
            let health = if is_healthy { TargetHealth::Healthy } else { TargetHealth::Initial };
            more.targets.insert(target, health);
        }
        let added: Vec<Victim> =
            added(&more, &scene).into_iter().filter(|victim| !new.contains(victim)).collect();
        prop_assert_eq!(added, []);
    }

    #[test]
    fn a_listing_that_is_lost_adds_no_victim(scene in scene()) {
        for name in ["one", "two", "a", "b"] {
            prop_assert_eq!(added(&scene.clone().without_listing(name), &scene), [], "{}", name);
        }
        prop_assert_eq!(added(&scene.clone().without_others(), &scene), []);
    }

    #[test]
    fn a_listing_that_was_cut_short_adds_no_victim(scene in scene(), shown in 0..12_usize) {
        for name in ["one", "two"] {
            let mut cut = scene.clone();
            cut.unlisted.insert(name);
            let mut left = shown;
            cut.tasks.retain(|task| {
                let is_shown = task.arn.cluster().as_str() != name || left > 0;
                left = left.saturating_sub(1);
                is_shown
            });
            prop_assert_eq!(added(&cut, &scene), [], "{}", name);
        }
    }

    #[test]
    fn an_unreadable_ledger_adds_no_victim_and_gives_up_no_artifacts(scene in scene()) {
        let mut unread = scene.clone();
        unread.suspects = Suspects::default();
        prop_assert_eq!(added(&unread, &scene), []);
        let before = scene.plan();
        for decision in orphans(&unread.plan()) {
            let same = orphans(&before).find(|known| known.task.arn == decision.task.arn).unwrap();
            prop_assert!(
                !decision.judged.salvage.is_over || same.judged.salvage.is_over
            );
        }
    }

    #[test]
    fn a_probe_that_reaches_nobody_adds_no_victim(scene in scene()) {
        let mut silent = scene.clone();
        silent.words.values_mut().for_each(|word| *word = Probe::Silent);
        prop_assert_eq!(added(&silent, &scene), []);
        let mut unasked = scene.clone();
        unasked.words.clear();
        unasked.answers.clear();
        prop_assert_eq!(added(&unasked, &scene), []);
    }

    /// A row that takes an answer is reached only from one that rests on it: nobody else is asked.
    #[test]
    fn a_task_whose_row_an_answer_changes_is_asked_for_it(scene in scene()) {
        let rows = |scene: &Scene| {
            scene.on_known(|known| {
                let (circumstances, healthy) = (circumstances(known), known.seen.healthy());
                let row = |task| judge(known, task, &circumstances, &healthy).row;
                known.seen.tasks.iter().map(row).collect::<Vec<_>>()
            })
        };
        let mut unasked = scene.clone();
        unasked.words.clear();
        for (before, after) in rows(&unasked).into_iter().zip(rows(&scene)) {
            let is_asked = before == after || before.rests_on_probe();
            prop_assert!(is_asked, "nobody asks {} whether it is {}", before, after);
        }
    }

    #[test]
    fn an_operators_order_never_reaches_rows_1_to_3_and_6_or_another_cluster(scene in scene()) {
        let mut unforced = scene.clone();
        unforced.force = None;
        let unforced = unforced.victims();
        for decision in orphans(&scene.plan()) {
            if !unforced.contains(&Victim::Task(decision.task.arn.clone())) {
                let (task, force) = (&decision.task, scene.force.as_ref().unwrap());
                prop_assert_eq!(decision.judged.row, TaskRow::Forced);
                prop_assert_eq!(task.arn.cluster(), &force.cluster);
                prop_assert!(task.created_at < force.created_before);
                prop_assert!(!task.protected && task.session.is_some() && task.shall_run);
                let runs = matches!(task.lease, Lease::Until(end) if end > now());
                prop_assert!(!runs);
            }
        }
    }

    #[test]
    fn a_zombie_has_no_holder_no_answer_and_an_old_suspicion(scene in scene()) {
        for decision in scene.plan().targets {
            if decision.row == TargetRow::Zombie {
                let TargetEvidence { holder, health, probe, .. } = &decision.evidence;
                prop_assert_eq!(holder, &Holder::Nobody);
                prop_assert!(health.is_unanswered());
                let by_itself = *probe == Some(Probe::Silent);
                let route_is_whole = scene.whole_routes.contains(&decision.group);
                let by_route = *probe == Some(Probe::Blind) && route_is_whole;
                prop_assert!(by_itself || by_route);
                let since = decision.suspect.unwrap().since;
                prop_assert!(since <= ago(scene.policy.interval / 2));
                let has_it = |task: &Task| {
                    task.address == Some(decision.address.ip)
                        && task.desired_status != DesiredStatus::Stopped
                };
                prop_assert!(!scene.tasks.iter().any(has_it), "some task may have its address");
                prop_assert!(scene.unlisted.iter().all(|name| GROUPS.contains(name)));
                prop_assert_eq!(scene.others, Some(true));
            }
        }
    }

    #[test]
    fn the_order_of_a_listing_changes_nothing(scene in scene()) {
        let mut reversed = scene.clone();
        reversed.tasks.reverse();
        let rows = |scene: &Scene| {
            let plan = scene.plan();
            let tasks: Vec<_> =
                plan.tasks.into_iter().map(|one| (one.task.arn, one.judged.row)).collect();
            let targets: Vec<_> =
                plan.targets.into_iter().map(|one| (one.group, one.address, one.row)).collect();
            (tasks, targets, plan.suspects)
        };
        prop_assert_eq!(rows(&reversed), rows(&scene));
    }

    #[test]
    fn every_finding_is_in_the_plan_once_and_the_oldest_task_first(scene in scene()) {
        let plan = scene.plan();
        let ages: Vec<_> =
            plan.tasks.iter().map(|one| (one.task.created_at, one.task.arn.clone())).collect();
        prop_assert!(ages.is_sorted_by(|one, next| one < next));
        let since: Vec<_> = plan
            .targets
            .iter()
            .map(|one| {
                let since = one.suspect.map_or(now(), |seen| seen.since);
                (since, one.group.clone(), one.address)
            })
            .collect();
        prop_assert!(since.is_sorted_by(|one, next| one < next));
        for decision in &plan.tasks {
            let is_odd = !decision.task.odd_tags().is_empty();
            prop_assert!(is_odd || decision.judged.row.verdict() != TaskVerdict::Keep);
        }
    }

    #[test]
    fn only_what_is_seen_twice_an_interval_apart_makes_a_done_orphan_or_a_zombie(scene in scene()) {
        let mut first = scene.clone();
        first.suspects = Suspects::default();
        let plan = first.plan();
        let is_done =
            |one: &TaskDecision| one.judged.row.verdict() == TaskVerdict::Orphan(OrphanCause::Done);
        prop_assert!(!plan.tasks.iter().any(is_done));
        prop_assert!(!plan.targets.iter().any(|one| one.row == TargetRow::Zombie));
        let mut at_once = scene.clone();
        at_once.suspects = plan.suspects;
        let plan = at_once.plan();
        prop_assert!(!plan.tasks.iter().any(is_done));
        prop_assert!(!plan.targets.iter().any(|one| one.row == TargetRow::Zombie));
    }

    #[test]
    fn a_memory_holds_nothing_that_was_seen_to_be_otherwise(scene in scene()) {
        let plan = scene.plan();
        let seen = scene.observation();
        for (arn, suspicion) in &plan.suspects.tasks {
            if let Some(task) = seen.tasks.iter().find(|task| task.arn == *arn) {
                let row = plan.tasks.iter().find(|one| one.task.arn == *arn).map(|one| one.judged);
                let row = row.map_or(TaskRow::Live, |judged| judged.row);
                let confirmed = [TaskRow::Done, TaskRow::SuspectedDone].contains(&row);
                let unknown = row == TaskRow::Undecided
                    || (row == TaskRow::Unrouted
                        && matches!(scene.words.get(arn), None | Some(Probe::Blind)));
                prop_assert!(confirmed || unknown, "{:?} {:?}", row, task);
                prop_assert_eq!(confirmed, suspicion.last == now() && !unknown);
            } else {
                prop_assert!(scene.unlisted.contains(arn.cluster().as_str()));
            }
        }
        for (target, suspicion) in &plan.suspects.targets {
            match scene.targets.get(target) {
                Some(health) => {
                    prop_assert!(health.is_unanswered());
                    let answer = scene.answers.get(&target.1);
                    prop_assert!(answer.is_none_or(|answer| matches!(answer, Probe::Silent | Probe::Blind)));
                }
                None => prop_assert!(scene.unlisted.iter().any(|name| group(name) == target.0)),
            }
            prop_assert!(suspicion.since <= suspicion.last);
        }
    }
}
