//! What a container said before it fell silent.

use super::identified_session::IdentifiedSession;
use super::invocation::Invocation;
use super::receipt;
use super::request::Order;
use super::salvage::Salvage;
use crate::aws::CallError;
use crate::clock::is_longer_ago;
use crate::context::Context;
use crate::deadline::Deadline;
use jiff::Timestamp;

/// A container that said to an event that it runs another session may have nothing to say to this one, or to the sweep
/// that is about to give it up. And the sweep that was told of an upload under way may not have remembered it.
pub(super) async fn said_before(
    invocation: &Invocation,
    session: &IdentifiedSession,
    silent: Salvage,
    order: Order,
    deadline: Deadline,
) -> Salvage {
    let reading = receipt::read(&invocation.context().aws.ledger, &session.id, &session.task.arn);
    let what = "the receipt of an earlier event";
    match CallError::answered_by(deadline, "GetObject", what, reading).await {
        Ok(Some(receipt)) if receipt.is_of_a_403() => Salvage::WrongContainer,
        Ok(receipt) => match (order, receipt.and_then(|receipt| receipt.under_way_at())) {
            (Order::ArtifactsFirst, Some(at)) if goes_on(invocation, at) => Salvage::NotAsked {
                why: format!("at {at} its container said that its upload was under way"),
            },
            (Order::ArtifactsFirst | Order::Together, Some(_) | None) => silent,
        },
        Err(error) => {
            let why = format!("what its container said to earlier events is not known: {error}");
            tracing::warn!("{why}");
            match (order, silent) {
                // Its owner's word goes on; nothing of it waits for the ledger.
                (Order::Together, silent) => silent,
                // It is kept, and somebody must learn that no route leads there.
                (Order::ArtifactsFirst, blind @ Salvage::Blind { .. }) => blind,
                (Order::ArtifactsFirst, _) => Salvage::NotAsked { why },
            }
        }
    }
}

/// Whether what a container has said of an upload puts its salvage window off.
fn goes_on(invocation: &Invocation, at: Timestamp) -> bool {
    let Context { clock, config, .. } = &**invocation.context();
    !is_longer_ago(at, config.sweep.salvage_window, clock.now())
}
