//! Tasks that end by themselves while a sweep is at them, and who comes after them.

use super::boundary::{Boundary, everywhere};
use super::crowd::{MINUTE, left_targets};
use super::fleet::{
    Living, Why, assert_never_touched, assert_put_right, calls_of_a_sweep, leave_zombie,
    quick_world, quick_world_of, suspect,
};
use crate::invoke::{
    INTERVAL, assert_unharmed, crash_leaves_an_intent, enforce, open_intents, target_in,
};
use session_cleanup_tests::world::{Api, Call, Fault, Health, Setup, TaskHandle, World};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to an orphan at a boundary; the answer is a session that comes instead.
type Turn = fn(&World, &TaskHandle) -> Option<TaskHandle>;

/// An orphan, whose turn comes at the boundary.
async fn story(why: Why, boundary: Option<Boundary>, turn: Turn) -> Vec<Call> {
    let world = quick_world();
    let living = Living::start(&world);
    let orphan = why.start(&world);
    suspect(&world).await;
    let successor = Arc::new(Mutex::new(None));
    if let Some(boundary) = boundary {
        let (place, orphan) = (Arc::clone(&successor), orphan.clone());
        boundary.change(&world, move |world| *place.lock().unwrap() = turn(world, &orphan));
    }
    let calls = calls_of_a_sweep(&world).await;
    assert!(boundary.is_some() || world.is_stopping(&orphan), "{}", world.history());
    assert_put_right(&world).await;
    living.assert_untouched(&world);
    assert!(world.is_stopping(&orphan), "{}", world.history());
    if let Some(successor) = successor.lock().unwrap().as_ref() {
        assert_never_touched(&world, successor);
    }
    calls
}

async fn everywhere_in_a_sweep(what: &str, turn: Turn) {
    for why in Why::INTRICATE {
        let what = format!("{what}, {why:?}");
        assert!(everywhere(&what, |boundary| story(why, boundary, turn)).await >= 30, "{what}");
    }
}

/// `orphan` dies, and a new session gets its address and its target.
fn hand_over(world: &World, orphan: &TaskHandle, id: &str) -> TaskHandle {
    world.crash(orphan, 137);
    world.session(id).started_ago(Duration::ZERO).at_address_of(orphan).start()
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_by_itself_between_any_two_calls_leaves_nothing_behind() {
    everywhere_in_a_sweep("a task ends by itself", |world, orphan| {
        world.crash(orphan, 137);
        None
    })
    .await;
}

/// Field failure 8.
#[tokio::test(start_paused = true)]
async fn an_address_that_goes_to_a_new_session_between_any_two_calls_keeps_its_traffic() {
    everywhere_in_a_sweep("an address goes to a new session", |world, orphan| {
        Some(hand_over(world, orphan, "successor"))
    })
    .await;
}

/// It would answer 200, for its id is the same. Where it would be asked, it has come later: no task is
/// up within the five seconds for which a look holds.
#[tokio::test(start_paused = true)]
async fn an_address_that_goes_to_the_resumed_session_between_any_two_calls_is_not_completed() {
    everywhere_in_a_sweep("an address goes to the resumed session", |world, orphan| {
        let asked = world.completion_calls(orphan);
        if asked.iter().any(|call| call.outcome.is_success()) {
            return Some(hand_over(world, orphan, orphan.session_id()));
        }
        world.crash(orphan, 137);
        let resumed = world.session(orphan.session_id()).starting();
        Some(resumed.at_address_of(orphan).start())
    })
    .await;
}

/// A zombie's address goes to a session of another group a minute after it was deregistered. What was
/// taken was never its own: another tenant's traffic must not come to it.
#[tokio::test(start_paused = true)]
async fn a_session_that_gets_a_zombies_address_later_is_not_registered_in_the_zombies_group() {
    let target_groups = vec!["tenant-a".to_owned(), "tenant-b".to_owned()];
    let world = World::new(Setup { target_groups, ..Setup::default() });
    let address = left_targets(&world, "tenant-a", 1)[0];
    enforce(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(target_in(&report, address)["action"], "acted", "{report:#}");
    tokio::time::sleep(MINUTE).await;
    let session = world.session("b").started_ago(Duration::ZERO).registered_in(&["tenant-b"]);
    session.at_address(address).start();
    tokio::time::sleep(MINUTE * 4).await;
    let report = enforce(&world, "sweep-3").await;
    assert_eq!(report["intents"]["re_registered"], 0, "{report:#}");
    assert!(open_intents(&world).is_empty(), "it is settled all the same");
    assert!(world.registered("tenant-a").is_empty(), "{}", world.history());
    assert_eq!(world.registered("tenant-b"), [address]);
    assert_eq!(world.count(Api::RegisterTargets), 0);
    assert_unharmed(&world);
}

/// When a target was removed is not on record, but by when: twice its time limit and ten seconds after the intent, and
/// clocks may be five seconds apart.
#[tokio::test(start_paused = true)]
async fn what_a_crash_left_behind_is_a_sessions_that_came_before_its_removal_must_have_ended() {
    for (age, is_its_own) in [(566, true), (564, false)] {
        let world = World::new(Setup::default());
        let session = world.session("new").started_ago(Duration::from_secs(age)).start();
        crash_leaves_an_intent(&world, &session, Duration::from_mins(10));
        let report = enforce(&world, "sweep").await;
        let expected = usize::from(is_its_own);
        assert_eq!(report["intents"]["re_registered"], expected, "{age} s: {report:#}");
        assert_eq!(world.registered("sessions").len(), expected, "{age} s");
        assert!(open_intents(&world).is_empty());
    }
}

/// A session has the address of a zombie when it is deregistered, is found by the listing that follows,
/// and dies then: a target that was registered for it would be the next stranger's.
#[tokio::test(start_paused = true)]
async fn a_target_is_not_re_registered_for_a_task_that_has_left_its_address_meanwhile() {
    let world = quick_world();
    let zombie = leave_zombie(&world, 1);
    suspect(&world).await;
    let found: Arc<Mutex<Option<TaskHandle>>> = Arc::default();
    let place = Arc::clone(&found);
    world.before(Api::DeregisterTargets, 1, move |world| {
        *place.lock().unwrap() = Some(world.session("short").at_address(zombie).start());
    });
    world.after(Api::DescribeTasks, 1, move |world| {
        world.crash(found.lock().unwrap().as_ref().expect("it has come"), 137);
    });
    enforce(&world, "sweep").await;
    assert_eq!(world.count(Api::DeregisterTargets), 1, "{}", world.history());
    assert_eq!(world.count(Api::RegisterTargets), 0, "{}", world.history());
    assert_put_right(&world).await;
}

/// What could not be seen is left as it was.
#[tokio::test(start_paused = true)]
async fn a_zombie_that_the_second_look_could_not_see_is_removed_by_the_next_sweep() {
    type Trouble = fn() -> Fault;
    let troubles: [Trouble; 2] = [
        || Fault::on(Api::DescribeTargetHealth).always().denied(),
        || Fault::on(Api::ListTasks).always().denied(),
    ];
    for trouble in troubles {
        let world = quick_world();
        let zombie = leave_zombie(&world, 1);
        suspect(&world).await;
        world.after(Api::PutObject, 1, move |world| world.fault(trouble()));
        let report = enforce(&world, "sweep-1").await;
        assert_eq!(target_in(&report, zombie)["action"], "spared", "{report:#}");
        world.faults_cease();
        tokio::time::sleep(INTERVAL).await;
        enforce(&world, "sweep-2").await;
        assert!(world.registered("sessions").is_empty(), "{}", world.history());
        assert_unharmed(&world);
    }
}

/// What the load balancer says, even if it is no answer of the target, contradicts in a second look as it does in a first.
#[tokio::test(start_paused = true)]
async fn a_zombie_of_which_the_load_balancer_says_something_else_is_suspected_anew() {
    let world = quick_world();
    let zombie = leave_zombie(&world, 1);
    suspect(&world).await;
    world.after(Api::PutObject, 1, move |world| {
        world.report("sessions", zombie, Health::new("unavailable", "Target.HealthCheckDisabled"));
    });
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(target_in(&report, zombie)["action"], "spared", "{report:#}");
    world.report_truth("sessions", zombie);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(target_in(&report, zombie)["row"], "G4 suspected", "{report:#}");
    assert_unharmed(&world);
}

/// Of another account's task a sweep knows nothing but what answers there, and none gives its target back: however long
/// the tasks take to be listed, that is looked at last.
#[tokio::test(start_paused = true)]
async fn a_zombie_that_answers_while_its_holders_are_looked_for_is_not_deregistered() {
    let other_accounts = vec!["theirs".to_owned()];
    let world = quick_world_of(Setup { other_accounts, ..Setup::default() });
    let zombie = leave_zombie(&world, 1);
    suspect(&world).await;
    world.after(Api::PutObject, 1, move |world| {
        world.after(Api::ListTasks, 1, move |world| {
            let comes = world.session("theirs").in_cluster("theirs").unregistered();
            comes.at_address(zombie).start();
        });
    });
    let report = enforce(&world, "sweep").await;
    assert_eq!(target_in(&report, zombie)["action"], "spared", "{}", world.history());
    // And it is suspected anew.
    world.crash(&world.task_of("theirs").unwrap(), 1);
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(target_in(&report, zombie)["row"], "G4 suspected", "{report:#}");
    assert_eq!(world.registered("sessions"), [zombie]);
    assert_unharmed(&world);
}

/// Between a sweep's look and its act the address goes to someone who answers nobody yet: the holders are
/// asked once more right before.
#[tokio::test(start_paused = true)]
async fn a_zombie_whose_address_someone_has_got_since_the_sweeps_look_is_not_deregistered() {
    for (family, cluster) in [("session", "sessions"), ("web", "sessions"), ("web", "elsewhere")] {
        let world = quick_world();
        let zombie = leave_zombie(&world, 1);
        suspect(&world).await;
        world.after(Api::PutObject, 1, move |world| {
            let new = world.session("new").of_family(family).in_cluster(cluster).deaf();
            new.unregistered().at_address(zombie).start();
        });
        let report = enforce(&world, "sweep").await;
        assert_eq!(target_in(&report, zombie)["action"], "spared", "{family}: {report:#}");
        assert_eq!(world.count(Api::DeregisterTargets), 0, "{}", world.history());
        assert_eq!(world.registered("sessions"), [zombie]);
        assert_unharmed(&world);
    }
}
