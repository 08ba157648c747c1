//! What a sweep does about its orphans and its zombies. Each victim is looked at again right before
//! it is touched, fails alone, and takes no other's place.

mod acted;
mod orphans;
mod unfinished;
mod zombies;

pub use acted::{Acted, Acts};

use super::decide::Plan;
use crate::cleanup::Invocation;
use crate::deadline::Deadline;
use crate::session::TaskArn;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::join;

/// Acts on the plan, orphans and zombies side by side, until `deadline`. The tasks of `addressed` are known
/// to hold no zombie's address.
pub(super) async fn act(
    invocation: &Arc<Invocation>,
    plan: &Plan,
    addressed: &Arc<BTreeSet<TaskArn>>,
    deadline: Deadline,
    request_id: &str,
) -> Acts {
    let (orphans, zombies, finished) = join!(
        orphans::reap(invocation, plan, deadline, request_id),
        zombies::remove(invocation, plan, addressed, deadline),
        unfinished::finish(invocation, plan, deadline, request_id)
    );
    Acts { orphans, zombies, finished }
}
