//! The turn that a call takes when something befalls it.

use std::time::Duration;

use super::api::Service;
use super::faults::{Effect, FaultKind};
use super::wire::{self, Reply};

/// Why no answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection was refused.
    Refused,
    /// Nobody could be reached.
    Unreachable,
    /// The connection was reset.
    Reset,
    /// The caller has no descriptor left: nothing was sent.
    NoDescriptor,
}

/// What becomes of a call before it is applied.
pub(crate) enum Turn {
    /// It never is, and this is why.
    Fails(Failure),
    /// It never is, and nobody says so.
    Hangs,
    /// It never is, and this is said.
    Refused(Reply),
    /// It is, and then its answer is in trouble.
    Applied(Trouble),
}

/// What becomes of the answer to a call that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It arrives.
    None,
    /// It arrives so much later.
    Late(Duration),
    /// The connection is reset instead.
    Lost,
    /// It never arrives.
    Hangs,
}

impl Turn {
    pub(crate) fn of(effect: Option<Effect>, service: Service) -> Self {
        match effect {
            None => Self::Applied(Trouble::None),
            Some(Effect::Kind(kind)) => Self::of_kind(kind, service),
            Some(Effect::Invalid) => Self::Refused(wire::invalid(service)),
            Some(Effect::NoDescriptor) => Self::Fails(Failure::NoDescriptor),
            Some(Effect::Delayed(by)) => Self::Applied(Trouble::Late(by)),
        }
    }

    fn of_kind(kind: FaultKind, service: Service) -> Self {
        match kind {
            FaultKind::Throttled => Self::Refused(wire::throttled(service)),
            FaultKind::Denied => Self::Refused(wire::denied(service)),
            FaultKind::ServerError => Self::Refused(wire::server_error(service)),
            FaultKind::Refused => Self::Fails(Failure::Refused),
            FaultKind::Reset => Self::Fails(Failure::Reset),
            FaultKind::Hangs => Self::Hangs,
            FaultKind::AnswerLost => Self::Applied(Trouble::Lost),
            FaultKind::AnswerHangs => Self::Applied(Trouble::Hangs),
        }
    }
}
