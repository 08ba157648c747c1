//! Whether a fleet is about to outgrow its sweeps. One that can't look at everything in its time decides nothing
//! of the tasks, so that has to be told before.

use crate::aws::Pace;
use crate::config::Percent;
use std::time::Duration;

/// What a sweep says that looked at `tasks`, and had `looking` for that, at `share` of AWS's rates; `None` where at
/// least a third of that time is left.
pub(super) fn outgrown(tasks: usize, looking: Duration, share: Percent) -> Option<String> {
    let least = Pace::least_time_of_looking(share, tasks);
    if least * 3 <= looking * 2 {
        return None;
    }
    let fits = u128::try_from(tasks).ok()? * looking.as_millis() / least.as_millis();
    Some(format!(
        "to look at {tasks} tasks takes at least {} s of the {} s that a sweep has for it: above about {} tasks a \
         sweep can't list them all, and decides nothing about them; set ReaperTimeout (at most 900) or \
         RateSharePercent higher, or split the fleet over several stacks",
        least.as_secs(),
        looking.as_secs(),
        fits / 1000 * 1000,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOKING: Duration = Duration::from_secs(150);

    #[test]
    fn a_fleet_that_leaves_a_third_of_the_time_is_not_worth_a_word() {
        // 100 at once and 20 a second: 100 s.
        assert_eq!(outgrown(105_000, LOOKING, Percent::WHOLE), None);
        assert_eq!(outgrown(0, Duration::ZERO, Percent::WHOLE), None);
    }

    #[test]
    fn a_larger_one_is_told_at_which_size_it_no_longer_fits() {
        // 120 s of 150.
        let said = outgrown(125_000, LOOKING, Percent::WHOLE).unwrap();
        assert!(said.contains("125000 tasks takes at least 120 s of the 150 s"), "{said}");
        assert!(said.contains("above about 156000 tasks"), "{said}");
    }
}
