//! Salvage of orphans: asked once a sweep, and given up in the end.

use super::crowd::{HOUR, MINUTE, enforce_with, metric, renewing, task_row, warns};
use crate::invoke::{
    INTERVAL, MetricLines, assert_clean, assert_unharmed, enforce, function_with, receipt, receive,
    sweeps, task_in,
};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Behaviour, Fault, Setup, TaskHandle, World};

/// Asserts that the artifacts were given up, on record before the stop.
fn assert_given_up(world: &World, task: &TaskHandle, metrics: &MetricLines) {
    assert!(world.is_stopping(task), "{}", world.history());
    assert_eq!(receipt(world, task).as_deref(), Some("artifacts_lost"));
    assert!(metric(metrics, "ArtifactsLost") >= 1);
    let calls = world.calls();
    let stop = calls.iter().position(|call| call.api == Api::StopTask).unwrap();
    let key = task.receipt_key();
    let recorded =
        calls[..stop].iter().any(|call| call.api == Api::PutObject && call.is_about(&key));
    assert!(recorded, "the loss is on record before the stop\n{}", world.history());
    assert!(!world.registered("sessions").contains(&task.address()));
    assert_unharmed(world);
}

#[tokio::test(start_paused = true)]
async fn an_orphan_that_never_uploads_is_asked_once_a_sweep_until_its_window_is_over() {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").started_ago(HOUR * 3).upload_never_works().start();
    let mut sweeps = 0;
    let mut first_failure = None;
    let metrics = loop {
        sweeps += 1;
        let (report, metrics) = enforce_with(&world, &format!("sweep-{sweeps}"), &[]).await;
        assert_eq!(world.completion_calls(&orphan).len(), sweeps, "{}", world.history());
        if world.is_stopping(&orphan) {
            assert_eq!(task_row(&report, &orphan), ("T8 too_old", "acted"), "{report:#}");
            break metrics;
        }
        first_failure.get_or_insert(world.now());
        assert_eq!(task_row(&report, &orphan), ("T8 too_old", "tried"), "{report:#}");
        assert_eq!(receipt(&world, &orphan).as_deref(), Some("awaiting_salvage"));
        assert!(world.registered("sessions").contains(&orphan.address()));
        assert!(world.tags(&orphan).is_empty(), "our inference leaves no tag");
        assert_eq!(metric(&metrics, "ArtifactsLost"), 0);
        assert!(sweeps < 20, "it is never given up\n{}", world.history());
        tokio::time::sleep(INTERVAL).await;
    };
    let waited = world.now().duration_since(first_failure.unwrap());
    assert!(waited >= jiff::SignedDuration::from_mins(30), "{waited}");
    assert!((7..=8).contains(&sweeps), "{sweeps} sweeps");
    assert_given_up(&world, &orphan, &metrics);
}

/// A loss that nobody could read of is none that may come about.
#[tokio::test(start_paused = true)]
async fn artifacts_are_not_given_up_while_their_loss_can_not_be_put_on_record() {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").started_ago(HOUR * 3).upload_never_works();
    let orphan = orphan.behaves(|container| container.marker_before_failure = false).start();
    for number in 1..=6 {
        enforce(&world, &format!("sweep-{number}")).await;
        tokio::time::sleep(INTERVAL).await;
    }
    world.fault(Fault::on(Api::PutObject).of("ledger/receipts/").always().server_error());
    for number in 7..=9 {
        let (report, metrics) = enforce_with(&world, &format!("sweep-{number}"), &[]).await;
        assert_eq!(task_row(&report, &orphan), ("T8 too_old", "tried"), "{report:#}");
        let why = task_in(&report, &orphan)["result"].to_string();
        assert!(why.contains("PutObject"), "{why}");
        assert_eq!(metric(&metrics, "ArtifactsLost"), 0, "none is lost yet");
        assert!(!world.is_stopping(&orphan), "{}", world.history());
        tokio::time::sleep(INTERVAL).await;
    }
    world.faults_cease();
    let (_, metrics) = enforce_with(&world, "sweep-10", &[]).await;
    assert_eq!(metric(&metrics, "ArtifactsLost"), 1);
    assert_given_up(&world, &orphan, &metrics);
}

#[tokio::test(start_paused = true)]
async fn the_window_of_a_session_that_its_owner_ended_counts_from_the_owners_word() {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").upload_never_works().start();
    world.owner_ends(&orphan);
    world.set_tag(&orphan, "session-ended-at", &world.now().to_string());
    tokio::time::sleep(MINUTE * 24).await;
    for number in 1..=2 {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        assert_eq!(task_row(&report, &orphan), ("T4 ended", "tried"), "{report:#}");
        assert!(!world.is_stopping(&orphan));
        tokio::time::sleep(INTERVAL).await;
    }
    let (report, metrics) = enforce_with(&world, "sweep-3", &[]).await;
    assert_eq!(task_row(&report, &orphan), ("T4 ended", "acted"), "{report:#}");
    assert_eq!(task_in(&report, &orphan)["evidence"]["salvage_window_over"], true);
    assert_eq!(world.completion_calls(&orphan).len(), 3, "it was asked one last time");
    assert_given_up(&world, &orphan, &metrics);
}

fn failed_salvages(world: &World) -> Value {
    let suspects = world.object("ledger", "suspects.json").expect("suspects");
    let suspects: Value = serde_json::from_slice(&suspects).unwrap();
    suspects["failed_salvages"].clone()
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_a_failed_salvage_goes_when_the_lease_is_renewed() {
    let world = World::new(Setup::default());
    renewing(&world, "another");
    let session = world.session("renewed").lease_lapsed(MINUTE * 20).upload_never_works().start();
    let renew = |left: std::time::Duration| {
        world.set_tag(&session, "lease-expires-at", &(world.now() + left).to_string());
    };
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_row(&report, &session), ("T7 lease_expired", "tried"), "{report:#}");
    assert_eq!(failed_salvages(&world).as_array().unwrap().len(), 1);
    renew(MINUTE * 6);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert!(task_in(&report, &session).is_null(), "{report:#}");
    assert_eq!(failed_salvages(&world), json!([]));
    assert!(world.registered("sessions").contains(&session.address()), "it kept its traffic");
    // It lapses once more: the window begins anew, although the first failed salvage is long ago.
    for number in 3..=8 {
        tokio::time::sleep(INTERVAL).await;
        enforce(&world, &format!("sweep-{number}")).await;
    }
    assert!(world.completion_calls(&session).len() > 1);
    assert!(!world.is_stopping(&session), "{}", world.history());
    assert_unharmed(&world);
}

/// A lapsed lease says nothing while another cluster is not listed: that is no answer, and begins no
/// window anew.
#[tokio::test(start_paused = true)]
async fn a_listing_that_fails_now_and_then_does_not_begin_the_salvage_window_anew() {
    let clusters = vec!["sessions".to_owned(), "batch".to_owned()];
    let world = World::new(Setup { clusters, ..Setup::default() });
    renewing(&world, "leased");
    let orphan = world.session("orphan").lease_lapsed(MINUTE * 20).upload_never_works().start();
    let mut sweeps = 0;
    while !world.is_stopping(&orphan) {
        sweeps += 1;
        assert!(sweeps < 10, "it is never given up\n{}", world.history());
        let caller = format!("sweep-{sweeps}");
        if sweeps % 5 == 0 {
            world.fault(Fault::on(Api::ListTasks).of("batch").by(&caller).always().throttled());
        }
        let report = enforce(&world, &caller).await;
        let row = if sweeps % 5 == 0 { "T7a lease_lapsed" } else { "T7 lease_expired" };
        assert_eq!(task_row(&report, &orphan).0, row, "{report:#}");
        tokio::time::sleep(INTERVAL).await;
    }
    assert_unharmed(&world);
}

/// Its owner's word comes while the sweep that would give it up is under way, or earlier: from then on it has its whole
/// window.
#[tokio::test(start_paused = true)]
async fn one_that_its_owner_ends_after_it_was_tried_in_vain_has_its_window_from_then_on() {
    for nth in [0, 1] {
        let world = World::new(Setup::default());
        let orphan = world.session("orphan").started_ago(HOUR * 3).upload_never_works().start();
        for number in 1..=6 {
            enforce(&world, &format!("vain-{number}")).await;
            tokio::time::sleep(INTERVAL).await;
        }
        let (told, ended) = (orphan.clone(), world.now());
        let end = move |world: &World| {
            world.owner_ends(&told);
            world.set_tag(&told, "session-ended-at", &ended.to_string());
        };
        match nth {
            0 => end(&world),
            nth => world.before(Api::PutObject, nth, end),
        }
        let mut sweeps = 0;
        while !world.is_stopping(&orphan) {
            sweeps += 1;
            assert!(sweeps < 10, "it is never given up\n{}", world.history());
            enforce(&world, &format!("sweep-{nth}-{sweeps}")).await;
            tokio::time::sleep(INTERVAL).await;
        }
        assert!(world.now() > ended + MINUTE * 30, "{sweeps} sweeps\n{}", world.history());
        assert_unharmed(&world);
    }
}

/// Nobody has a fair try in it: what was asked in vain by two sweeps is what is given up.
#[tokio::test(start_paused = true)]
async fn a_memory_that_is_lost_each_time_gives_nothing_up() {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").started_ago(HOUR * 26).upload_never_works().start();
    for number in 1..=10 {
        enforce(&world, &format!("forgetful-{number}")).await;
        world.remove_object("ledger", "suspects.json");
        tokio::time::sleep(INTERVAL).await;
    }
    assert!(!world.is_stopping(&orphan), "{}", world.history());
    enforce(&world, "one").await;
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "two").await;
    assert!(world.is_stopping(&orphan), "{}", world.history());
    assert_unharmed(&world);
}

/// After an outage of two hours the first question to an ended task is not its last.
#[tokio::test(start_paused = true)]
async fn after_an_outage_every_ended_session_gets_a_fair_try() {
    let world = World::new(Setup::default());
    let ended = world.session("ended").ended_by_owner().upload_fails(1).start();
    world.set_tag(&ended, "session-ended-at", &world.now().to_string());
    tokio::time::sleep(HOUR * 2).await;
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_row(&report, &ended), ("T4 ended", "tried"), "{report:#}");
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep-2").await;
    assert_eq!(receipt(&world, &ended).as_deref(), Some("cleaned"), "{}", world.history());
    assert_unharmed(&world);
}

/// Its task is used for several sessions, and another one runs in it now: nobody but the hard age ends it.
#[tokio::test(start_paused = true)]
async fn an_orphan_whose_container_answers_403_is_kept_and_reported_up_to_the_hard_age_and_the_window()
 {
    let world = World::new(Setup::default());
    let age = HOUR * 23 + MINUTE * 30;
    let orphan = world.session("orphan").started_ago(age).answers_403().start();
    let mut sweeps = 0;
    let metrics = loop {
        sweeps += 1;
        let (report, metrics) = enforce_with(&world, &format!("sweep-{sweeps}"), &[]).await;
        if world.is_stopping(&orphan) {
            break metrics;
        }
        assert_eq!(task_row(&report, &orphan).1, "tried", "it is an orphan still");
        let cleanup = &task_in(&report, &orphan)["cleanup"];
        assert_eq!(cleanup["outcome"], "rejected", "{report:#}");
        assert_eq!(cleanup["artifacts"], "wrong_container");
        assert!(warns(&report, "tasks_reused"), "{report:#}");
        assert_eq!((&report["counts"]["reused"], metric(&metrics, "TasksReused")), (&json!(1), 1));
        assert!(world.registered("sessions").contains(&orphan.address()));
        assert!(sweeps < 20, "it is never given up\n{}", world.history());
        tokio::time::sleep(INTERVAL).await;
    };
    assert_eq!(sweeps, 13, "the first sweep beyond 24 hours and 30 minutes");
    assert_given_up(&world, &orphan, &metrics);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_hard_age_and_the_window_an_orphan_is_stopped_once_two_sweeps_have_asked() {
    type Kind = fn(
        session_cleanup_tests::world::SessionBuilder,
    ) -> session_cleanup_tests::world::SessionBuilder;
    let kinds: [(&str, Kind, usize); 4] = [
        ("never uploads", |session| session.upload_never_works(), 2),
        ("answers 403", |session| session.answers_403(), 2),
        ("nobody reaches it", |session| session.deaf(), 2),
        ("leased", |session| session.leased_for(HOUR).upload_never_works(), 2),
    ];
    for (name, kind, tries) in kinds {
        let world = World::new(Setup::default());
        let orphan = kind(world.session("orphan").started_ago(HOUR * 25)).start();
        let mut metrics = MetricLines::default();
        for number in 1..=tries {
            assert!(!world.is_stopping(&orphan), "{name}: before sweep {number}");
            let (report, lines) = enforce_with(&world, &format!("sweep-{number}"), &[]).await;
            metrics = lines;
            assert_eq!(task_row(&report, &orphan).0, "T5 beyond_hard_age", "{name}: {report:#}");
            tokio::time::sleep(INTERVAL).await;
        }
        assert_eq!(world.completion_calls(&orphan).len(), tries, "{name}");
        assert_given_up(&world, &orphan, &metrics);
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_could_not_even_be_asked_starts_no_salvage_window() {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").started_ago(HOUR * 3).start();
    // Listed once; every later look fails, so that nothing may be asked.
    world.fault(Fault::on(Api::DescribeTasks).nth(2).always().server_error());
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_row(&report, &orphan).0, "T8 too_old", "{report:#}");
    assert!(world.completion_calls(&orphan).is_empty());
    assert_eq!(failed_salvages(&world), json!([]), "nothing was asked in vain");
    assert!(!world.is_stopping(&orphan));
    world.faults_cease();
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(task_row(&report, &orphan), ("T8 too_old", "acted"), "{report:#}");
    assert_unharmed(&world);
}

/// It runs another session, and answers for that one in its own way: busy, broken, silent.
#[tokio::test(start_paused = true)]
async fn one_that_said_403_once_is_given_up_for_nothing_but_its_age() {
    let world = World::new(Setup::default());
    let agent = world.session("agent").started_ago(HOUR * 3).answers_403().start();
    for number in 1..=8 {
        enforce(&world, &format!("forbidden-{number}")).await;
        tokio::time::sleep(INTERVAL).await;
    }
    world.behaves(&agent, |container| {
        container.forbids = false;
        container.failing_uploads = u32::MAX;
        container.marker_before_failure = false;
    });
    for number in 1..=10 {
        enforce(&world, &format!("failing-{number}")).await;
        tokio::time::sleep(INTERVAL).await;
    }
    assert!(!world.is_stopping(&agent), "{}", world.history());
    assert!(world.registered("sessions").contains(&agent.address()));
    assert_unharmed(&world);
}

/// ECS takes most of the time: whoever could not have finished was not asked in vain.
#[tokio::test(start_paused = true)]
async fn a_question_for_which_too_little_time_is_left_is_not_asked() {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").started_ago(HOUR * 3).start();
    let slow = std::time::Duration::from_secs(3);
    for nth in 2..=3 {
        world.fault(Fault::on(Api::DescribeTasks).nth(nth).delayed(slow));
    }
    let timeouts = [("UPLOAD_TIMEOUT", "5s"), ("IDENTIFY_TIMEOUT", "4s")];
    let (report, _) = enforce_with(&world, "slow", &timeouts).await;
    assert!(world.completion_calls(&orphan).is_empty(), "{}", world.history());
    let artifacts = task_in(&report, &orphan)["cleanup"]["artifacts"].as_str().unwrap().to_owned();
    assert!(artifacts.starts_with("not_asked"), "{report:#}");
    assert_eq!(failed_salvages(&world), json!([]));
    assert!(!world.is_stopping(&orphan));
    assert_unharmed(&world);
}

/// What only a tag says is written down before: without that it is not stopped, and it may yet be saved.
#[tokio::test(start_paused = true)]
async fn no_loss_is_on_record_of_one_whose_session_could_not_be_written_down() {
    let world = World::new(Setup::default());
    let orphan = world.session("orphan").identified_by_tag().started_ago(HOUR * 3);
    let orphan = orphan.upload_never_works().start();
    world.fault(Fault::on(Api::PutObject).of("tasks/").always().denied());
    sweeps(&world, "sweep", 10).await;
    assert!(!world.is_stopping(&orphan), "{}", world.history());
    assert_ne!(receipt(&world, &orphan).as_deref(), Some("artifacts_lost"));
    world.behaves(&orphan, |container| *container = Behaviour::default());
    world.faults_cease();
    sweeps(&world, "later", 2).await;
    assert_clean(&world, &orphan);
}

/// It is told to stop between the sweep's look and the last one: nothing is given up, its end is judged.
#[tokio::test(start_paused = true)]
async fn an_orphan_that_somebody_stops_as_it_is_given_up_counts_as_lost_once() {
    for before in 2..=4 {
        let world = World::new(Setup::default());
        let orphan = world.session("orphan").started_ago(HOUR * 3).upload_never_works().start();
        sweeps(&world, "sweep", 6).await;
        let stopped = orphan.clone();
        world.before(Api::DescribeTasks, before, move |world| {
            world.operator_stops(&stopped, "by hand");
        });
        let (_, metrics) = enforce_with(&world, "last", &[]).await;
        tokio::time::sleep(INTERVAL).await;
        assert!(world.is_stopping(&orphan), "{}", world.history());
        let (completion, of_its_end) = function_with(&world, "completion", &[]);
        receive(&completion, &world.task_event(&orphan), 2).await;
        assert_eq!(receipt(&world, &orphan).as_deref(), Some("artifacts_lost"));
        let lost = metric(&metrics, "ArtifactsLost") + metric(&of_its_end, "ArtifactsLost");
        assert_eq!(lost, 1, "before look {before}\n{}", world.history());
        assert_unharmed(&world);
    }
}
