/// What is left of one sweep's blast radius. It counts what was done and what is under way, not
/// what was tried: a victim that can't be reaped takes no other's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    limit: usize,
    under_way: usize,
    done: usize,
}

impl Allowance {
    /// All of it.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, under_way: 0, done: 0 }
    }

    /// How many more may begin now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.limit.saturating_sub(self.under_way + self.done)
    }

    /// Begins with up to `count`; answers with how many.
    pub fn begin(&mut self, count: usize) -> usize {
        let begun = count.min(self.free());
        self.under_way += begun;
        begun
    }

    /// One that was begun has ended; `done` says whether it was, or may have been, done.
    pub fn end(&mut self, done: bool) {
        if self.under_way > 0 {
            self.under_way -= 1;
            self.done += usize::from(done);
        }
    }

    /// Whether all of it is used up.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.done >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_done_and_under_way_never_exceeds_the_blast_radius(
            limit in 0_usize..20,
            moves in prop::collection::vec((0_usize..30, any::<bool>()), 0..60),
        ) {
            let mut allowance = Allowance::new(limit);
            let (mut under_way, mut done) = (0, 0);
            for (count, was_done) in moves {
                under_way += allowance.begin(count);
                prop_assert!(under_way + done <= limit);
                if under_way > 0 {
                    allowance.end(was_done);
                    under_way -= 1;
                    done += usize::from(was_done);
                }
            }
            prop_assert_eq!(allowance.is_used_up(), done == limit);
        }
    }

    #[test]
    fn one_that_was_not_done_makes_room_for_the_next() {
        let mut allowance = Allowance::new(1);
        assert_eq!(allowance.begin(5), 1);
        assert_eq!(allowance.free(), 0);
        allowance.end(false);
        assert_eq!(allowance.begin(5), 1);
        allowance.end(true);
        assert_eq!(allowance.begin(5), 0);
    }

    #[test]
    fn one_that_was_never_begun_ends_without_using_anything_up() {
        let mut allowance = Allowance::new(1);
        allowance.end(true);
        assert_eq!((allowance.free(), allowance.is_used_up()), (1, false));
    }
}
