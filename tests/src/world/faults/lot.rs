//! What chance has in store for one call.

use crate::world::objects::fingerprint;

/// The lot of a caller's n-th call: every question about it is answered by chance, the same each time it
/// is asked. Nothing is drawn in sequence, so the lots of all other calls stay as they are when a call, an
/// action or a fault is taken out of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lot(u64);

impl Lot {
    pub(crate) fn of(seed: u64, caller: &str, nth: usize) -> Self {
        Self(mix(mix(seed) ^ fingerprint(caller.as_bytes())) ^ mix(nth as u64))
    }

    /// A number from 0 to below 1 for each question.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(crate) fn share(self, question: &str) -> f64 {
        let bits = mix(self.0 ^ fingerprint(question.as_bytes())) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

/// The end of `SplitMix64`: each bit of the number counts for each bit of the result.
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
