//! The mode `observe` beside today's way: what `make baseline` prints of grace, whom her owner cleans up itself.

use crate::baseline::Baseline;
use crate::demo::Failure;
use crate::demo::local_stack::{LocalStack, OBSERVED_SOURCE, PATIENCE};
use crate::demo::part::Part;
use crate::local_aws::{Lambda, LocalAwsError, eventually};
use crate::world::Phase;

/// The owner says that the session is over, before it cleans up in its own way.
pub(super) async fn owner_speaks(local: &LocalStack, part: &Part) -> Result<(), LocalAwsError> {
    let event = local.world.session_ended_event(&part.task, "completed");
    local.observing.put_event(OBSERVED_SOURCE, "Session Ended", &event["detail"]).await
}

/// ECS says that the task has stopped; what the log has of it then.
pub(super) async fn task_has_stopped(local: &LocalStack, part: &Part) -> Result<Baseline, Failure> {
    let LocalStack { observing, world, .. } = local;
    eventually("grace's task to have stopped", PATIENCE, async || {
        Ok((world.phase(&part.task) == Phase::Stopped).then_some(()))
    })
    .await?;
    observing.send_to_queue(&world.task_event(&part.task).to_string()).await?;
    let log = eventually("what was observed of grace", PATIENCE, async || {
        let log = observing.log_lines(Lambda::Completion).await?.join("\n");
        Ok(log.contains("\"task_stopped\"").then_some(log))
    })
    .await?;
    Ok(Baseline::read(&log))
}
