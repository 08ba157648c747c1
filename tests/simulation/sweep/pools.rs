//! Warm pools: a task waits until a session claims it, once, by one `TagResource` call that says which session
//! it is and when it began. Every age is the session's, not the task's.

use super::crowd::{HOUR, MINUTE, enforce_with, metric, task_row};
use crate::invoke::{
    INTERVAL, assert_clean, assert_unharmed, deliver, enforce, function, function_with, receipt,
    receive, sweeps, task_in,
};
use session_cleanup_tests::world::{Api, Behaviour, Fault, SessionBuilder, Setup, World};
use std::time::Duration;

/// A task that had waited for its session, which claimed it so long ago.
fn claimed(world: &World, id: &str, waited: Duration, ago: Duration) -> SessionBuilder {
    let task = world.session(id).identified_by_tag().started_ago(waited + ago);
    task.tag("session-started-at", &(world.now() - ago).to_string())
}

#[tokio::test(start_paused = true)]
async fn a_session_is_as_old_as_itself_not_as_the_task_that_waited_for_it() {
    let world = World::new(Setup::default());
    let young = claimed(&world, "young", HOUR * 3, MINUTE * 5).start();
    let starting = claimed(&world, "starting", HOUR * 30, MINUTE).unregistered().start();
    let old = claimed(&world, "old", HOUR, HOUR * 2 + MINUTE).start();
    for report in sweeps(&world, "sweep", 2).await {
        for session in [&young, &starting] {
            assert!(world.is_live(session) && !world.is_stopping(session), "{report:#}");
            assert!(world.completion_calls(session).is_empty(), "{report:#}");
        }
    }
    assert_clean(&world, &old);
    assert_unharmed(&world);
}

/// Tags of whoever had the task's tags before.
#[tokio::test(start_paused = true)]
async fn an_end_and_a_lease_from_before_the_claim_are_anothers() {
    let world = World::new(Setup::default());
    let before = (world.now() - MINUTE * 50).to_string();
    let ended = claimed(&world, "ended", HOUR, MINUTE * 5).tag("session-ended-at", &before).start();
    let lapsed = claimed(&world, "lapsed", HOUR, MINUTE * 5).tag("lease-expires-at", &before);
    let lapsed = lapsed.start();
    let report = enforce(&world, "sweep").await;
    for session in [&ended, &lapsed] {
        assert_eq!(task_row(&report, session).1, "kept", "{report:#}");
        assert!(world.is_live(session) && world.completion_calls(session).is_empty());
    }
    assert_unharmed(&world);
}

/// It writes its marker before it began, by its owner's clock.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_shorter_than_its_owners_clock_is_ahead_is_saved() {
    let functions_clock_is_ahead = jiff::SignedDuration::from_secs(2);
    let world = World::new(Setup { warm_pool: true, functions_clock_is_ahead, ..Setup::default() });
    let session = world.session("short").unidentified().started_ago(HOUR).start();
    world.claims(&session, Some(&(world.now() + MINUTE * 4).to_string()));
    tokio::time::sleep(MINUTE).await;
    let event = world.session_ended_event(&session, "completed");
    world.owner_ends(&session);
    let pool = function_with(&world, "completion", &[("WARM_POOL", "true")]).0;
    assert!(deliver(&pool, &[event]).await.is_empty(), "{}", world.history());
    assert_clean(&world, &session);
}

/// Its event comes as our clock, which is ahead of S3's, passes the start that its owner's clock says.
#[tokio::test(start_paused = true)]
async fn a_session_that_seems_to_have_begun_as_its_event_comes_is_saved() {
    let functions_clock_is_ahead = jiff::SignedDuration::from_secs(2);
    for after in [0, 1, 2] {
        let setup = Setup { warm_pool: true, functions_clock_is_ahead, ..Setup::default() };
        let world = World::new(setup);
        let session = world.session("short").unidentified().started_ago(HOUR).start();
        world.claims(&session, Some(&(world.now() + MINUTE).to_string()));
        tokio::time::sleep(Duration::from_secs(58 + after)).await;
        let event = world.session_ended_event(&session, "completed");
        world.owner_ends(&session);
        let pool = function_with(&world, "completion", &POOL).0;
        assert!(deliver(&pool, &[event]).await.is_empty(), "{after}: {}", world.history());
        assert_clean(&world, &session);
    }
}

/// Its upload takes longer than the first attempt waits, and by the second its start is no longer ahead.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_shorter_than_its_owners_clock_is_ahead_is_saved_at_a_later_attempt() {
    // Its start is written down in the ledger, and its end on the task: one of them may be missing.
    let missing = [
        None,
        Some(Fault::on(Api::PutObject).of("tasks/").denied()),
        Some(Fault::on(Api::TagResource).denied()),
    ];
    for missing in missing {
        let world = World::new(Setup { warm_pool: true, ..Setup::default() });
        let session = world.session("short").unidentified().started_ago(HOUR);
        let session = session.uploads_in(Duration::from_secs(45)).start();
        world.claims(&session, Some(&(world.now() + MINUTE * 4).to_string()));
        let event = world.session_ended_event(&session, "completed");
        world.owner_ends(&session);
        missing.clone().into_iter().for_each(|fault| world.fault(fault));
        let pool = |caller: &str| function_with(&world, caller, &POOL).0;
        assert_eq!(deliver(&pool("first"), std::slice::from_ref(&event)).await.len(), 1);
        tokio::time::sleep(MINUTE * 6).await;
        assert!(receive(&pool("second"), &event, 2).await.is_empty(), "{}", world.history());
        assert_clean(&world, &session);
    }
}

/// Its owner's clock is so far ahead that its start is read only when our own clock comes near it.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_whose_owners_clock_is_ahead_stays_its_end() {
    for ahead in [MINUTE, MINUTE * 10] {
        let world = World::new(Setup { warm_pool: true, ..Setup::default() });
        let session = world.session("short").unidentified().started_ago(HOUR).answers_202().start();
        world.claims(&session, Some(&(world.now() + ahead).to_string()));
        let event = world.session_ended_event(&session, "completed");
        world.owner_ends(&session);
        let pool = function_with(&world, "completion", &POOL).0;
        assert!(deliver(&pool, &[event]).await.is_empty(), "it is handed over to the sweeps");
        world.behaves(&session, |container| container.answers_202 = false);
        for sweep in 0..4 {
            tokio::time::sleep(INTERVAL).await;
            enforce_with(&world, &format!("sweep-{sweep}"), &POOL).await;
        }
        assert_clean(&world, &session);
        assert_unharmed(&world);
    }
}

/// The marker lies where an earlier run of the same session had left it.
#[tokio::test(start_paused = true)]
async fn a_marker_from_before_the_claim_confirms_nothing() {
    let world = World::new(Setup::default());
    world.put_object("artifacts", "resumed/debug/session_status.json", "{}");
    tokio::time::sleep(MINUTE).await;
    let session = claimed(&world, "resumed", HOUR, Duration::from_secs(1)).uploads_nothing();
    let session = session.start();
    let event = world.session_ended_event(&session, "completed");
    world.owner_ends(&session);
    deliver(&function(&world, "completion"), &[event]).await;
    assert!(!world.is_stopping(&session), "{}", world.history());
    assert_eq!(receipt(&world, &session).as_deref(), Some("awaiting_salvage"));
    assert_unharmed(&world);
}

/// Without a task in the event, an end from before the claim is that of an earlier run.
/// Its owner's clock is so far ahead that the start that it says can't be; but its end was before that, by the same clock.
#[tokio::test(start_paused = true)]
async fn an_event_from_before_the_claim_is_not_about_this_session_however_wrong_its_owners_clock() {
    let owners_clock_is_ahead = jiff::SignedDuration::from_mins(10);
    let setup = Setup { warm_pool: true, owners_clock_is_ahead, ..Setup::default() };
    let world = World::new(setup);
    let first = world.session("resumed").unidentified().start();
    world.claims(&first, Some(&(world.now() + MINUTE * 10).to_string()));
    let second = world.session("resumed").unidentified().start();
    tokio::time::sleep(MINUTE).await;
    let mut event = world.session_ended_event(&first, "completed");
    event["detail"].as_object_mut().unwrap().remove("task_arn");
    world.operator_stops(&first, "its owner");
    tokio::time::sleep(MINUTE).await;
    world.claims(&second, Some(&(world.now() + MINUTE * 10).to_string()));
    deliver(&function_with(&world, "completion", &POOL).0, &[event]).await;
    assert!(!world.is_stopping(&second), "{}", world.history());
    assert!(world.completion_calls(&second).is_empty(), "{}", world.history());
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn an_event_from_before_the_claim_is_not_about_this_session() {
    let world = World::new(Setup::default());
    let session = claimed(&world, "resumed", HOUR, MINUTE * 5).start();
    let mut event = world.session_ended_event(&session, "completed");
    let detail = event["detail"].as_object_mut().unwrap();
    detail.remove("task_arn");
    detail.insert("ended_at".to_owned(), (world.now() - MINUTE * 10).to_string().into());
    let failed = deliver(&function(&world, "completion"), &[event]).await;
    assert_eq!(failed.len(), 1, "it is rejected");
    assert!(!world.is_stopping(&session), "{}", world.history());
    assert!(world.completion_calls(&session).is_empty(), "{}", world.history());
    assert_unharmed(&world);
}

const POOL: [(&str, &str); 1] = [("WARM_POOL", "true")];

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_its_session_is_counted_and_no_finding_until_it_is_too_old() {
    let world = World::new(Setup::default());
    let waiting = |id: &str, age| world.session(id).unidentified().started_ago(age).start();
    let tasks = [waiting("waits", HOUR * 23), waiting("forgotten", HOUR * 25)];
    let (report, metrics) = enforce_with(&world, "pool", &POOL).await;
    assert!(task_in(&report, &tasks[0]).is_null(), "{report:#}");
    assert_eq!(task_row(&report, &tasks[1]), ("T3 unclaimed_too_long", "kept"), "{report:#}");
    assert_eq!(report["counts"]["unclaimed"], 2);
    assert_eq!(metric(&metrics, "UnidentifiedTasks"), 0, "they are what they should be");
    let (report, _) = enforce_with(&world, "no-pool", &[]).await;
    assert_eq!(task_row(&report, &tasks[0]), ("T3 unidentified", "kept"), "{report:#}");
    assert!(tasks.iter().all(|task| !world.is_stopping(task)));
    assert_unharmed(&world);
}

/// Its age is not known. The hard age bounds that, from when a sweep saw it claimed first.
#[tokio::test(start_paused = true)]
async fn a_claimed_task_that_does_not_say_since_when_is_kept_up_to_the_hard_age_of_the_claim() {
    for start in [None, Some("tomorrow"), Some("2020-01-01T00:00:00Z")] {
        let world = World::new(Setup::default());
        let task = world.session("unclear").identified_by_tag().started_ago(HOUR * 20);
        let task = start.iter().fold(task, |task, at| task.tag("session-started-at", at)).start();
        for number in 0..23 {
            let (report, _) = enforce_with(&world, &format!("sweep-{number}"), &POOL).await;
            assert_eq!(task_row(&report, &task), ("T4a start_unknown", "kept"), "{report:#}");
            tokio::time::sleep(HOUR).await;
        }
        assert!(world.completion_calls(&task).is_empty(), "{}", world.history());
        tokio::time::sleep(HOUR).await;
        let (report, _) = enforce_with(&world, "last", &POOL).await;
        assert_eq!(task_row(&report, &task), ("T5 beyond_hard_age", "acted"), "{report:#}");
        assert_unharmed(&world);
    }
}

/// A lapsed lease or an age that would make it an orphan says nothing of a session whose start is not known;
/// its owner's word does.
#[tokio::test(start_paused = true)]
async fn only_the_owners_word_outranks_a_start_that_is_not_known() {
    let world = World::new(Setup::default());
    let pool = |id: &str| world.session(id).identified_by_tag().started_ago(HOUR * 5);
    let lapsed = pool("lapsed").lease_lapsed(HOUR * 3).start();
    let ended = pool("ended").ended_by_owner().tag("session-ended-at", &world.now().to_string());
    let ended = ended.start();
    let (report, _) = enforce_with(&world, "sweep", &POOL).await;
    assert_eq!(task_row(&report, &lapsed), ("T4a start_unknown", "kept"), "{report:#}");
    assert_eq!(task_row(&report, &ended), ("T4 ended", "acted"), "{report:#}");
    assert_unharmed(&world);
}

/// Its task has waited for three days. Nobody reaches it, minutes after its owner ended it.
#[tokio::test(start_paused = true)]
async fn a_claim_without_a_start_has_its_whole_salvage_window() {
    let world = World::new(Setup::default());
    let task = world.session("ended").identified_by_tag().started_ago(HOUR * 72).deaf();
    let ended = task.ended_by_owner().tag("session-ended-at", &world.now().to_string()).start();
    for number in 0..12 {
        enforce_with(&world, &format!("sweep-{number}"), &POOL).await;
        tokio::time::sleep(INTERVAL).await;
    }
    assert!(!world.is_stopping(&ended), "{}", world.history());
    assert_unharmed(&world);
}

/// The same of a task that dies: the tag that said when its session began is gone with it, and the ledger has it.
#[tokio::test(start_paused = true)]
async fn a_marker_from_before_the_claim_is_none_of_a_session_that_has_died() {
    let world = World::new(Setup::default());
    let session = claimed(&world, "resumed", HOUR, Duration::from_secs(1)).upload_never_works();
    let session = session.behaves(|container| container.marker_before_failure = false).start();
    // Of an earlier run, while this task waited.
    let event = world.session_ended_event(&session, "completed");
    deliver(&function(&world, "completion"), &[event]).await;
    assert_eq!(receipt(&world, &session).as_deref(), Some("awaiting_salvage"));
    let named = world.object("ledger", &format!("tasks/{}", session.id())).unwrap();
    let named: serde_json::Value = serde_json::from_slice(&named).unwrap();
    assert!(named["started_at"].is_string(), "{named}");
    world.crash(&session, 137);
    tokio::time::sleep(MINUTE * 2).await;
    let began: jiff::Timestamp = named["started_at"].as_str().unwrap().parse().unwrap();
    world.put_object_at("artifacts", "resumed/debug/session_status.json", "{}", began - MINUTE);
    let stopped = world.task_event(&session);
    assert!(deliver(&function(&world, "second"), &[stopped]).await.is_empty());
    assert_eq!(receipt(&world, &session).as_deref(), Some("artifacts_lost"));
    assert_unharmed(&world);
}

const MARKER: &str = "resumed/debug/session_status.json";

/// `StopTask` deletes the tags; the sweep had read them moments before.
#[tokio::test(start_paused = true)]
async fn an_orphan_that_somebody_stops_right_before_its_cleanup_is_known_by_what_the_sweep_saw() {
    type Kind = fn(SessionBuilder) -> SessionBuilder;
    let kinds: [(&str, Kind, &str); 3] = [
        ("uploads", |session| session, "cleaned"),
        ("uploads nothing", |session| session.upload_never_works(), "artifacts_lost"),
        ("says that it does", |session| session.uploads_nothing(), "artifacts_lost"),
    ];
    for (name, kind, outcome) in kinds {
        for pool in ["true", "false"] {
            let world = World::new(Setup { warm_pool: pool == "true", ..Setup::default() });
            let session = kind(claimed(&world, "resumed", HOUR, HOUR * 2 + MINUTE)).start();
            let before = world.now() - HOUR * 2 - MINUTE * 2;
            world.put_object_at("artifacts", MARKER, "{}", before);
            let stopped = session.clone();
            world.before(Api::DescribeTasks, 2, move |world| {
                world.operator_stops(&stopped, "by hand");
            });
            let variables = [("WARM_POOL", pool)];
            enforce_with(&world, "sweep", &variables).await;
            tokio::time::sleep(INTERVAL).await;
            let completion = function_with(&world, "completion", &variables).0;
            deliver(&completion, &[world.task_event(&session)]).await;
            let told = format!("{name}, pool {pool}\n{}", world.history());
            assert_eq!(receipt(&world, &session).as_deref(), Some(outcome), "{told}");
            assert_unharmed(&world);
        }
    }
}

/// The container says that all is saved, and what lies there is of an earlier run: its tags are gone, and the ledger
/// says when it began.
#[tokio::test(start_paused = true)]
async fn a_marker_from_before_the_claim_confirms_nothing_of_a_session_that_is_told_to_stop() {
    let world = World::new(Setup::default());
    let session = claimed(&world, "resumed", HOUR, MINUTE * 5).upload_never_works().start();
    let event = world.session_ended_event(&session, "completed");
    deliver(&function(&world, "completion"), &[event]).await;
    let before = world.now() - MINUTE * 10;
    world.put_object_at("artifacts", MARKER, "{}", before);
    world.behaves(&session, |container| {
        *container = Behaviour { uploads_nothing: true, ..Behaviour::default() };
    });
    world.operator_stops(&session, "by hand");
    let stopped = world.task_event(&session);
    deliver(&function(&world, "second"), std::slice::from_ref(&stopped)).await;
    tokio::time::sleep(MINUTE * 6).await;
    receive(&function(&world, "third"), &stopped, 2).await;
    assert_eq!(receipt(&world, &session).as_deref(), Some("artifacts_lost"), "{}", world.history());
    assert_unharmed(&world);
}
