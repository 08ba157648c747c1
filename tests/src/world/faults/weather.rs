//! Faults at random.

use super::kind::FaultKind;
use super::lot::Lot;

/// Faults at random, from the world's seed: for each kind the share of the calls that it strikes, among those
/// that it fits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    shares: [f64; FaultKind::ALL.len()],
}

impl Weather {
    /// No faults.
    #[must_use]
    pub const fn none() -> Self {
        Self { shares: [0.0; FaultKind::ALL.len()] }
    }

    /// Every kind of fault with this share.
    #[must_use]
    pub const fn stormy(share: f64) -> Self {
        Self { shares: [share; FaultKind::ALL.len()] }
    }

    /// One kind with a share of its own.
    #[must_use]
    pub const fn with(mut self, kind: FaultKind, share: f64) -> Self {
        self.shares[kind as usize] = share;
        self
    }

    /// The share of a kind.
    #[must_use]
    pub const fn share(&self, kind: FaultKind) -> f64 {
        self.shares[kind as usize]
    }

    /// What strikes a call. Each kind has a die of its own, so that the share of one changes nothing about
    /// when another strikes; where several do, the one whose die fell lowest for its share.
    pub(super) fn strikes(&self, lot: Lot, fits: impl Fn(FaultKind) -> bool) -> Option<FaultKind> {
        let struck = FaultKind::ALL.into_iter().filter_map(|kind| {
            let die = lot.share(kind.name());
            (die < self.share(kind) && fits(kind)).then_some((die / self.share(kind), kind))
        });
        struck.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, kind)| kind)
    }
}
