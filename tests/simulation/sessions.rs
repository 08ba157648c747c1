//! What an event does to the session it names, and to no other.

use crate::invoke::{
    assert_clean, assert_unharmed, deliver, deliver_until_done, function, function_with,
    open_intents, outcome, receive, report,
};
use serde_json::json;
use session_cleanup_tests::world::{Api, Fault, Phase, Setup, World};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_session_end_event_becomes_a_cleaned_session() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let bob = world.session("bob").start();
    let event = world.session_ended_event(&alice, "completed");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "cleaned");
    assert_clean(&world, &alice);
    assert_eq!(open_intents(&world), Vec::<String>::new());
    assert!(world.is_live(&bob));
    assert!(world.registered("sessions").contains(&bob.address()));
    let receipt = &world.receipts()[alice.id()];
    assert_eq!(receipt["session_id"], "alice");
    assert_eq!(receipt["reason"], "completed");
    let steps: Vec<&str> =
        receipt["steps"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    for step in ["identify", "artifacts", "deregister", "stop", "verify_target"] {
        assert!(steps.contains(&step), "{steps:?} lack {step}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_event_finds_the_session_already_clean() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "cleaned");
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(outcome(&report(&function(&world, "second"), &event).await), "already_clean");
    assert_eq!(world.count(Api::StopTask), 1);
    assert_clean(&world, &alice);
}

/// `StopTask` deletes a task's tags, and with them the identity of a task that was identified by one.
#[tokio::test(start_paused = true)]
async fn a_duplicate_event_knows_a_task_that_was_identified_by_its_tag() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "cleaned");
    assert!(world.tags(&alice).is_empty());
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(outcome(&report(&function(&world, "second"), &event).await), "already_clean");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_while_our_stop_is_under_way_uploads_nothing_twice() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").identified_by_tag().start();
    let event = world.session_ended_event(&alice, "completed");
    assert_eq!(outcome(&report(&function(&world, "first"), &event).await), "cleaned");
    assert_ne!(world.phase(&alice), Phase::Stopped);
    let answer = report(&function(&world, "second"), &event).await;
    assert_eq!(outcome(&answer), "already_clean");
    assert_eq!(world.uploads_begun(&alice), 1);
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn an_event_with_another_sessions_task_touches_nothing() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let bob = world.session("bob").start();
    let mut event = world.session_ended_event(&alice, "completed");
    event["detail"]["task_arn"] = json!(bob.arn());
    let context = function(&world, "completion");
    assert_eq!(outcome(&report(&context, &event).await), "rejected");
    assert_eq!(world.calls().len(), 1, "only DescribeTasks\n{}", world.history());
    assert!(world.is_live(&bob));
    assert_eq!(world.receipts().len(), 0);
    assert_eq!(deliver(&context, &[event]).await, [0], "its item fails");
    assert_unharmed(&world);
}

/// Field failure 5: the container that answers is another session's. Its word is obeyed.
#[tokio::test(start_paused = true)]
async fn a_403_leaves_the_task_alone_and_registers_its_target_again() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").answers_403().start();
    let mut event = world.session_ended_event(&alice, "completed");
    event["detail"]["request_id"] = json!("r-1");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "rejected", "{answer:?}");
    assert!(!world.is_stopping(&alice));
    assert!(world.registered("sessions").contains(&alice.address()), "{}", world.history());
    assert_eq!(world.completion_calls(&alice).len(), 1, "a 403 is not tried again");
    assert!(world.tags(&alice).is_empty(), "nothing further is done to the task");
    assert_eq!(world.receipts()[alice.id()]["artifacts"], "wrong_container");
}

#[tokio::test(start_paused = true)]
async fn the_container_is_called_at_its_own_address_with_the_sessions_id() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let event = world.session_ended_event(&alice, "completed");
    report(&function(&world, "completion"), &event).await.unwrap();
    let calls: Vec<_> =
        world.calls().into_iter().filter(|call| call.api == Api::ContainerComplete).collect();
    assert_eq!(calls.len(), 1);
    assert!(calls[0].is_about(&format!("{}:8080", alice.address())));
    assert!(calls[0].is_about("alice"));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_older_than_its_task_is_about_an_earlier_one() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").started_ago(Duration::from_mins(1)).start();
    let mut event = world.session_ended_event(&alice, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    event["detail"]["ended_at"] = json!((world.now() - Duration::from_mins(2)).to_string());
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "rejected");
    assert!(!world.is_stopping(&alice) && world.count(Api::ContainerComplete) == 0);
}

/// A session is resumed within the second in which its first task ended, and events tell whole seconds.
#[tokio::test(start_paused = true)]
async fn an_event_of_the_same_second_is_not_about_the_session_that_was_resumed_in_it() {
    let world = World::new(Setup::default());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let resumed = world.session("alice").started_ago(Duration::ZERO).start();
    let mut event = world.session_ended_event(&resumed, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    event["detail"]["ended_at"] = json!("2026-11-02T09:00:00Z");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "rejected", "{answer:?}");
    assert!(!world.is_stopping(&resumed) && world.count(Api::ContainerComplete) == 0);
}

/// Its earlier task was over long ago, and its owner ends it once more as it resumes it.
#[tokio::test(start_paused = true)]
async fn an_event_of_the_same_instant_is_not_about_the_session_that_was_resumed_in_it() {
    let world = World::new(Setup::default());
    let old = world.session("alice").stopped_ago(0, Duration::from_mins(5)).start();
    let mut event = world.session_ended_event(&old, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    let resumed = world.session("alice").started_ago(Duration::ZERO).start();
    tokio::time::sleep(Duration::from_mins(2)).await;
    report(&function(&world, "completion"), &event).await.unwrap();
    assert!(!world.is_stopping(&resumed) && world.count(Api::ContainerComplete) == 0);
}

/// One task runs one session: where the owner names it, clocks decide nothing.
#[tokio::test(start_paused = true)]
async fn an_owner_whose_clock_is_slow_or_local_ends_the_session_of_the_task_that_it_names() {
    for ended_at in ["2026-11-02T07:00:00Z", "2026-11-02T10:59:00", "yesterday"] {
        let world = World::new(Setup::default());
        let alice = world.session("alice").start();
        let mut event = world.session_ended_event(&alice, "completed");
        event["detail"]["ended_at"] = json!(ended_at);
        let answer = report(&function(&world, "completion"), &event).await;
        assert_eq!(outcome(&answer), "cleaned", "{ended_at}: {answer:?}");
        assert_clean(&world, &alice);
    }
}

/// Without a task, an owner's clock that is an hour fast must not reach the session that was resumed
/// since.
#[tokio::test(start_paused = true)]
async fn an_owner_whose_clock_is_fast_does_not_end_the_resumed_session() {
    let world = World::new(Setup::default());
    let old = world.session("alice").started_ago(Duration::from_mins(10)).start();
    let mut event = world.session_ended_event(&old, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    event["detail"]["ended_at"] = json!((world.now() + Duration::from_hours(1)).to_string());
    world.crash(&old, 0);
    tokio::time::sleep(Duration::from_mins(2)).await;
    let resumed = world.session("alice").started_ago(Duration::from_mins(1)).start();
    let answer = report(&function(&world, "redelivered"), &event).await;
    assert_eq!(outcome(&answer), "artifacts_lost", "it is about the old task: {answer:?}");
    assert!(world.is_live(&resumed));
    assert_eq!(world.count(Api::ContainerComplete), 0);
    assert_unharmed(&world);
}

/// It ends the resumed session, by a clock that is so slow that only the old task ran then; and when the event comes
/// again the resumed one's task is over.
#[tokio::test(start_paused = true)]
async fn a_slow_clock_does_not_say_which_of_two_tasks_was_meant() {
    let world = World::new(Setup::default());
    let old = world.session("alice").started_ago(Duration::from_mins(30)).start();
    let resumed = world.session("alice").started_ago(Duration::from_mins(5)).start();
    let mut event = world.session_ended_event(&resumed, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    event["detail"]["ended_at"] = json!((world.now() - Duration::from_mins(15)).to_string());
    world.operator_stops(&resumed, "its platform");
    tokio::time::sleep(Duration::from_mins(6)).await;
    let answer = report(&function(&world, "redelivered"), &event).await;
    assert_eq!(outcome(&answer), "rejected", "{answer:?}");
    assert!(world.is_live(&old));
    assert_eq!(world.count(Api::ContainerComplete), 0);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn without_a_task_arn_the_task_is_found_by_its_sessions_id() {
    let world = World::new(Setup::default());
    let sessions: Vec<_> = (0..3).map(|n| world.session(&format!("s-{n}")).start()).collect();
    let bystander = world.session("bystander").start();
    let events: Vec<_> = sessions
        .iter()
        .map(|task| {
            let mut event = world.session_ended_event(task, "completed");
            event["detail"].as_object_mut().unwrap().remove("task_arn");
            event
        })
        .collect();
    assert!(deliver(&function(&world, "completion"), &events).await.is_empty());
    for task in &sessions {
        assert_clean(&world, task);
    }
    assert!(world.is_live(&bystander));
    let listings = world.count(Api::ListTasks);
    assert_eq!(
        listings,
        2,
        "one of the living and one of the dead for the batch\n{}",
        world.history()
    );
}

#[tokio::test(start_paused = true)]
async fn two_live_tasks_of_one_session_are_not_guessed_between() {
    let world = World::new(Setup::default());
    let one = world.session("alice").start();
    let two = world.session("alice").start();
    let mut event = world.session_ended_event(&one, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    assert_eq!(outcome(&report(&function(&world, "completion"), &event).await), "rejected");
    assert!(!world.is_stopping(&one) && !world.is_stopping(&two));
    assert_eq!(world.count(Api::ContainerComplete), 0);
}

/// The same once one of the two is over: which of them was meant is as open as before, and the other lives.
#[tokio::test(start_paused = true)]
async fn one_of_two_tasks_that_ran_a_session_when_it_ended_is_not_guessed_when_the_other_is_over() {
    let world = World::new(Setup::default());
    let lives = world.session("alice").renewed_for(Duration::from_mins(10)).start();
    let ended = world.session("alice").start();
    let mut event = world.session_ended_event(&ended, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    tokio::time::sleep(Duration::from_mins(6)).await;
    world.crash(&ended, 137);
    tokio::time::sleep(Duration::from_mins(6)).await;
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "rejected", "{answer:?}\n{}", world.history());
    assert!(world.is_live(&lives), "{}", world.history());
    assert!(world.registered("sessions").contains(&lives.address()));
    assert_unharmed(&world);
}

/// The same where only a tag named them: ECS has deleted that of the one that is over, and the ledger knows it.
#[tokio::test(start_paused = true)]
async fn a_tag_that_is_gone_does_not_say_which_of_two_tasks_was_meant() {
    // Whether its end has been handled by then or not, with its tag and without, and while listings lag behind.
    for (is_handled, passes, lag) in [(true, 60, 0), (false, 0, 0), (false, 60, 0), (false, 0, 3)] {
        let lists_lag = Duration::from_secs(lag);
        let world = World::new(Setup { lists_lag, ..Setup::default() });
        let lives = world.session("alice").identified_by_tag().start();
        let ended = world.session("alice").identified_by_tag().start();
        world.session("bystander").identified_by_tag().start();
        let mut event = world.session_ended_event(&ended, "completed");
        event["detail"].as_object_mut().unwrap().remove("task_arn");
        assert!(!receive(&function(&world, "first"), &event, 1).await.is_empty());
        tokio::time::sleep(Duration::from_mins(6)).await;
        world.crash(&ended, 137);
        tokio::time::sleep(Duration::from_secs(passes)).await;
        if is_handled {
            receive(&function(&world, "its-end"), &world.task_event(&ended), 1).await;
        }
        let answer = report(&function(&world, "redelivered"), &event).await;
        assert_eq!(outcome(&answer), "rejected", "{answer:?}\n{}", world.history());
        assert!(world.is_live(&lives), "{}", world.history());
        assert_unharmed(&world);
    }
}

/// The earlier receipt only spares a question; the owner's word does not wait for it.
#[tokio::test(start_paused = true)]
async fn a_session_is_cleaned_at_a_repeated_delivery_although_its_receipts_can_not_be_read() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    world.fault(Fault::on(Api::GetObject).of("receipts/").nth(1).denied());
    let event = world.session_ended_event(&alice, "completed");
    assert!(receive(&function(&world, "completion"), &event, 2).await.is_empty());
    assert_clean(&world, &alice);
    assert_unharmed(&world);
}

/// Its earlier task was over before it ended: there is nothing to guess.
#[tokio::test(start_paused = true)]
async fn a_resumed_session_is_ended_without_a_task_arn_when_its_earlier_task_was_over_by_then() {
    let world = World::new(Setup::default());
    world.session("alice").stopped_ago(0, Duration::from_mins(5)).start();
    let resumed = world.session("alice").start();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let mut event = world.session_ended_event(&resumed, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    let answer = report(&function(&world, "completion"), &event).await;
    assert_eq!(outcome(&answer), "cleaned", "{answer:?}\n{}", world.history());
    assert_clean(&world, &resumed);
}

#[tokio::test(start_paused = true)]
async fn without_a_task_arn_a_resumed_session_is_not_taken_for_the_one_that_ended() {
    let world = World::new(Setup::default());
    let old = world.session("alice").started_ago(Duration::from_mins(10)).start();
    let mut event = world.session_ended_event(&old, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    assert_eq!(deliver_until_done(&world, "first", &event, 1).await, Some(1));
    tokio::time::sleep(Duration::from_mins(2)).await;
    let resumed = world.session("alice").started_ago(Duration::from_secs(1)).start();
    let answer = report(&function(&world, "redriven"), &event).await;
    assert_eq!(outcome(&answer), "already_clean", "{answer:?}");
    assert!(world.is_live(&resumed));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn services_tasks_other_families_and_unidentified_tasks_are_never_touched() {
    let world = World::new(Setup::default());
    let service = world.session("alice").group("service:web").start();
    let family = world.session("bob").of_family("web").start();
    let unidentified = world.session("carol").unidentified().start();
    for (task, expected) in
        [(&service, "out_of_scope"), (&family, "out_of_scope"), (&unidentified, "rejected")]
    {
        let event = world.session_ended_event(task, "completed");
        let answer = report(&function(&world, task.session_id()), &event).await;
        assert_eq!(outcome(&answer), expected, "{answer:?}");
        assert!(!world.is_stopping(task));
    }
    assert_eq!(world.count(Api::DeregisterTargets), 0);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn with_several_target_groups_only_real_registrations_are_deregistered() {
    let target_groups = vec!["sessions".to_owned(), "internal".to_owned(), "spare".to_owned()];
    let world = World::new(Setup { target_groups, ..Setup::default() });
    let alice = world.session("alice").registered_in(&["sessions", "internal"]).start();
    let event = world.session_ended_event(&alice, "completed");
    report(&function(&world, "completion"), &event).await.unwrap();
    for group in ["sessions", "internal"] {
        assert!(!world.registered(group).contains(&alice.address()));
    }
    let spare = world.setup().target_group_arn("spare");
    let touched = world
        .calls()
        .iter()
        .any(|call| call.api == Api::DeregisterTargets && call.is_about(&spare));
    assert!(!touched, "{}", world.history());
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_no_load_balancer_knows_is_cleaned_all_the_same() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").unregistered().start();
    let event = world.session_ended_event(&alice, "completed");
    report(&function(&world, "completion"), &event).await.unwrap();
    assert_clean(&world, &alice);
}

#[tokio::test(start_paused = true)]
async fn every_cleanup_leaves_figures_in_embedded_metric_format() {
    let world = World::new(Setup::default());
    let alice = world.session("alice").start();
    let (context, lines) = function_with(&world, "completion", &[]);
    let event = world.session_ended_event(&alice, "completed");
    report(&context, &event).await.unwrap();
    let lines = lines.lock().unwrap().join("\n");
    for name in ["OutcomeCleaned", "CleanupDuration", "StopDuration", "ApiCalls", "ApiThrottles"] {
        assert!(lines.contains(name), "{lines}");
    }
}

/// What a tag's value may be, but for spaces and slashes.
#[tokio::test(start_paused = true)]
async fn an_id_with_every_character_that_it_may_have_is_cleaned_like_any_other() {
    let world = World::new(Setup::default());
    let odd = world.session("run-7:a+b=c@d.e_F").start();
    let event = world.session_ended_event(&odd, "completed");
    let context = function(&world, "completion");
    assert_eq!(outcome(&report(&context, &event).await), "cleaned", "{}", world.history());
    assert_clean(&world, &odd);
    assert_eq!(outcome(&report(&context, &event).await), "already_clean");
    assert_unharmed(&world);
}
