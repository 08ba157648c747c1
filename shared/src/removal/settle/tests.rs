use super::super::tests::{address, at, holder, of_task, removed};
use super::*;

#[test]
fn a_live_session_that_came_before_the_answer_and_has_the_address_held_it_then() {
    let by_a_task = removed("a", 1, of_task("old"));
    for open in [&by_a_task, &removed("a", 1, HeldBy::Nobody)] {
        assert!(held_it_then(&holder("new"), open), "{open:?}");
    }
    // Its clock is ECS's, and may be ahead of ours.
    let last = SessionTask { created_at: at(14), ..holder("new") };
    assert!(held_it_then(&last, &by_a_task));
}

/// Each keeps a target from being registered for a session that is over, elsewhere, or registers by itself.
#[test]
fn whoever_lacks_one_of_these_did_not_hold_it() {
    let open = removed("a", 1, of_task("old"));
    for other in [
        holder("old"),
        SessionTask { address: Some(address(2).ip), ..holder("new") },
        SessionTask { address: None, ..holder("new") },
        SessionTask { shall_run: false, ..holder("new") },
        SessionTask { ended: EndedTag::At(at(5)), ..holder("new") },
        SessionTask { created_at: at(15), ..holder("new") },
        SessionTask { created_at: at(16), ..holder("new") },
    ] {
        assert!(!held_it_then(&other, &open), "{other:?}");
    }
    for says_nothing in [EndedTag::Stale, EndedTag::Unreadable] {
        assert!(held_it_then(&SessionTask { ended: says_nothing, ..holder("new") }, &open));
    }
}
