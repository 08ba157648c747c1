//! A sweep stops acting before its deadline, says so, and never outlives it, whatever hangs.

use super::crowd::{HOUR, healthy, left_targets, says, stopped, task_row, too_old, warns};
use crate::invoke::{INTERVAL, assert_unharmed, enforce, function, look, open_intents};
use serde_json::{Value, json};
use session_cleanup::deadline::Deadline;
use session_cleanup::reaper;
use session_cleanup_tests::world::{Api, Fault, Setup, World};
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A sweep that must have answered after `time`.
async fn enforce_within(world: &World, caller: &str, time: Duration) -> Value {
    let context = function(world, caller);
    let began = Instant::now();
    let deadline = Deadline::at(began + time).earlier(context.config.timeouts.deadline_margin);
    let payload = json!({ "mode": "enforce" });
    let report = reaper::handle(&context, &payload, deadline, "request").await.unwrap();
    let took = began.elapsed();
    assert!(took < time, "the sweep took {took:?} of {time:?} (I7)\n{}", world.history());
    report
}

fn actions(report: &Value, action: &str) -> usize {
    let findings = ["tasks", "targets"].map(|kind| report[kind].as_array().unwrap());
    findings.into_iter().flatten().filter(|finding| finding["action"] == action).count()
}

#[tokio::test(start_paused = true)]
async fn with_a_short_deadline_a_sweep_stops_acting_and_says_truncated() {
    let world = World::new(Setup::default());
    // Each takes most of the upload timeout, ten at a time, and then makes room for another.
    let mute = too_old(&world, "a-mute", 10, |session| session.answers_403().busy_for(SECOND * 29));
    let good = too_old(&world, "b-good", 10, |session| session.started_ago(HOUR * 3));
    let report = enforce_within(&world, "sweep-1", SECOND * 100).await;
    assert!(warns(&report, "truncated"), "{report:#}");
    assert_eq!((actions(&report, "tried"), actions(&report, "out_of_time")), (10, 10));
    assert!(!warns(&report, "blast_radius_reached"), "it was time that ended, not the allowance");
    assert!(good.iter().all(|orphan| world.completion_calls(orphan).is_empty()));
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert!(!warns(&report, "truncated"), "{report:#}");
    assert_eq!(stopped(&world, &good).len(), 10);
    assert!(stopped(&world, &mute).is_empty());
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn with_no_time_for_a_plan_none_is_begun() {
    let world = World::new(Setup::default());
    too_old(&world, "old", 3, |session| session);
    left_targets(&world, "sessions", 3);
    look(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    for (number, seconds) in [72, 40, 10, 2].into_iter().enumerate() {
        let report = enforce_within(&world, &format!("s-{number}"), SECOND * seconds).await;
        assert_eq!(report["counts"]["reaped"], 0, "{report:#}");
        assert!(warns(&report, "truncated") || warns(&report, "incomplete"), "{report:#}");
        assert_eq!(world.count(Api::StopTask) + world.count(Api::ContainerComplete), 0);
    }
    assert_unharmed(&world);
}

/// Of targets, too: a round that could not be ended in time is not begun.
#[tokio::test(start_paused = true)]
async fn with_no_time_for_another_round_of_targets_none_is_begun() {
    let world = World::new(Setup::default());
    left_targets(&world, "sessions", 60);
    look(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    // Fifteen a round: listed once, and then their health is not to be had.
    world.fault(Fault::on(Api::DescribeTargetHealth).nth(2).always().hangs());
    let report = enforce_within(&world, "sweep-2", SECOND * 105).await;
    assert_eq!((actions(&report, "spared"), actions(&report, "out_of_time")), (30, 30));
    assert!(warns(&report, "truncated"), "{report:#}");
    assert_unharmed(&world);
}

/// Whatever hangs for ever, at any call of any service, from the first such call on or from a later
/// one: the sweep answers in time.
#[tokio::test(start_paused = true)]
async fn no_sweep_outlives_its_deadline_whatever_hangs() {
    let apis = [
        Api::ListClusters,
        Api::ListTasks,
        Api::DescribeTasks,
        Api::StopTask,
        Api::DescribeTargetHealth,
        Api::DeregisterTargets,
        Api::RegisterTargets,
        Api::PutObject,
        Api::GetObject,
        Api::HeadObject,
        Api::DeleteObject,
        Api::ListObjects,
        Api::ContainerComplete,
        Api::ContainerHealth,
    ];
    let stories = apis.into_iter().flat_map(|api| {
        [240, 30].into_iter().flat_map(move |seconds| [1, 2, 5].map(|nth| (api, seconds, nth)))
    });
    let mut count = 0;
    for (api, seconds, nth) in stories {
        let world = World::new(Setup::default());
        healthy(&world, 3);
        too_old(&world, "old", 5, |session| session);
        too_old(&world, "ancient", 2, |session| session.started_ago(HOUR * 25).deaf());
        world.session("done").started_ago(HOUR).completed().start();
        left_targets(&world, "sessions", 5);
        leave_intents(&world, 15);
        look(&world, "sweep-1").await;
        tokio::time::sleep(INTERVAL).await;
        world.fault(Fault::on(api).nth(nth).always().hangs());
        enforce_within(&world, "sweep-2", SECOND * seconds).await;
        world.assert_unharmed();
        count += 1;
    }
    println!("{count} sweeps, each with a call that hangs for ever, all in time");
    assert_eq!(count, 84);
}

/// A live session may be without its target: that nobody knows is said.
#[tokio::test(start_paused = true)]
async fn intents_that_time_did_not_suffice_for_are_told_and_stay() {
    for (api, seconds, pending, problem) in [
        (Api::ListObjects, 110, 0, "intents are not read"),
        (Api::DeleteObject, 110, 15, "not all are settled"),
    ] {
        let world = World::new(Setup::default());
        leave_intents(&world, 15);
        tokio::time::sleep(INTERVAL).await;
        world.fault(Fault::on(api).always().hangs());
        let report = enforce_within(&world, "sweep", SECOND * seconds).await;
        assert_eq!(report["intents"]["pending"], pending, "{report:#}");
        assert!(says(&report["intents"]["problems"], problem), "{report:#}");
        assert_eq!(open_intents(&world).len(), 15);
    }
}

/// What crashed functions left behind: no address of it is anyone's.
fn leave_intents(world: &World, count: usize) {
    let setup = world.setup();
    for number in 0..count {
        let address = json!({ "ip": format!("127.0.98.{}", number + 1), "port": setup.port });
        let group = setup.target_group_arn("sessions");
        let entry = json!({ "group": group, "address": address, "held_by": "nobody" });
        let intent = json!({ "written_at": world.now().to_string(), "entries": [entry] });
        world.put_object("ledger", &format!("intents/{number:03}.json"), intent.to_string());
    }
}

/// A fleet in a group that nobody configured is asked one by one, and each answer takes its time.
#[tokio::test(start_paused = true)]
async fn a_large_fleet_of_silent_containers_does_not_use_up_the_time() {
    let world = World::new(Setup::default());
    for number in 0..2_000 {
        let session = world.session(&format!("silent-{number}")).started_ago(HOUR);
        session.unregistered().silent().start();
    }
    let old = too_old(&world, "old", 5, |session| session);
    let report = enforce_within(&world, "sweep", SECOND * 120).await;
    assert_eq!(report["counts"]["unrouted"], 2_000);
    assert_eq!(stopped(&world, &old).len(), 5, "what rests on facts is done all the same");
    assert_unharmed(&world);
}

/// What could not be asked is neither confirmed nor contradicted.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_asked_for_lack_of_time_stays_suspect() {
    let world = World::new(Setup::default());
    for number in 0..600 {
        let session = world.session(&format!("silent-{number}")).started_ago(HOUR);
        session.unregistered().silent().start();
    }
    let done: Vec<_> = (0..40)
        .map(|number| {
            let session = world.session(&format!("done-{number}")).started_ago(HOUR);
            session.unregistered().completed().start()
        })
        .collect();
    let rows = |report: &Value, row: &str| {
        done.iter().filter(|task| task_row(report, task).0 == row).count()
    };
    let report = look(&world, "sweep-1").await;
    assert_eq!(rows(&report, "T9a suspected_done"), 40, "{:#}", report["problems"]);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce_within(&world, "sweep-2", SECOND * 105).await;
    let (asked, unasked) = (rows(&report, "T9 done"), rows(&report, "T9b unrouted"));
    assert!(asked > 0 && unasked > 0, "{asked} and {unasked}");
    assert!(says(&report["problems"], "were not asked"), "{:#}", report["problems"]);
    assert!(stopped(&world, &done).len() <= asked, "silence stops nobody");
    tokio::time::sleep(INTERVAL).await;
    let report = look(&world, "sweep-3").await;
    assert_eq!(rows(&report, "T9a suspected_done"), 0, "nobody's suspicion was forgotten");
    assert_eq!(rows(&report, "T9 done"), 40 - stopped(&world, &done).len());
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_could_not_be_asked_for_lack_of_time_stays_suspect() {
    let world = World::new(Setup::default());
    left_targets(&world, "sessions", 250);
    let rows = |report: &Value, row: &str| {
        let targets = report["targets"].as_array().unwrap().iter();
        targets.filter(|finding| finding["row"] == row).count()
    };
    assert_eq!(rows(&look(&world, "sweep-1").await, "G4 suspected"), 250);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce_within(&world, "sweep-2", SECOND * 103).await;
    let (asked, unasked) = (rows(&report, "G5 zombie"), rows(&report, "G7 unclear"));
    assert!(asked > 0 && unasked > 0, "{asked} and {unasked}");
    assert!(says(&report["problems"], "were not asked"), "{:#}", report["problems"]);
    tokio::time::sleep(INTERVAL).await;
    let report = look(&world, "sweep-3").await;
    assert_eq!(rows(&report, "G4 suspected"), 0, "nobody's suspicion was forgotten");
    assert_eq!(rows(&report, "G5 zombie"), world.registered("sessions").len());
    assert_unharmed(&world);
}
