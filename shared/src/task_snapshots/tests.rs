use super::*;
use crate::session::LastStatus;
use crate::sweep::decide::tests::fixtures::task;
use std::time::Duration;

/// What a look shows that was taken so many seconds after the first.
fn shown(version: i64, last_status: LastStatus, first: Instant, seconds: u64) -> TaskSnapshot {
    let task = Task { last_status, version, ..task("x") };
    TaskSnapshot { task: Some(task), seen_at: first + Duration::from_secs(seconds) }
}

/// An answer that was long under way shows the task running, and another look has shown its end since.
#[test]
fn an_answer_that_was_overtaken_by_a_later_look_is_not_believed_by_whoever_waited_for_it() {
    let first = Instant::now();
    let early = shown(1, LastStatus::Running, first, 0);
    assert_eq!(which_counts(&shown(2, LastStatus::Stopped, first, 4), &early), Counts::Known);
    assert_eq!(which_counts(&shown(1, LastStatus::Running, first, 4), &early), Counts::Known);
}

#[test]
fn what_was_asked_for_first_counts_where_the_later_look_was_out_of_date() {
    let first = Instant::now();
    let early = shown(2, LastStatus::Stopped, first, 0);
    assert_eq!(which_counts(&shown(1, LastStatus::Running, first, 4), &early), Counts::Answer);
}

#[test]
fn a_later_answer_counts_unless_it_goes_back_in_time() {
    let first = Instant::now();
    let known = shown(2, LastStatus::Running, first, 0);
    let newer = shown(3, LastStatus::Stopped, first, 4);
    assert_eq!(which_counts(&known, &newer), Counts::Answer);
    assert_eq!(which_counts(&known, &shown(1, LastStatus::Running, first, 4)), Counts::Neither);
    let gone = TaskSnapshot { task: None, seen_at: first + Duration::from_secs(4) };
    assert_eq!(which_counts(&known, &gone), Counts::Neither);
    assert_eq!(which_counts(&newer, &gone), Counts::Answer, "ECS forgets what is over");
}
