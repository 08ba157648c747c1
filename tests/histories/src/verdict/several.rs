//! I7 where one session runs in several tasks: an owner's event that does not say which of them is meant ends none, and
//! what their tags say is written down while they are there.

use super::{Ended, Violation};
use crate::history::{Function, Identity};
use crate::play::logbook::{CameTo, Invoked};
use session_cleanup_tests::world::{Api, Call, TaskHandle};

pub(super) fn judge(ended: &Ended<'_>, broken: &mut Vec<Violation>) {
    let invocations: Vec<&Invoked> =
        ended.logbook.invocations.iter().filter(|one| answers_one(one)).collect();
    if invocations.is_empty() {
        return;
    }
    let calls = ended.world.calls();
    for invoked in invocations {
        let calls = calls.iter().filter(|call| {
            call.caller == invoked.caller && (invoked.began..=invoked.ended).contains(&call.sent_at)
        });
        let calls: Vec<&Call> = calls.collect();
        if !calls.iter().all(|call| call.outcome.is_well()) {
            continue;
        }
        for session in unnamed(invoked) {
            let tasks = told_by_a_tag(ended, invoked, session);
            let are_shown = tasks.iter().all(|task| is_any(&calls, Api::DescribeTasks, task.arn()));
            if tasks.len() < 2 || !are_shown {
                continue;
            }
            for task in tasks {
                if !is_any(&calls, Api::PutObject, &format!("{}.ran", task.id())) {
                    let what = format!(
                        "{} tells by a tag alone that it runs {session}, which is not written down while another does \
                         ({} at {})",
                        task.arn(),
                        invoked.caller,
                        invoked.began
                    );
                    broken.push(Violation::new("I7", what));
                }
            }
        }
    }
}

/// Whether an invocation of the completion function had such an event, and came to its end.
fn answers_one(invoked: &Invoked) -> bool {
    invoked.function == Function::Completion
        && invoked.came_to == CameTo::Answered
        && unnamed(invoked).next().is_some()
}

/// The sessions whose owners say that they are over, and don't name their tasks.
fn unnamed(invoked: &Invoked) -> impl Iterator<Item = &str> {
    invoked.events.iter().filter_map(|delivered| {
        let event = &delivered.message.event;
        let is_unnamed =
            event["detail-type"] == "Session Ended" && event["detail"]["task_arn"].is_null();
        event["detail"]["session_id"].as_str().filter(|_| is_unnamed)
    })
}

/// Those that ran a session for as long as an invocation took, and could be told by a tag.
fn told_by_a_tag<'a>(
    ended: &'a Ended<'_>,
    invoked: &Invoked,
    session: &str,
) -> Vec<&'a TaskHandle> {
    let during = (invoked.began, invoked.ended);
    let its = ended.everyone.iter().filter(|actor| {
        actor.task.session_id() == session
            && actor.session.identity == Identity::Tag
            && actor.session.is_in_scope()
            && ended.world.runs_named_by_a_tag(&actor.task, during)
    });
    its.map(|actor| &actor.task).collect()
}

fn is_any(calls: &[&Call], api: Api, about: &str) -> bool {
    calls.iter().any(|call| call.api == api && call.is_about(about))
}
