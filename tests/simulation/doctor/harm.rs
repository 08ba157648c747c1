//! The first law: an examination harms nobody, whatever it is answered, and always ends.

use super::{BOTH, Function, fleet};
use crate::invoke::{FAULTS, FUNCTION_TIMEOUT, assert_unharmed, function};
use serde_json::{Value, json};
use session_cleanup::deadline::Deadline;
use session_cleanup::{completion, reaper};
use session_cleanup_tests::world::{Api, Call, Crash, Fault, Setup, TaskHandle, Weather, World};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// All that somebody could be harmed in.
fn belongings(world: &World, sessions: &[TaskHandle]) -> Vec<String> {
    let of_session = |session: &TaskHandle| {
        let (phase, tags) = (world.phase(session), world.tags(session));
        let completed = world.has_completed(session);
        format!("{}: {phase:?} {tags:?} {completed}", session.session_id())
    };
    let groups = world.setup().target_groups;
    let registered = groups.iter().map(|group| format!("{group}: {:?}", world.registered(group)));
    let kept = ["ledger", "artifacts"].map(|bucket| {
        let keys = world.keys(bucket).into_iter().filter(|key| !key.starts_with("doctor/"));
        let objects: BTreeMap<_, _> =
            keys.map(|key| (key.clone(), world.object(bucket, &key))).collect();
        format!("{bucket}: {objects:?}")
    });
    sessions.iter().map(of_session).chain(registered).chain(kept).collect()
}

/// A world with living sessions, a target that was left behind, and a memory of the sweep before.
fn inhabited() -> (World, Vec<TaskHandle>) {
    let world = World::new(Setup::default());
    let sessions = fleet(&world);
    world.leave_target("sessions", "127.0.99.1".parse().unwrap());
    world.put_object(
        "ledger",
        "suspects.json",
        r#"{"tasks":[],"targets":[],"failed_salvages":[]}"#,
    );
    world.put_object("ledger", "receipts/earlier/1.json", "{}");
    (world, sessions)
}

/// Asserts that what was called could do nothing, whoever had taken it for good.
fn assert_harmless(call: &Call) {
    let about = |text: &str| call.is_about(text);
    let harmless = match call.api {
        Api::StopTask | Api::TagResource => about("/00000000000000000000000000000000"),
        Api::RegisterTargets | Api::DeregisterTargets => about("no-target"),
        Api::PutObject => {
            about("ledger/doctor/") || about("/~doctor") || about("ledger/suspects.json")
        }
        Api::DeleteObject => about("ledger/intents/~doctor"),
        other => !other.changes_something(),
    };
    assert!(harmless, "{call:?}");
}

/// Examines, and asserts that everything is as it was.
async fn examine(
    function_: Function,
    (world, sessions): &(World, Vec<TaskHandle>),
    what: &str,
) -> Value {
    let before = belongings(world, sessions);
    let began = Instant::now();
    let report = function_.examined(&function(world, "doctor")).await;
    assert!(began.elapsed() < FUNCTION_TIMEOUT, "{what}: {:?}", began.elapsed());
    assert_eq!(belongings(world, sessions), before, "{what}\n{}", world.history());
    world.calls().iter().for_each(assert_harmless);
    assert_unharmed(world);
    assert!(
        report["checks"].as_array().is_some_and(|checks| checks.len() > 10),
        "{what} {report:#}"
    );
    report
}

#[tokio::test(start_paused = true)]
async fn an_examination_of_living_sessions_changes_nothing_but_its_own_report() {
    for function in BOTH {
        let inhabited = inhabited();
        let report = examine(function, &inhabited, "undisturbed").await;
        let kept = inhabited.0.keys("ledger").into_iter();
        let kept: Vec<String> = kept.filter(|key| key.starts_with("doctor/")).collect();
        let own = match function {
            Function::Completion => "doctor/completion.json",
            Function::Reaper => "doctor/reaper.json",
        };
        assert_eq!(kept, [own]);
        let kept: Value =
            serde_json::from_slice(&inhabited.0.object("ledger", own).unwrap()).unwrap();
        assert_eq!(kept["version"], 1);
        for field in ["checks", "lights", "text", "examined_at", "function"] {
            assert_eq!(kept[field], report[field], "{field}");
        }
    }
}

/// Each operation in turn answers wrongly, or not at all, for the whole of an examination.
#[tokio::test(start_paused = true)]
async fn nobody_is_harmed_when_every_answer_of_an_operation_is_lost_or_wrong() {
    let mut played = 0;
    for function in BOTH {
        let undisturbed = inhabited();
        examine(function, &undisturbed, "undisturbed").await;
        let mut called: Vec<Api> = undisturbed.0.calls().iter().map(|call| call.api).collect();
        called.sort_unstable();
        called.dedup();
        assert!(called.len() > 8, "{called:?}");
        let wrong: [(&str, fn(Fault) -> Fault); 2] =
            [("denied", Fault::denied), ("refused as wrong", Fault::invalid)];
        for (name, befall) in FAULTS.into_iter().chain(wrong) {
            for api in called.iter().copied() {
                let inhabited = inhabited();
                inhabited.0.fault(befall(Fault::on(api).always()));
                examine(function, &inhabited, &format!("{function:?}: {api:?} {name}")).await;
                played += 1;
            }
        }
    }
    println!("{played} examinations, each with an operation that fails");
}

/// The world hangs as a whole: the answer says so, and comes in time.
#[tokio::test(start_paused = true)]
async fn where_everything_hangs_the_answer_comes_in_time_and_nothing_is_green_that_was_not_seen() {
    for function in BOTH {
        let inhabited = inhabited();
        inhabited.0.fault(Fault::anywhere().always().hangs());
        let report = examine(function, &inhabited, "everything hangs").await;
        for check in report["checks"].as_array().unwrap() {
            let variable = check["subject"].as_str().unwrap();
            let of_itself = check["name"] == "configuration" && variable.ends_with("_MODE");
            assert!(of_itself || check["light"] != "green", "{check:#}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_weather_makes_an_examination_harm_anyone() {
    for seed in 0..40 {
        for function in BOTH {
            let inhabited = inhabited();
            inhabited.0.adjust(|setup| setup.seed = seed);
            inhabited.0.weather(Weather::stormy(0.06));
            examine(function, &inhabited, &format!("seed {seed}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_examination_with_little_time_ends_by_its_deadline_whatever_hangs() {
    let (world, _) = inhabited();
    world.fault(Fault::anywhere().always().hangs());
    let (asked, limit) = (json!({"doctor": {}}), Duration::from_secs(20));
    for examined in BOTH {
        let (context, began) = (function(&world, "hurried"), Instant::now());
        let report = match examined {
            Function::Completion => {
                completion::handle(&context, asked.clone(), Deadline::after(limit), "r").await.ok()
            }
            Function::Reaper => {
                reaper::handle(&context, &asked, Deadline::after(limit), "r").await.ok()
            }
        };
        assert!(began.elapsed() <= limit, "{:?}", began.elapsed());
        assert!(report.is_some_and(|report| report["checks"].is_array()));
    }
}

/// A function that dies in the middle of it leaves nothing behind.
#[tokio::test(start_paused = true)]
async fn an_examination_that_is_cut_off_at_any_call_leaves_nothing_behind() {
    for examined in BOTH {
        let undisturbed = inhabited();
        examine(examined, &undisturbed, "undisturbed").await;
        for boundary in 1..=undisturbed.0.count_by("doctor") {
            for crash in [Crash::Before(boundary), Crash::After(boundary)] {
                let (world, sessions) = inhabited();
                let before = belongings(&world, &sessions);
                let context = function(&world, "doctor");
                let _died =
                    world.run_until_crash("doctor", crash, examined.examined(&context)).await;
                assert_eq!(belongings(&world, &sessions), before, "{crash:?}");
                assert_unharmed(&world);
            }
        }
    }
}

/// AWS refuses to register what is no address. Were one of its kinds not to, the group would hold a target that no
/// sweep can read, and nothing would be decided of it any more.
#[tokio::test(start_paused = true)]
async fn a_group_that_takes_what_is_no_address_is_left_as_it_was() {
    for function_ in BOTH {
        let inhabited = inhabited();
        inhabited.0.set_up_target_group("sessions", |group| group.takes_any_id = true);
        let report = examine(function_, &inhabited, "a group that takes anything").await;
        assert_eq!(report["lights"]["red"], 0, "{report:#}");
        let swept = crate::invoke::look(&inhabited.0, "sweep").await;
        assert_eq!(swept["not_decided"], serde_json::json!([]), "{swept:#}");
    }
}
