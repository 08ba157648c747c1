//! What a function's role may do, each shown by a try that can do nothing.

use super::report::{Check, CheckKind, Examined};
use super::verdict::{asked, unanswered};
use crate::aws::{CallError, Folder};
use crate::context::Context;
use crate::deadline::Deadline;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

/// What a function must be allowed, apart from what it reads.
struct Needs {
    /// Whether it cleans sessions up.
    cleans: bool,
    /// Whether it notes an owner's word on a task.
    tags: bool,
    /// Where it writes in the ledger.
    writes: &'static [Folder],
    /// Where it reads in the ledger.
    reads: &'static [Folder],
}

const OF_COMPLETION: Needs = Needs {
    cleans: true,
    tags: true,
    writes: &[Folder::Receipts, Folder::Tasks, Folder::Unknown, Folder::Intents],
    reads: &[Folder::Receipts, Folder::Tasks, Folder::Unknown, Folder::Intents],
};

const OF_REAPER: Needs = Needs {
    cleans: true,
    tags: false,
    writes: &[
        Folder::Receipts,
        Folder::Tasks,
        Folder::Unknown,
        Folder::Intents,
        Folder::Sweeps,
        Folder::Suspects,
    ],
    reads: &[
        Folder::Receipts,
        Folder::Tasks,
        Folder::Unknown,
        Folder::Intents,
        Folder::Sweeps,
        Folder::Suspects,
    ],
};

/// It only reads.
const OF_INSPECTOR: Needs = Needs {
    cleans: false,
    tags: false,
    writes: &[],
    reads: &[Folder::Receipts, Folder::Sweeps, Folder::Suspects],
};

pub(super) async fn checks(context: &Context, who: Examined, deadline: Deadline) -> Vec<Check> {
    let needs = match who {
        Examined::Completion => OF_COMPLETION,
        Examined::Reaper => OF_REAPER,
        Examined::Inspector => OF_INSPECTOR,
        Examined::Stack => return Vec::new(),
    };
    let mut tries: Vec<BoxFuture<'_, Check>> = Vec::new();
    let (tasks, groups, ledger) =
        (&context.aws.tasks, &context.aws.target_groups, &context.aws.ledger);
    let scope = &context.config.scope;
    for cluster in scope.clusters.iter().filter(|_| needs.cleans) {
        let of = format!("StopTask, {cluster}");
        tries.push(tried("ecs:StopTask", of, deadline, tasks.try_stop(cluster, &scope.home)));
    }
    for cluster in scope.clusters.iter().filter(|_| needs.tags) {
        let of = format!("TagResource, {cluster}");
        tries.push(tried("ecs:TagResource", of, deadline, tasks.try_tag(cluster, &scope.home)));
    }
    for group in scope.target_groups.iter().filter(|_| needs.cleans) {
        let name = group.name();
        let (off, on) = (format!("DeregisterTargets, {name}"), format!("RegisterTargets, {name}"));
        let action = "elasticloadbalancing:DeregisterTargets";
        tries.push(tried(action, off, deadline, groups.try_deregister(group)));
        let action = "elasticloadbalancing:RegisterTargets";
        tries.push(tried(action, on, deadline, groups.try_register(group)));
    }
    for folder in needs.writes {
        let of = format!("PutObject, {}", folder.name());
        tries.push(tried("s3:PutObject", of, deadline, ledger.try_write(*folder)));
    }
    for folder in needs.reads {
        let of = format!("GetObject, {}", folder.name());
        tries.push(tried("s3:GetObject and s3:ListBucket", of, deadline, ledger.try_read(*folder)));
    }
    if needs.cleans {
        let of = format!("DeleteObject, {}", Folder::Intents.name());
        tries.push(tried("s3:DeleteObject", of, deadline, ledger.try_delete_an_intent()));
    }
    join_all(tries).await
}

fn tried<'a>(
    action: &'static str,
    of: String,
    deadline: Deadline,
    trying: impl Future<Output = Result<(), CallError>> + Send + 'a,
) -> BoxFuture<'a, Check> {
    let kind = CheckKind::Permission;
    async move {
        match asked(deadline, action, &of, trying).await {
            Ok(()) => Check::green(kind, of, "It is allowed: a harmless test call was not denied."),
            Err(error) => {
                let fix = format!(
                    "Allow {action}, as the function's role in template.yaml does; look for a boundary, an \
                     organisation's policy, or a bucket policy that denies it."
                );
                unanswered(kind, &of, &error, &fix)
            }
        }
    }
    .boxed()
}
