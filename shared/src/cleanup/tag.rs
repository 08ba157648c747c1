use super::identified_session::IdentifiedSession;
use super::record::Record;
use super::request::Order;
use super::salvage::Salvage;
use super::task_fate::TaskFate;
use crate::metrics::Step;
use crate::session::{EndedTag, SESSION_ENDED_TAG, end_seen};

/// What is known of a living task is on the task: that its owner has ended it, and since when its salvage
/// goes on. Where that fails, the event is still in the queue and the next delivery tries again. An upload that
/// is under way begins the salvage window anew.
///
/// # Errors
/// Why a task that should have it has no tag.
pub(super) async fn tag_session_ended(
    record: Record<'_>,
    session: &IdentifiedSession,
    salvage: &Salvage,
    task: &TaskFate,
) -> Result<(), String> {
    let Record { invocation, request, steps } = record;
    let context = invocation.context();
    let now = context.clock.now();
    let is_tagged = EndedTag::of(&session.task, now).is_word() && *salvage != Salvage::UnderWay;
    let is_owners_word = request.cause.order() == Order::Together;
    // What runs another session has not been ended, whatever else went wrong.
    let is_anothers = *salvage == Salvage::WrongContainer;
    if !task.runs_on() || is_tagged || !is_owners_word || is_anothers {
        return Ok(());
    }
    let ended = end_seen(&session.task, session.writes_from, now).to_string();
    let tagging = context.aws.tasks.tag(&session.task.arn, SESSION_ENDED_TAG, &ended);
    let result = |tagged: &Result<(), String>| match tagged {
        Ok(()) => "tagged session-ended-at".to_owned(),
        Err(why) => why.clone(),
    };
    let tagging = invocation.budget().receipt().answer(tagging);
    steps.measure(Step::Tag, tagging, result).await
}
