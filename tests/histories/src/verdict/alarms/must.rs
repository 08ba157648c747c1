//! What must ring by what happened.
//!
//! Left out is what can't be said without asking the code under test:
//!
//! - `CleanupFailuresAlarm`: which failures are its own. (An event may fail because it was not about what it said.)
//! - `SweepsTruncatedAlarm`, `BlastRadiusReachedAlarm`: how much of the work was left to do.
//! - `ContainersNotAskedAlarm`: whether it was our failure or theirs.
//! - `ReRegistrationsAlarm`: whether the target was seen to be back.
//! - `ConfirmedRunningAlarm`, `OrphansRemainAlarm`: nothing lasts that long once faults have ceased, and before that
//!   any sweep may have been kept from seeing it.
//! - `ForeignTargetsAlarm`: no target of a history answers that no task of the account has; whether a task of another
//!   cluster has it is known only to sweeps that had to look there.
//! - `CompletionThrottlesAlarm`: there are as many sandboxes as may be.

use super::facts::Facts;
use super::{Must, SEEN};
use crate::history::{Action, Seconds, When, Where};
use crate::play::logbook::{CameTo, Invoked};
use jiff::Timestamp;
use session_cleanup_tests::world::{Api, Call, FaultKind, Outcome, Service};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn all(facts: &Facts<'_>) -> Vec<Must> {
    let mut musts = Vec::new();
    lost(facts, &mut musts);
    unreadable(facts, &mut musts);
    last_attempts(facts, &mut musts);
    out_of_scope(facts, &mut musts);
    of_aws(facts, &mut musts);
    silence(facts, &mut musts);
    blind_sweeps(facts, &mut musts);
    troubled_sweeps(facts, &mut musts);
    open_intents(facts, &mut musts);
    lost_routes(facts, &mut musts);
    musts
}

/// What is on record as lost, or as unknown, has been told of when it was put on record.
fn lost(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    let receipts = facts.world.receipts();
    for actor in facts.everyone {
        let task = &actor.task;
        let receipt = receipts.get(task.id());
        let outcome = receipt.and_then(|receipt| receipt["outcome"].as_str());
        let id = task.session_id();
        let puts = |key: &str| {
            let about = |call: &&Call| {
                call.api == Api::PutObject && call.is_about(key) && call.is_about(task.id())
            };
            // Who has no answer does not know that it is there, and tries again.
            let is_answered = |call: &Call| {
                call.outcome.is_success() || matches!(call.outcome, Outcome::Answered(412, _))
            };
            let puts: Vec<&Call> = facts.calls.iter().filter(about).collect();
            puts.iter().any(|call| is_answered(call)).then_some(())?;
            Some((puts.first()?.sent_at, puts.last()?.sent_at))
        };
        // Who dies before the stop has lost nothing yet, and it may never come to it.
        let is_over = !facts.world.knows(task) || facts.world.is_stopping(task);
        if outcome == Some("artifacts_lost")
            && is_over
            && let Some(when) = puts("receipts/")
        {
            let why = format!("the artifacts of {id} are lost");
            musts.push(Must::ring(&["ArtifactsLostAlarm"], when, why));
        }
        if facts.world.object("ledger", &format!("unknown/{}.json", task.id())).is_some()
            && let Some(when) = puts("unknown/")
        {
            let why = format!("nobody can tell what became of {id}");
            musts.push(Must::ring(&["UnknownSessionsAlarm"], when, why));
        }
    }
}

/// A container said 200, and what it wrote could not be read to the end.
fn unreadable(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    let answered = facts.logbook.invocations.iter().filter(|one| one.came_to == CameTo::Answered);
    for invoked in answered {
        for actor in facts.everyone {
            let folder = format!("/{}/", actor.task.session_id());
            let is_post = |call: &Call| {
                call.api == Api::ContainerComplete && call.is_about(actor.task.session_id())
            };
            let is_head = |call: &Call| call.api == Api::HeadObject && call.is_about(&folder);
            // One that is asked once more may say something else; of one that is over nobody asks any more, and its
            // receipt is looked for first.
            let mut calls = facts.calls_of(invoked).rev();
            let mut then = None;
            let last = calls.find(|call| {
                let is_it = is_post(call) || is_head(call);
                if !is_it && call.is_about(&folder) {
                    then = Some(call.api);
                }
                is_it
            });
            let Some(head) = last.filter(|call| is_head(call)) else { continue };
            if then == Some(Api::GetObject) {
                continue;
            }
            let Some(post) = calls.find(|call| is_post(call) || call.is_about(&folder)) else {
                continue;
            };
            let is_refused = matches!(head.outcome, Outcome::Answered(403, _));
            // A 200 with somebody else's page is nobody's word.
            let says_so = is_post(post)
                && matches!(post.outcome, Outcome::Answered(200, _))
                && !facts.befell(post, FaultKind::Garbage);
            if says_so && is_refused && !is_read_by_another(facts, invoked, &folder) {
                let why = format!("the marker of {} can't be read", actor.task.session_id());
                let when = (invoked.began, invoked.ended);
                musts.push(Must::ring(&["ArtifactsUnreadableAlarm"], when, why));
            }
        }
    }
}

/// What another invocation reads meanwhile, that it is there or that it is not, is on its receipt.
fn is_read_by_another(facts: &Facts<'_>, invoked: &Invoked, folder: &str) -> bool {
    let meanwhile = invoked.began..=invoked.ended;
    let mut others = facts.calls.iter().filter(|call| call.caller != invoked.caller);
    others.any(|call| {
        call.api == Api::HeadObject
            && call.is_about(folder)
            && meanwhile.contains(&call.sent_at)
            && matches!(call.outcome, Outcome::Answered(200 | 404, _))
    })
}

fn last_attempts(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    let max_receives = facts.history.stack.max_receives;
    for (invoked, event) in facts.logbook.delivered() {
        if event.failed && event.message.received >= max_receives {
            let when = (invoked.ended, invoked.ended);
            let why = "the last attempt at an event has failed";
            musts.push(Must::ring(&["LastAttemptsFailedAlarm"], when, why));
        }
    }
}

/// A session of no configured family or cluster, whose task is named.
fn out_of_scope(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    let is_not_ours = |arn: &str| {
        let mut tasks = facts.everyone.iter();
        tasks.any(|actor| {
            actor.task.arn() == arn
                && match actor.session.place {
                    Where::OtherFamily(_) | Where::OtherCluster | Where::OtherAccount => true,
                    Where::Cluster(_) | Where::Runner(_) | Where::Service(_) => false,
                }
        })
    };
    for (invoked, event) in facts.logbook.delivered() {
        let arn = event.message.event["detail"]["task_arn"].as_str();
        if !event.failed && !facts.looked_away && arn.is_some_and(is_not_ours) {
            let why = "an event of no configured family or cluster is acknowledged";
            let when = (invoked.began, invoked.ended);
            musts.push(Must::ring(&["OutOfScopeAlarm"], when, why));
        }
    }
}

/// What AWS itself publishes.
fn of_aws(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    for invoked in &facts.logbook.invocations {
        let alarm: &[&str] = match (invoked.came_to, invoked.function) {
            (CameTo::Answered, _) => continue,
            (_, crate::history::Function::Completion) => &["CompletionErrorsAlarm"],
            (_, crate::history::Function::Reaper) => &["ReaperErrorsAlarm"],
        };
        let why = format!("{} has failed", invoked.caller);
        musts.push(Must::ring(alarm, (invoked.ended, invoked.ended), why));
    }
    for at in facts.failed_sweeps() {
        let why = "an order to the reaper has failed or came too late";
        musts.push(Must::ring(&["SweepsDeadLetteredAlarm"], (at, at), why));
    }
    for (at, _) in facts.queues.iter().flat_map(|queue| queue.dead_letters()) {
        let at = facts.time(*at);
        musts.push(Must::ring(&["EventsDeadLetteredAlarm"], (at, at), "an event is given up"));
    }
}

fn silence(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    let most = Duration::from(facts.history.stack.every) * 3 + Duration::from_mins(10);
    for (from, to) in facts.silences() {
        // A new alarm is without data until the first sweep.
        if from != facts.began && to > from + most {
            let when = (from, from + most - SEEN);
            let why = format!("no sweep comes to its end between {from} and {to}");
            musts.push(Must::ring(&["NoSweepAlarm"], when, why));
        }
    }
}

/// Two sweeps in a row that could list nothing of one kind.
fn blind_sweeps(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    let lists = if facts.history.stack.groups > 0 {
        &[Api::ListTasks, Api::DescribeTargetHealth][..]
    } else {
        &[Api::ListTasks]
    };
    let is_blind = |sweep: &Invoked| {
        lists.iter().any(|api| {
            let mut calls = facts.calls_of(sweep).filter(|call| call.api == *api).peekable();
            let there = |outcome: &Outcome| match outcome {
                // Such is a fact: there is none.
                Outcome::Answered(_, code) => *code == Some("TargetGroupNotFound"),
                _ => false,
            };
            calls.peek().is_some()
                && calls.all(|call| !call.outcome.is_success() && !there(&call.outcome))
        })
    };
    // One that died in between may have seen all, and have come to remember it.
    let all_was_seen_between = |one: &Invoked, other: &Invoked| {
        let between = one.ended..other.began;
        let mut there = facts.calls.iter().filter(|call| between.contains(&call.sent_at));
        let seen = lists.iter().all(|api| {
            let mut calls = there.clone().filter(|call| call.api == *api);
            calls.any(|call| call.outcome.is_success())
        });
        seen && there.any(|call| call.api == Api::PutObject && call.is_about("suspects.json"))
    };
    for (one, other) in facts.two_in_a_row() {
        if is_blind(one) && is_blind(other) && !all_was_seen_between(one, other) {
            // Where the first could not be written down, that is told instead; and whether it was may not be known.
            let mut puts = facts.calls_of(one).rev().filter(|call| call.api == Api::PutObject);
            let last = puts.find(|call| call.is_about("suspects.json"));
            let alarms: &[&str] = if last.is_none_or(|call| call.outcome.is_success()) {
                &["SweepsIncompleteAlarm"]
            } else {
                &["SweepsIncompleteAlarm", "SweepProblemsAlarm"]
            };
            let why = "two sweeps in a row could not list all";
            musts.push(Must::ring(alarms, (one.ended, other.ended), why));
        }
    }
}

/// Whether something has been written that a sweep tried to write last, or may have been: it is read back where the
/// answer was lost.
fn is_written(facts: &Facts<'_>, sweep: &Invoked, key: &str) -> bool {
    let mut puts = facts.calls_of(sweep).rev();
    let mut puts = puts.by_ref().filter(|call| call.api == Api::PutObject && call.is_about(key));
    let Some(last) = puts.next() else { return true };
    // What the first attempts had written a later one may have met.
    let before = puts.take_while(|call| !call.outcome.is_success());
    last.outcome.may_be_applied() || before.into_iter().any(|call| call.outcome.may_be_applied())
}

/// The next sweep can't know what this one could not write down; and a group that is gone stays gone.
fn troubled_sweeps(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    for sweep in facts.logbook.sweeps() {
        for key in ["suspects.json", "/sweeps/"] {
            if !is_written(facts, sweep, key) {
                let why = format!("a sweep could not write {key}");
                let when = (sweep.ended, sweep.ended);
                musts.push(Must::ring(&["SweepProblemsAlarm"], when, why));
            }
        }
    }
    // By each look that it took: one that is denied at first has it for unknown, and one that is gone in the middle of
    // a sweep had been there.
    let misses_a_group = |sweep: &Invoked| {
        let mut looks: BTreeMap<Option<&String>, bool> = BTreeMap::new();
        for call in facts.calls_of(sweep).filter(|call| call.api == Api::DescribeTargetHealth) {
            let gone = matches!(call.outcome, Outcome::Answered(_, Some("TargetGroupNotFound")));
            *looks.entry(call.subjects.first()).or_insert(true) &= gone;
        }
        looks.values().any(|gone| *gone)
    };
    for (one, other) in facts.two_in_a_row() {
        if misses_a_group(one) && misses_a_group(other) {
            let why = "two sweeps in a row were told that a target group is gone";
            musts.push(Must::ring(&["SweepProblemsAlarm"], (one.ended, other.ended), why));
        }
    }
}

/// An intent that was left behind, and that two sweeps in a row have not settled.
fn open_intents(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    let of_intents = |api: Api| {
        let calls = facts.calls.iter().filter(move |call| call.api == api);
        calls.filter(|call| call.is_about("/intents/"))
    };
    for put in of_intents(Api::PutObject) {
        let Some(key) = put.subjects.first() else { continue };
        let ends = of_intents(Api::DeleteObject).find(|call| call.is_about(key));
        let ends = ends.map_or(facts.world.now(), |call| call.sent_at);
        // Until then the invocation that wrote it may be at it.
        let begins = put.sent_at + Duration::from_mins(5);
        for (one, other) in facts.two_in_a_row() {
            if put.outcome.is_success() && begins < one.began && other.ended < ends {
                let reads = |sweep: &&Invoked| {
                    let mut reads = facts.calls_of(sweep).filter(|call| call.is_about(key));
                    reads.any(|call| call.api == Api::GetObject && call.outcome.is_success())
                };
                // One that is settled, or that can't be read, is no intent that stays open, but a problem; so is a count
                // that can't be kept.
                let forgets = [Api::PutObject, Api::GetObject].iter();
                let mut forgets = forgets.map(|api| facts.world.has_failed(*api, "suspects.json"));
                let fails = facts.world.has_failed(Api::DeleteObject, key)
                    || forgets.any(|forgets| forgets);
                let alarms: &[&str] = if [&one, &other].into_iter().all(reads) && !fails {
                    &["ReRegistrationsPendingAlarm"]
                } else {
                    &["ReRegistrationsPendingAlarm", "SweepProblemsAlarm"]
                };
                let why = format!("two sweeps in a row have left {key} open");
                musts.push(Must::ring(alarms, (one.ended, other.ended), why));
            }
        }
    }
}

/// A sweep that asked a container for its artifacts while no packet reached any.
fn lost_routes(facts: &Facts<'_>, musts: &mut Vec<Must>) {
    let lost: Vec<(Timestamp, Timestamp)> = facts
        .steps()
        .filter_map(|step| match (step.when, &step.action) {
            (When::At(at), Action::RoutesAreLost(Seconds(time))) => {
                let from = facts.began + Duration::from(at);
                let until = Duration::from(at) + Duration::from_secs(*time);
                Some((from, facts.began + until.min(facts.history.lasts.into())))
            }
            _ => None,
        })
        .collect();
    // Of two that overlap the second says when they are back.
    let &[(from, until)] = &lost[..] else { return };
    let within = facts.logbook.sweeps().filter(|sweep| from < sweep.began && sweep.ended < until);
    for sweep in within {
        // Of one that has answered 403 before, its silence says nothing of the route.
        let has_answered = |asked: &Call| {
            facts.calls.iter().any(|call| {
                call.subjects == asked.subjects && matches!(call.outcome, Outcome::Answered(403, _))
            })
        };
        let asks = facts
            .calls_of(sweep)
            .any(|call| call.api == Api::ContainerComplete && !has_answered(call));
        // One that was refused was reached.
        let is_met = facts
            .met
            .iter()
            .any(|met| met.caller == sweep.caller && met.api.service() == Some(Service::Container));
        if asks && !is_met {
            let why = "a sweep asked a container while no route led there";
            musts.push(Must::ring(&["RoutesBrokenAlarm"], (sweep.ended, sweep.ended), why));
        }
    }
}
