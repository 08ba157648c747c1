use super::*;
use crate::sweep::decide::tests::fixtures::{MINUTE, SECOND, address, ago, group, now, task_arn};
use proptest::prelude::*;

pub(in crate::sweep) const INTERVAL: Duration = Duration::from_mins(5);

pub(in crate::sweep) fn seen(since: Duration, last: Duration) -> SeenSince {
    SeenSince { since: ago(since), last: ago(last) }
}

/// One suspect of each kind.
pub(in crate::sweep) fn suspects(seen: SeenSince) -> Suspects {
    Suspects {
        tasks: BTreeMap::from([(task_arn("one", "done"), seen)]),
        targets: BTreeMap::from([((group("a"), address(1)), seen)]),
        failed_salvages: BTreeMap::from([(task_arn("one", "failing"), seen)]),
        ..Suspects::default()
    }
}

pub(in crate::sweep) fn some(most: u8) -> impl Strategy<Value = Vec<(u8, SeenSince)>> {
    let seen = (0..9_000_u32, 0..9_000_u32).prop_map(|(since, last)| SeenSince {
        since: ago(SECOND * since.max(last)),
        last: ago(SECOND * since.min(last)),
    });
    prop::collection::vec((0..most, seen), 0..8)
}

proptest! {
    #[test]
    fn what_still_counts_is_a_part_of_what_was_remembered(ages in some(200)) {
        for (_, seen) in ages {
            let fresh = suspects(seen).still_fresh(INTERVAL, now());
            let expected =
                if seen.last >= ago(INTERVAL * 3) { suspects(seen) } else { Suspects::default() };
            prop_assert_eq!(fresh, expected);
        }
    }
}

#[test]
fn a_memory_counts_for_three_intervals_and_no_longer() {
    let old = suspects(seen(MINUTE * 60, INTERVAL * 3));
    assert_eq!(old.clone().still_fresh(INTERVAL, now()), old);
    let older = suspects(seen(MINUTE * 60, INTERVAL * 3 + SECOND));
    let kept = older.clone().still_fresh(INTERVAL, now());
    assert_eq!(kept, Suspects { swept_at: older.swept_at, ..Suspects::default() });
}

/// It runs another session for as long as it runs, whoever could list it meanwhile.
#[test]
fn what_a_container_said_of_itself_does_not_expire() {
    let said = BTreeMap::from([(task_arn("one", "reused"), seen(MINUTE * 600, MINUTE * 600))]);
    let old = Suspects { reused: said, ..Suspects::default() };
    assert_eq!(old.clone().still_fresh(INTERVAL, now()), old);
    assert_eq!(old.too_old(INTERVAL, now()), None);
}

#[test]
fn an_interval_of_any_length_has_three() {
    let old = suspects(seen(MINUTE * 60, MINUTE * 60));
    assert_eq!(old.clone().still_fresh(Duration::MAX, now()), old);
}

#[test]
fn two_snapshots_are_half_an_interval_apart_or_they_are_one() {
    assert!(seen(SECOND * 150, Duration::ZERO).is_long_enough(INTERVAL, now()));
    assert!(!seen(SECOND * 149, Duration::ZERO).is_long_enough(INTERVAL, now()));
    assert!(!seen(Duration::ZERO, Duration::ZERO).is_long_enough(INTERVAL, now()));
}

#[test]
fn a_snapshot_from_the_future_is_not_long_ago() {
    let ahead = SeenSince { since: now() + MINUTE * 5, last: now() + MINUTE * 5 };
    assert!(!ahead.is_long_enough(INTERVAL, now()));
}

#[test]
fn what_is_seen_again_keeps_its_first_snapshot_and_moves_its_last() {
    assert_eq!(SeenSince::again(None, now()), SeenSince { since: now(), last: now() });
    let before = seen(MINUTE * 9, MINUTE * 4);
    assert_eq!(
        SeenSince::again(Some(&before), now()),
        SeenSince { since: before.since, last: now() }
    );
}
