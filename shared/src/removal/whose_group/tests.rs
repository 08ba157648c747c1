use super::super::intent::OpenEntry;
use super::super::tests::{address, group, holder, of_task, removed};
use super::*;
use crate::session::SessionTask;

/// The tenants' groups, the address registered in these.
fn groups(registered: &[&str]) -> Groups {
    let states = |name: &str| {
        let state = if registered.contains(&name) {
            TargetState::Registered
        } else {
            TargetState::Draining
        };
        BTreeMap::from([(address(1), state), (address(9), TargetState::Registered)])
    };
    ["a", "b"].map(|name| (group(name), states(name))).into()
}

/// Where the session belongs whose address was removed by all of `open`, by the first of them.
fn told(open: &[OpenEntry], registered: &[&str], when: When) -> GroupOf {
    let named: Vec<IntentEntry> = open.iter().map(|one| one.entry.clone()).collect();
    group_of(&holder("new"), &named[0], &named, &groups(registered), when)
}

#[test]
fn with_one_group_there_is_no_question() {
    let open = removed("a", 1, of_task("old"));
    let told = group_of(&holder("new"), &open.entry, &[], &Groups::new(), When::AtOnce);
    assert_eq!(told, GroupOf::This);
}

#[test]
fn who_is_registered_in_a_group_belongs_there() {
    for held_by in [of_task("old"), HeldBy::Nobody] {
        let open = [removed("a", 1, held_by)];
        assert_eq!(told(&open, &["a"], When::Later), GroupOf::This);
        assert_eq!(told(&open, &["a", "b"], When::Later), GroupOf::This);
        assert_eq!(told(&open, &["b"], When::Later), GroupOf::Another(group("b"), address(1)));
    }
    let open = [removed("a", 1, of_task("old"))];
    assert_eq!(told(&open, &["b"], When::AtOnce), GroupOf::Another(group("b"), address(1)));
}

#[test]
fn that_an_address_is_seen_where_it_has_just_been_removed_says_nothing() {
    for held_by in [of_task("old"), HeldBy::Nobody] {
        let open = [removed("a", 1, held_by)];
        assert_eq!(told(&open, &["a"], When::AtOnce), GroupOf::CantBeTold);
        assert_eq!(told(&open, &["a", "b"], When::AtOnce), GroupOf::CantBeTold);
    }
}

#[test]
fn who_is_registered_nowhere_belongs_where_it_was_removed_once_its_owner_had_the_time() {
    let open = [removed("a", 1, of_task("old"))];
    assert_eq!(told(&open, &[], When::AtOnce), GroupOf::CantBeTold);
    assert_eq!(told(&open, &[], When::Later), GroupOf::This);
    let starting = SessionTask { running_since: None, ..holder("new") };
    let [OpenEntry { entry, .. }] = open;
    let told = group_of(&starting, &entry, &[], &groups(&[]), When::Later);
    assert_eq!(told, GroupOf::CantBeTold);
}

/// A session that was in both groups is registered again in both.
#[test]
fn another_group_from_which_the_same_task_was_removed_is_no_sign() {
    let both = |held_by: [HeldBy; 2]| {
        let [one, other] = held_by;
        [removed("a", 1, one), removed("b", 1, other)]
    };
    let of_one = both([of_task("old"), of_task("old")]);
    assert_eq!(told(&of_one, &["b"], When::Later), GroupOf::This);
    let of_two = both([of_task("old"), of_task("older")]);
    assert_eq!(told(&of_two, &["b"], When::Later), GroupOf::Another(group("b"), address(1)));
    let of_zombies = both([HeldBy::Nobody, HeldBy::Nobody]);
    assert_eq!(told(&of_zombies, &["b"], When::Later), GroupOf::Another(group("b"), address(1)));
}

#[test]
fn what_was_removed_of_another_address_says_nothing() {
    let open = [removed("a", 1, of_task("old")), removed("b", 2, of_task("old"))];
    assert_eq!(told(&open, &["b"], When::Later), GroupOf::Another(group("b"), address(1)));
}
