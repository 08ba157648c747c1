//! The turn that a call takes when something befalls it.

use std::time::Duration;

use bytes::Bytes;

use super::api::Service;
use super::container::BodyShape;
use super::faults::{Effect, FaultKind, Lot};
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
    /// It is.
    Applied {
        /// It is answered from what was true so long ago.
        seen_ago: Duration,
        trouble: Trouble,
    },
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
    /// Half of it arrives; then the body ends, or the connection breaks.
    Truncated { breaks: bool },
}

impl Turn {
    /// Of a call whose fault was decided, with its lot for what the fault leaves open.
    pub(crate) fn of(effect: Option<Effect>, service: Service, lot: Lot) -> Self {
        match effect {
            None => Self::applied(Trouble::None),
            Some(Effect::Kind(kind)) => Self::of_kind(kind, service, lot),
            Some(Effect::Invalid) => Self::Refused(wire::invalid(service)),
            Some(Effect::Impossible) => Self::Refused(wire::impossible(service)),
            Some(Effect::NoDescriptor) => Self::Fails(Failure::NoDescriptor),
            Some(Effect::Delayed(by)) => Self::applied(Trouble::Late(by)),
            Some(Effect::OutOfDate(seen_ago)) => Self::Applied { seen_ago, trouble: Trouble::None },
        }
    }

    const fn applied(trouble: Trouble) -> Self {
        Self::Applied { seen_ago: Duration::ZERO, trouble }
    }

    fn of_kind(kind: FaultKind, service: Service, lot: Lot) -> Self {
        match kind {
            FaultKind::Throttled => Self::Refused(wire::throttled(service)),
            FaultKind::Denied => Self::Refused(wire::denied(service)),
            FaultKind::ServerError => Self::Refused(wire::server_error(service)),
            FaultKind::ExpiredPage => Self::Refused(wire::expired_page(service)),
            FaultKind::Conflict => Self::Refused(wire::conflict()),
            FaultKind::Unready => Self::Refused(wire::unready()),
            FaultKind::Garbage => {
                let is = |what| lot.share(what) < 0.5;
                Self::Refused(wire::garbage(is("garbage"), is("byte order mark")))
            }
            FaultKind::Refused => Self::Fails(Failure::Refused),
            FaultKind::Reset => Self::Fails(Failure::Reset),
            FaultKind::Hangs => Self::Hangs,
            FaultKind::AnswerLost => Self::applied(Trouble::Lost),
            FaultKind::AnswerHangs => Self::applied(Trouble::Hangs),
            FaultKind::Slow => Self::applied(Trouble::Late(lateness(lot))),
            FaultKind::Truncated => {
                // AWS says how long a body is: a shorter one is a connection that breaks.
                let breaks = service != Service::Container || lot.share("breaks") < 0.5;
                Self::applied(Trouble::Truncated { breaks })
            }
            FaultKind::Stale => {
                let seen_ago = whole_milliseconds(staleness(service, lot));
                Self::Applied { seen_ago, trouble: Trouble::None }
            }
        }
    }
}

/// From half a second to a minute, each doubling as likely as the next: below all time-outs, between them, and
/// beyond them.
fn lateness(lot: Lot) -> Duration {
    whole_milliseconds(500.0 * (lot.share("lateness") * 7.0).exp2())
}

/// In milliseconds. AWS bounds only ECS's, loosely: whoever has changed a task is told to look for up to five minutes
/// (`RunTask`). So these are from a second to a minute, each doubling as likely as the next.
fn staleness(service: Service, lot: Lot) -> f64 {
    let share = lot.share("staleness");
    match service {
        Service::Ecs => 1_000.0 * (share * 5.9).exp2(),
        Service::Elb | Service::S3 | Service::Container => share.mul_add(9_000.0, 1_000.0),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds")]
fn whole_milliseconds(milliseconds: f64) -> Duration {
    Duration::from_millis(milliseconds as u64)
}

impl Reply {
    /// What is left of an answer that breaks off in the middle of its body; `None` where there is nothing to
    /// break.
    pub(crate) fn cut_short(mut self, breaks: bool) -> Result<Self, Self> {
        if !(200..300).contains(&self.status) || self.body.is_empty() {
            return Err(self);
        }
        self.body = Bytes::copy_from_slice(&self.body[..self.body.len() / 2]);
        if breaks {
            self.shape = BodyShape::BreaksOff;
        }
        Ok(self)
    }
}
