//! What has broken a promise once happens again, with other details.

use super::{one, stack, trouble, weather};
use crate::history::{Faults, History, Seconds, Stack, Step, When};
use fastrand::Rng;
use std::sync::LazyLock;

macro_rules! kept {
    ($($name:literal)*) => {
        /// The histories in `found/`, each with its name.
        pub const FOUND: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../found/", $name, ".json")))),*];
    };
}

kept! {
    "a-202-is-forgotten-when-its-answer-breaks-off"
    "a-202-that-is-not-on-record-is-forgotten"
    "a-202-that-no-sweep-has-remembered-is-forgotten"
    "a-403-is-forgotten-once-the-container-is-silent"
    "a-cleanup-that-a-forced-sweep-had-begun-is-no-event-out-of-scope"
    "a-look-that-goes-back-in-time-ends-a-session"
    "a-lost-route-does-not-ring-while-no-receipt-can-be-read"
    "a-removal-is-repeated-although-its-session-is-protected-by-then"
    "a-session-is-ended-by-what-was-said-at-the-instant-of-its-start"
    "a-session-is-registered-at-the-port-of-the-one-before"
    "a-session-is-not-known-whose-task-shows-no-tag-and-no-end-yet"
    "a-session-that-has-just-started-is-taken-for-one-that-never-did"
    "a-slow-clock-does-not-say-which-of-two-tasks-was-meant"
    "a-stop-without-an-answer-is-forgotten-by-a-look-that-lags-behind"
    "a-sweep-that-died-hides-that-two-follow-each-other"
    "a-write-that-meets-another-is-taken-for-one-that-is-there"
    "a-zombies-address-is-registered-again-where-an-old-read-still-shows-it"
    "an-address-belongs-where-an-old-read-still-shows-it"
    "an-answer-is-believed-that-a-later-look-has-overtaken"
    "an-intent-is-settled-while-another-of-the-same-address-can-not-be-read"
    "an-orphan-that-somebody-stops-is-one-of-which-nobody-knows"
    "nobody-is-told-of-a-loss-that-was-on-record-before-a-stop-that-was-not-ours"
    "nobody-is-told-of-the-loss-of-one-that-somebody-stops-and-no-route-leads-to"
    "the-other-task-of-a-resumed-session-is-over"
    "the-session-of-an-orphan-that-somebody-stops-is-forgotten"
    "what-a-container-has-said-expires-while-nothing-can-be-listed"
    "what-comes-back-at-a-zombies-address-is-a-zombie-at-once"
    "what-comes-back-where-a-removal-was-not-verified-is-a-zombie-at-once"
    "what-was-registered-again-at-the-last-holders-port-keeps-the-own-one-away"
    "who-was-ended-by-its-owner-keeps-another-whose-lease-is-over"
    "who-was-not-stopped-keeps-another-whose-lease-is-over"
    "whose-task-was-over-too-soon-is-one-of-which-nobody-knows"
}

static HISTORIES: LazyLock<Vec<History>> = LazyLock::new(|| {
    let read = |(name, text): &(&str, &str)| {
        serde_json::from_str(text).unwrap_or_else(|problem| panic!("{name}: {problem}"))
    };
    FOUND.iter().map(read).collect()
});

/// One of those, as it was or nearly so.
pub(super) fn again(random: &mut Rng, seed: u64) -> History {
    let history = &HISTORIES[random.usize(0..HISTORIES.len())];
    let mut history = History { seed, ..history.clone() };
    match random.u8(0..7) {
        0 => {}
        1 | 2 => at_other_times(random, &mut history.steps),
        3 => {
            history.steps.remove(random.usize(0..history.steps.len()));
        }
        4 => history.stack = elsewhere(random, &history.stack),
        5 => history.faults = Faults::Random(weather(random)),
        _ => {
            history.lasts = history.lasts.max(Seconds::minutes(5));
            trouble::befall(random, &history.stack, history.lasts, &mut history.steps);
        }
    }
    history
}

/// Some of it happens a little earlier or later.
fn at_other_times(random: &mut Rng, steps: &mut [Step]) {
    for step in steps {
        if let When::At(Seconds(at)) = &mut step.when
            && *at > 0
            && random.bool()
        {
            *at = at.saturating_add_signed(one(random, &[-60, -5, -1, 1, 5, 60])).max(1);
        }
    }
}

/// In another account: its times and its parts stay as they are.
fn elsewhere(random: &mut Rng, here: &Stack) -> Stack {
    let there = stack(random);
    Stack {
        blast_radius_at_least: there.blast_radius_at_least,
        throttled: there.throttled,
        draining: there.draining,
        health_lags: there.health_lags,
        tasks_lag: there.tasks_lag,
        lists_lag: there.lists_lag,
        owners_ahead: there.owners_ahead,
        functions_ahead: there.functions_ahead,
        absent_refuses: there.absent_refuses,
        page: there.page,
        connections: there.connections,
        ..here.clone()
    }
}
