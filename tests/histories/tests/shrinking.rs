//! A history that breaks something is made as short as it can be.

use session_cleanup_histories::generate::generate;
use session_cleanup_histories::history::{Action, Faults, History, Step};
use session_cleanup_histories::shrink::shrink;
use session_cleanup_tests::world::{Api, FaultKind, Met, Origin};

fn met(nth: usize) -> Met {
    let (caller, kind) = ("reaper-1".to_owned(), FaultKind::Reset);
    Met { caller, nth, api: Api::ListTasks, kind, origin: Origin::Weather }
}

fn has(history: &History, wanted: impl Fn(&Action) -> bool) -> bool {
    history.steps.iter().any(|step| wanted(&step.action))
}

fn listed(history: &History) -> &[Met] {
    match &history.faults {
        Faults::Listed(met) => met,
        Faults::Random(_) => &[],
    }
}

/// What breaks here needs two steps and one fault; all else goes.
#[test]
fn what_a_violation_does_not_need_is_taken_out() {
    let ends = |action: &Action| matches!(action, Action::Ends(..));
    let begins = |action: &Action| matches!(action, Action::Begins(..));
    let history = (0..10_000)
        .map(generate)
        .find(|history| history.steps.len() > 12 && has(history, ends) && has(history, begins));
    let history = history.unwrap();
    let faults: Vec<Met> = (1..40).map(met).collect();
    let breaks = |history: &History| {
        has(history, ends) && has(history, begins) && listed(history).contains(&met(17))
    };
    let shrunk = shrink(&history, &faults, breaks);
    let kinds: Vec<&Action> = shrunk.history.steps.iter().map(|step| &step.action).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert_eq!(listed(&shrunk.history), [met(17)]);
    let plain = Step { when: shrunk.history.steps[0].when, action: begins_plainly(kinds[0]) };
    assert_eq!(shrunk.history.steps[0], plain, "its session is as plain as can be");
    assert!(shrunk.plays < 1_000, "{} plays", shrunk.plays);
}

fn begins_plainly(action: &Action) -> Action {
    match action {
        Action::Begins(number, _) => Action::Begins(*number, Box::default()),
        other => other.clone(),
    }
}

/// A history that breaks nothing once its faults are a list stays as it is.
#[test]
fn what_cannot_be_repeated_is_not_shortened() {
    let history = generate(5);
    let shrunk = shrink(&history, &[], |_| false);
    assert_eq!(shrunk.history, history);
}
