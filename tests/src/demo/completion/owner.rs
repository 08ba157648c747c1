//! The owner's side: what it keeps of each session, and frees when the session's receipt says that it is over.

use super::cast::Cast;
use crate::demo::Failure;
use crate::local_aws::{Stack, Subscription};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// What a process that starts sessions keeps of one.
struct Kept {
    task_arn: String,
    address: Ipv4Addr,
    failures: u32,
}

/// A process that starts sessions, and what it has been told.
pub(super) struct Owner {
    receipts: Subscription,
    sessions: BTreeMap<String, Kept>,
    freed: BTreeSet<String>,
    batches: usize,
}

/// The outcomes after which nothing of a session is left.
const FINAL: [&str; 3] = ["cleaned", "artifacts_unverified", "artifacts_lost"];

impl Owner {
    pub(super) async fn begin(stack: &Stack, cast: &Cast) -> Result<Self, Failure> {
        let parts = cast.parts().into_iter();
        let kept = parts.map(|part| {
            let (task_arn, address) = (part.task.arn().to_owned(), part.task.address());
            let kept = Kept { task_arn, address, failures: 0 };
            (part.task.session_id().to_owned(), kept)
        });
        let (receipts, sessions) = (stack.subscribe().await?, kept.collect());
        Ok(Self { receipts, sessions, freed: BTreeSet::new(), batches: 0 })
    }

    /// Takes what has come, up to ten receipts at once. An event may come twice, for a receipt that is not the
    /// last, and for the task in which the session ran before it was resumed: the object decides.
    pub(super) async fn read_receipts(&mut self) -> Result<(), Failure> {
        loop {
            let receipts = self.receipts.receive().await?;
            if receipts.is_empty() {
                return Ok(());
            }
            self.batches += 1;
            for receipt in receipts {
                let session = receipt["session_id"].as_str().unwrap_or_default();
                let outcome = receipt["outcome"].as_str().unwrap_or_default();
                let Some(kept) = self.sessions.get_mut(session) else { continue };
                if receipt["task_arn"] != kept.task_arn {
                    continue;
                }
                if FINAL.contains(&outcome) {
                    self.sessions.remove(session);
                    self.freed.insert(session.to_owned());
                } else {
                    kept.failures += 1;
                }
            }
        }
    }

    /// What it has freed and what it still keeps, for the terminal.
    pub(super) fn story(&self) -> String {
        let kept = self.sessions.iter().map(|(session, kept)| {
            let Kept { address, failures, .. } = kept;
            let failures =
                if *failures > 0 { format!(", not clean x{failures}") } else { String::new() };
            format!("{session} ({address}{failures})")
        });
        format!(
            "The owner was told of the receipts by events of the ledger, in {} batch(es) of up to ten.\n  \
             It has freed what it kept of: {}\n  It keeps, since nothing final is on record: {}\n",
            self.batches,
            self.freed.iter().cloned().collect::<Vec<_>>().join(", "),
            kept.collect::<Vec<_>>().join(", ")
        )
    }

    /// The sessions that it has freed.
    pub(super) fn freed(&self) -> &BTreeSet<String> {
        &self.freed
    }
}
