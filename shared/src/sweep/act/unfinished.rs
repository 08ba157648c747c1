//! Cleanups that a sweep before has begun, and that nobody knows to be on record: it died, or could not write the
//! receipt. Who runs on is an orphan once more, or lives; who is over or about to be is judged as if ECS had just said
//! so.

use crate::cleanup::{Cause, Delivery, Invocation, Request};
use crate::deadline::Deadline;
use crate::event::TaskReference;
use crate::session::TaskArn;
use crate::spawned_cleanup::SpawnedCleanup;
use crate::sweep::decide::Plan;
use crate::sweep::suspects::Unfinished;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Finishes them until `deadline`; the answer is who needs no further sweep.
pub(super) async fn finish(
    invocation: &Arc<Invocation>,
    plan: &Plan,
    deadline: Deadline,
    request_id: &str,
) -> BTreeSet<TaskArn> {
    // Who is an orphan once more is worked on as one.
    let mut finished: BTreeSet<TaskArn> =
        plan.orphans().into_iter().map(|one| one.task.arn.clone()).collect();
    let unfinished = plan.suspects.unfinished.iter().filter(|(task, _)| !finished.contains(*task));
    let mut under_way = FuturesUnordered::new();
    for (task, begun) in unfinished {
        let cleanup = SpawnedCleanup::start(invocation, request(task, begun), request_id);
        under_way.push(async move { (task.clone(), cleanup.report().await) });
    }
    let ending = async {
        while let Some((task, ended)) = under_way.next().await {
            if ended.is_ok_and(|report| !report.outcome.is_unfinished()) {
                finished.insert(task);
            }
        }
    };
    // Who is not done by then is the next sweep's.
    let _ = deadline.run(ending).await;
    finished
}

fn request(task: &TaskArn, begun: &Unfinished) -> Request {
    let (at, shows) = (Some(begun.at), Some(begun.session.clone()));
    Request {
        task: TaskReference::Arn(task.clone()),
        cause: Cause::TaskChanged { version: 0, says_end: false, at, shows, created_at: None },
        request_id: None,
        delivery: Delivery::Resumed,
    }
}
