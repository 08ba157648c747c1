//! I3 and I7: every loss is on record and nothing else is, and every event ends.

use super::Violation;
use crate::history::{Container, Identity, Seconds};
use crate::play::Actor;
use jiff::Timestamp;
use serde_json::Value;
use session_cleanup_tests::world::{Api, World};
use std::collections::BTreeMap;

/// How everyone, and every event, ended.
pub(super) struct Ends<'a> {
    pub(super) everyone: &'a [Actor],
    /// For some time the functions were configured not to act on all of it: of that there is no record.
    pub(super) looked_away: bool,
    pub(super) acknowledged: &'a [&'a Value],
    pub(super) dead_letters: &'a [&'a Value],
}

impl Ends<'_> {
    /// Whether an event about a task is among some.
    fn is_in(events: &[&Value], task_arn: &str) -> bool {
        events.iter().any(|event| {
            event["detail"]["task_arn"] == task_arn || event["detail"]["taskArn"] == task_arn
        })
    }
}

/// I3: what is on record as lost or saved is so.
pub(super) fn judge_words(world: &World, ends: &Ends<'_>, broken: &mut Vec<Violation>) {
    for wrong in world.losses_misreported() {
        broken
            .push(Violation::new("I3", format!("the receipt does not say what is true: {wrong}")));
    }
    let receipts = world.receipts();
    for actor in ends.everyone {
        let (task, id) = (&actor.task, actor.task.session_id());
        let is_named = |event: &&Value| {
            event["detail"]["session_id"] == *id || event["detail"]["task_arn"] == *task.arn()
        };
        let mut told = ends.acknowledged.iter().chain(ends.dead_letters);
        let was_unclaimed = actor.session.identity == Identity::None && !told.any(is_named);
        if was_unclaimed
            && world.truth(task).is_some_and(|truth| truth.was_scaled_in)
            && world.object("ledger", &format!("unknown/{}.json", task.id())).is_some()
        {
            let what = format!("the task of {id} waited in a pool, and is on record as unknown");
            broken.push(Violation::new("I3", what));
        }
        let Some(receipt) = receipts.get(task.id()) else {
            let can_be_told =
                actor.session.is_in_scope() && actor.session.identity != Identity::None;
            let is_calm = can_be_told && !ends.looked_away && world.all_was_well();
            let ended = actor.ended_by_name.filter(|_| is_calm);
            if ended.is_some_and(|at| world.could_have_been_asked(task, at)) {
                let what = format!("{id} was ended while its container ran, which nobody asked");
                broken.push(Violation::new("I3", what));
            }
            continue;
        };
        let written = world.written_at("ledger", &task.receipt_key());
        let unknown = world.written_at("ledger", &format!("unknown/{}.json", task.id()));
        let was_known = unknown.zip(written).is_some_and(|(unknown, at)| at < unknown)
            && !world.has_failed(Api::PutObject, &format!("tasks/{}", task.id()));
        let what = if receipt["outcome"] == "artifacts_unverified"
            // An owner that mixes up two sessions: it is about the other one's.
            && receipt["session_id"] == *id
            && (world.marker_was_always_absent(task)
                || world.marker_is_of_an_earlier_run(task)
                    && !world.has_failed(Api::GetObject, &format!("tasks/{}", task.id())))
        {
            format!("nobody has seen a marker of {id}, and its artifacts are not called lost")
        } else if receipt["task"] == "to_be_stopped"
            && world.is_stopping(task)
            && world.all_was_well()
            && !ends.looked_away
        {
            format!("the task of {id} is stopped, and its receipt says that it is to be")
        } else if receipt["artifacts"] == "wrong_container" && !world.has_said_403(task) {
            format!(
                "a receipt says that the container of {id} runs another session, and it has not said so"
            )
        } else if was_known && receipt["session_id"] == *id {
            format!("a receipt names {id}, and its task is on record as one of which nobody knows")
        } else {
            continue;
        };
        broken.push(Violation::new("I3", what));
    }
}

/// I3, its second half: what is lost is on record.
pub(super) fn judge_losses(world: &World, ends: &Ends<'_>, broken: &mut Vec<Violation>) {
    let receipts = world.receipts();
    for actor in ends.everyone {
        let task = &actor.task;
        let Some(truth) = world.truth(task) else { continue };
        let receipt = receipts.get(task.id());
        let outcome = receipt.and_then(|receipt| receipt["outcome"].as_str());
        let id = task.session_id();

        let is_ours = actor.session.is_in_scope() && actor.session.identity != Identity::None;
        let is_lost = truth.ran && truth.is_stopping && !truth.saved && !truth.was_scaled_in;
        let on_record =
            matches!(outcome, Some("artifacts_lost" | "artifacts_unverified" | "rejected"))
                || world.object("ledger", &format!("unknown/{}.json", task.id())).is_some()
                || Ends::is_in(ends.dead_letters, task.arn());
        // Nobody tells us again of a stop of our own.
        let is_our_stop = world.is_stopped_by_us(task);
        let ended = matches!(
            outcome,
            Some("cleaned" | "artifacts_lost" | "artifacts_unverified" | "rejected")
        );
        // What could not be written is remembered, and written later.
        let is_remembered = [Api::PutObject, Api::GetObject]
            .iter()
            .all(|api| !world.has_failed(*api, "suspects.json"))
            && !Ends::is_in(ends.dead_letters, task.arn());
        if is_ours && is_our_stop && !ended && is_remembered && !ends.looked_away {
            let what = format!("we have stopped {id}, and its receipt says {outcome:?}");
            broken.push(Violation::new("I3", what));
        }
        // Its name is on record, its container would have served, and there was time.
        let could_be_saved = truth.was_stopped_by_others_after_it_was_named
            && actor.session.container == Container::default()
            && actor.session.stop_timeout >= Seconds(30)
            && world.setup().containers_are_asked()
            && world.all_was_well();
        if is_ours && is_lost && could_be_saved && !ends.looked_away {
            let what = format!("the artifacts of {id} could have been saved");
            broken.push(Violation::new("I3", what));
        }
        if is_ours && is_lost && !on_record && !ends.looked_away {
            let what = format!("the artifacts of {id} are lost, and its receipt says {outcome:?}");
            broken.push(Violation::new("I3", what));
        }
    }
}

/// I7: what was acknowledged is on record.
pub(super) fn judge_events(world: &World, ends: &Ends<'_>, broken: &mut Vec<Violation>) {
    let receipts = world.receipts();
    for event in ends.acknowledged {
        if event["detail-type"] != "Session Ended" && !event.is_string() {
            continue;
        }
        let Some(session) = event["detail"]["session_id"].as_str() else {
            if !ends.looked_away {
                let what = format!("what nobody can understand was acknowledged: {event}");
                broken.push(Violation::new("I7", what));
            }
            continue;
        };
        let arn = event["detail"]["task_arn"].as_str();
        let of_session = |actor: &&Actor| {
            actor.task.session_id() == session && arn.is_none_or(|arn| arn == actor.task.arn())
        };
        let mut tasks = ends.everyone.iter().filter(of_session);
        let is_in_scope = tasks.clone().any(|actor| actor.session.is_in_scope());
        let unknown = |actor: &Actor| format!("unknown/{}.json", actor.task.id());
        let on_record = tasks.any(|actor| {
            receipts.contains_key(actor.task.id())
                || world.object("ledger", &unknown(actor)).is_some()
        });
        let mut meant = ends.everyone.iter().filter(of_session).filter(|_| arn.is_some());
        if let Some(actor) = meant.find(|actor| is_forgotten(world, &receipts, actor))
            && !ends.looked_away
        {
            let arn = actor.task.arn();
            let what =
                format!("the end of {session} was acknowledged, and no tag says so of {arn}");
            broken.push(Violation::new("I7", what));
        }
        if is_in_scope && !on_record && !ends.looked_away {
            let what = format!("the end of {session} was acknowledged, and there is no receipt");
            broken.push(Violation::new("I7", what));
        }
    }
}

/// Whether its end was begun, and its task runs on, and no tag says so to the sweeps.
fn is_forgotten(world: &World, receipts: &BTreeMap<String, Value>, actor: &Actor) -> bool {
    let outcome = receipts.get(actor.task.id()).map(|receipt| receipt["outcome"].clone());
    let is_left =
        matches!(outcome.as_ref().and_then(Value::as_str), Some("awaiting_salvage" | "incomplete"));
    let runs = world.knows(&actor.task) && !world.is_stopping(&actor.task);
    let tags = world.tags(&actor.task);
    let told = tags.get("session-ended-at").and_then(|at| at.parse::<Timestamp>().ok());
    // What it was started with is another's.
    let is_copied =
        |at: Timestamp| actor.session.copied_end.is_some() && at < world.session_began(&actor.task);
    // No sweep touches it: nobody asks again.
    let is_kept = actor.session.is_protected
        && tags.get("cleanup-protection").is_some_and(|value| value == "true");
    is_left && runs && (told.is_none_or(is_copied) || is_kept)
}

/// I7: whose end can't be finished by events is left to the sweeps.
pub(super) fn judge_dead_letters(world: &World, ends: &Ends<'_>, broken: &mut Vec<Violation>) {
    let receipts = world.receipts();
    // Of what can't be seen, or written, people are told by the dead letter.
    let tags_are_written = |arn: &str| {
        let calls = [Api::DescribeTasks, Api::TagResource];
        !calls.iter().any(|api| world.has_failed(*api, arn))
    };
    for actor in ends.everyone.iter().filter(|_| !ends.looked_away) {
        let (arn, id) = (actor.task.arn(), actor.task.session_id());
        let is_of_ecs = |event: &&Value| {
            event["detail-type"] == "ECS Task State Change" && event["detail"]["taskArn"] == *arn
        };
        if ends.dead_letters.iter().any(is_of_ecs)
            && actor.session.identity == Identity::Tag
            && world.all_was_well()
        {
            let what = format!("the end of {id}'s task is a dead letter, and nothing has failed");
            broken.push(Violation::new("I7", what));
        }
        let is_its = |event: &&Value| {
            event["detail"]["task_arn"] == *arn && event["detail"]["session_id"] == *id
        };
        if ends.dead_letters.iter().any(is_its)
            && tags_are_written(arn)
            && !actor.session.is_protected
            && is_forgotten(world, &receipts, actor)
        {
            let what = format!("no event ends {id} any more, and no tag says that it is over");
            broken.push(Violation::new("I7", what));
        }
    }
}
