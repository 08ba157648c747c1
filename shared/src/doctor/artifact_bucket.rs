//! The bucket that containers upload to: whether markers can be read, and told from missing ones.

use super::report::{Check, CheckKind};
use super::verdict::{asked, unanswered};
use crate::aws::{ArtifactsSeen, CallError, Failure};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::SessionId;

const KIND: CheckKind = CheckKind::ArtifactBucket;

/// No session is called so; if one were, reading its marker would do it no harm.
const NO_SESSION: &str = "session-cleanup-doctor";

pub(super) async fn checks(context: &Context, deadline: Deadline) -> Vec<Check> {
    let config = &context.config.artifacts;
    let Some(bucket) = &config.bucket else {
        return vec![Check::green(
            KIND,
            "-",
            "None is configured: there are no artifacts to look for.",
        )];
    };
    let store = &context.aws.artifacts;
    let page = match asked(deadline, "ListObjectsV2", bucket, store.first_page()).await {
        Ok(page) => page,
        Err(error) => return vec![unlisted(bucket, &error)],
    };
    let mut checks = vec![listed(bucket, &page, &config.prefix, &config.marker)];
    if let Ok(session) = SessionId::parse(NO_SESSION) {
        let missing = store.marker(&session, context.clock.now());
        let missing = asked(deadline, "HeadObject", bucket, missing).await.map(drop);
        let what = "A missing marker can be distinguished from an unreadable one.";
        checks.push(read(bucket, missing, what));
    }
    if let Some(marker) = &page.marker {
        let there = asked(deadline, "HeadObject", bucket, store.is_readable(marker)).await;
        checks.push(read(bucket, there, &format!("The marker {marker} can be read.")));
    }
    checks
}

fn unlisted(bucket: &str, error: &CallError) -> Check {
    let fix = "If the bucket exists, allow s3:ListBucket on it without a condition, as template.yaml does (a \
               bucket of another account must allow it too); else set ArtifactBucket right.";
    unanswered(KIND, bucket, error, fix)
}

fn read(bucket: &str, answer: Result<(), CallError>, what: &str) -> Check {
    match answer {
        Ok(()) => Check::green(KIND, bucket, what),
        // S3 gives no reason with a 403 to HEAD.
        Err(error) if error.failure == Failure::Denied => {
            let fix = "Allow s3:GetObject on the markers' keys, as template.yaml does; look at the bucket's \
                       policy, and at its owner. Until then nothing can be confirmed: artifacts stay unverified.";
            Check::red(KIND, bucket, format!("{error}."), fix)
        }
        Err(error) => {
            let fix = "See the bucket's encryption and policy: until markers can be read, artifacts stay \
                       unverified.";
            unanswered(KIND, bucket, &error, fix)
        }
    }
}

fn listed(bucket: &str, page: &ArtifactsSeen, prefix: &str, marker: &str) -> Check {
    let place = page.elsewhere.as_ref().map_or(String::new(), |region| format!(" (in {region})"));
    let below = if prefix.is_empty() { String::new() } else { format!(" below {prefix}") };
    match (page.objects, &page.marker) {
        (0, _) => {
            let found = format!("It is there{place}, with nothing{below} in it yet.");
            let fix = "If sessions have uploaded before, compare ArtifactBucket and ArtifactPrefix with what \
                       their containers use.";
            Check::yellow(KIND, bucket, found, fix)
        }
        (count, None) => {
            let found = format!(
                "It is there{place}; none of the first {count} objects{below} is a marker ({marker})."
            );
            let fix = "Compare ArtifactPrefix and ArtifactMarker with what containers write: without its marker \
                       no upload is confirmed.";
            Check::yellow(KIND, bucket, found, fix)
        }
        (_, Some(_)) => {
            Check::green(KIND, bucket, format!("It is there{place}, with markers in it."))
        }
    }
}
