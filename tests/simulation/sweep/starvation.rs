//! One victim's failure never ends the sweep, and never takes another's place.

use super::crowd::{healthy, left_targets, stopped, target_row, task_row, too_old};
use crate::invoke::{INTERVAL, assert_unharmed, enforce, look, receipt, sweeps};
use session_cleanup_tests::world::{Api, Fault, SessionBuilder, Setup, World};

#[tokio::test(start_paused = true)]
async fn orphans_that_never_upload_do_not_starve_younger_ones() {
    let world = World::new(Setup::default());
    let unsaved = too_old(&world, "a-unsaved", 15, SessionBuilder::upload_never_works);
    let good = too_old(&world, "b-good", 15, |session| session.started_ago(super::crowd::HOUR * 3));
    let report = enforce(&world, "sweep-1").await;
    for (number, orphan) in unsaved.iter().enumerate() {
        let action = if number < 10 { "tried" } else { "waits" };
        assert_eq!(task_row(&report, orphan), ("T8 too_old", action), "{report:#}");
    }
    assert_eq!(world.count(Api::ContainerComplete), 10, "who was asked was touched");
    for number in 2..=3 {
        tokio::time::sleep(INTERVAL).await;
        enforce(&world, &format!("sweep-{number}")).await;
        assert_eq!(world.count(Api::ContainerComplete), number * 10, "at most ten in each sweep");
    }
    assert_eq!(stopped(&world, &good).len(), 15, "who was tried comes after those who waited");
    assert!(stopped(&world, &unsaved).is_empty());
    assert_unharmed(&world);
}

/// Whatever keeps a sweep from stopping anyone: it has touched no more than its limit.
#[tokio::test(start_paused = true)]
async fn where_nobody_can_be_stopped_no_more_are_touched_than_the_blast_radius_allows() {
    for fault in [
        Fault::on(Api::StopTask).always().denied(),
        Fault::on(Api::HeadObject).always().denied(),
        Fault::on(Api::PutObject).of("intents/").always().denied(),
        Fault::on(Api::ContainerComplete).always().server_error(),
    ] {
        let world = World::new(Setup::default());
        healthy(&world, 60);
        too_old(&world, "old", 40, |session| session);
        world.fault(fault);
        let report = enforce(&world, "sweep").await;
        assert_eq!(world.count(Api::ContainerComplete), 25, "a quarter of a hundred");
        assert!(100 - world.registered("sessions").len() <= 25, "{report:#}");
        assert!(super::crowd::warns(&report, "blast_radius_reached"), "{report:#}");
        let confirmed = report["counts"]["confirmed_running"].as_u64().unwrap();
        assert!(confirmed <= 25, "{report:#}");
    }
}

/// What AWS refuses was touched all the same, and takes no other's turn for ever.
#[tokio::test(start_paused = true)]
async fn orphans_that_aws_refuses_to_stop_do_not_starve_younger_ones() {
    for effect in [Fault::invalid, Fault::denied] {
        let world = World::new(Setup::default());
        let refused = too_old(&world, "a-refused", 15, |session| session);
        let good =
            too_old(&world, "b-good", 15, |session| session.started_ago(super::crowd::HOUR * 3));
        for orphan in &refused {
            world.fault(effect(Fault::on(Api::StopTask).of(orphan.arn()).always()));
        }
        let mut reports = Vec::new();
        for number in 1..=3 {
            reports.push(enforce(&world, &format!("sweep-{number}")).await);
            tokio::time::sleep(INTERVAL).await;
        }
        assert_eq!(stopped(&world, &good).len(), 15, "{}", world.history());
        for orphan in &refused {
            assert!(!world.is_stopping(orphan));
            let tried = |report| task_row(report, orphan) == ("T8 too_old", "tried");
            assert!(reports.iter().any(tried), "{:#}", reports[0]);
        }
        assert_unharmed(&world);
        world.faults_cease();
        for number in 4..=5 {
            enforce(&world, &format!("sweep-{number}")).await;
            tokio::time::sleep(INTERVAL).await;
        }
        assert_eq!(stopped(&world, &refused).len(), 15, "a refusal is not for ever");
        assert_unharmed(&world);
    }
}

/// A stop without an answer may have been one, so it counts; it is bounded all the same.
#[tokio::test(start_paused = true)]
async fn stops_without_an_answer_count_towards_the_blast_radius() {
    let world = World::new(Setup::default());
    let old = too_old(&world, "old", 30, |session| session);
    world.fault(Fault::on(Api::StopTask).always().answer_hangs());
    let report = enforce(&world, "sweep").await;
    let stopping = stopped(&world, &old).len();
    assert_eq!(stopping, 10, "no more than the blast radius\n{}", world.history());
    assert_eq!(report["counts"]["orphans"], 30);
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_refused_does_not_keep_those_of_the_same_call() {
    let world = World::new(Setup::default());
    let zombies = left_targets(&world, "sessions", 5);
    let stuck = format!("{}:8080", zombies[0]);
    world.fault(Fault::on(Api::DeregisterTargets).of(stuck).always().invalid());
    look(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(target_row(&report, zombies[0]), ("G5 zombie", "tried"), "{report:#}");
    assert_eq!(world.registered("sessions"), zombies[..1], "{}", world.history());
    assert_unharmed(&world);
}

/// An address may become someone's between two attempts: what fails is the next sweep's. Only what was refused
/// together is tried apart, once.
#[tokio::test(start_paused = true)]
async fn a_zombie_whose_deregistration_fails_is_not_tried_twice_by_one_sweep() {
    let effects: [(fn(Fault) -> Fault, u8, usize); 5] = [
        (Fault::impossible, 1, 1),
        (Fault::impossible, 3, 4),
        (Fault::throttled, 3, 1),
        (Fault::server_error, 3, 1),
        (Fault::throttled, 1, 1),
    ];
    for (effect, zombies, calls) in effects {
        let world = World::new(Setup::default());
        let left = left_targets(&world, "sessions", zombies);
        world.fault(effect(Fault::on(Api::DeregisterTargets).always()));
        look(&world, "sweep-1").await;
        tokio::time::sleep(INTERVAL).await;
        enforce(&world, "sweep-2").await;
        assert_eq!(world.count(Api::DeregisterTargets), calls, "{}", world.history());
        assert_eq!(world.registered("sessions"), left);
        assert_unharmed(&world);
    }
}

/// One without an answer may have been done, so it counts; one that was refused was not, and makes room.
#[tokio::test(start_paused = true)]
async fn of_deregistrations_those_without_an_answer_count_towards_the_blast_radius() {
    let lost = Fault::on(Api::DeregisterTargets).always().answer_lost();
    let refused = Fault::on(Api::DeregisterTargets).of("127.0.99.1:8080").always().impossible();
    for fault in [lost, refused] {
        let world = World::new(Setup::default());
        left_targets(&world, "sessions", 60);
        look(&world, "sweep-1").await;
        tokio::time::sleep(INTERVAL).await;
        world.fault(fault.clone());
        enforce(&world, "sweep-2").await;
        assert_eq!(world.registered("sessions").len(), 45, "{fault:?}\n{}", world.history());
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_we_may_not_change_does_not_keep_another_ones_targets() {
    let target_groups = vec!["denied".to_owned(), "sessions".to_owned()];
    let world = World::new(Setup { target_groups, ..Setup::default() });
    left_targets(&world, "denied", 12);
    left_targets(&world, "sessions", 9);
    let arn = world.setup().target_group_arn("denied");
    world.fault(Fault::on(Api::DeregisterTargets).of(arn).always().denied());
    look(&world, "sweep-1").await;
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(report["counts"]["deregistered"], 9, "{report:#}");
    assert_eq!(world.registered("denied").len(), 12);
    assert!(world.registered("sessions").is_empty());
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn one_victims_panic_is_its_own() {
    for api in [Api::ContainerComplete, Api::HeadObject, Api::StopTask] {
        let world = World::new(Setup::default());
        healthy(&world, 3);
        let old = too_old(&world, "old", 5, |session| session);
        world.before(api, 2, |_| panic!("a defect of ours"));
        let report = enforce(&world, "sweep-1").await;
        let done = report["counts"]["reaped"].as_u64().unwrap();
        assert_eq!(done, 4, "{api}: {report:#}");
        let tried = report["tasks"].as_array().unwrap().iter();
        let why: Vec<&str> = tried
            .filter(|finding| finding["action"] == "tried")
            .map(|finding| finding["result"].as_str().unwrap())
            .collect();
        assert!(matches!(why.as_slice(), [one] if one.contains("panicked")), "{why:?}");
        tokio::time::sleep(INTERVAL).await;
        enforce(&world, "sweep-2").await;
        assert_eq!(stopped(&world, &old).len(), 5);
        assert_unharmed(&world);
    }
}

/// For ever: the same victim fails in every sweep, and every sweep does the rest of its work.
#[tokio::test(start_paused = true)]
async fn one_that_fails_for_ever_never_ends_a_sweep() {
    let calls = [Api::ContainerComplete, Api::StopTask];
    for (api, effect) in calls.into_iter().flat_map(|api| {
        let effects: [fn(Fault) -> Fault; 5] =
            [Fault::invalid, Fault::denied, Fault::server_error, Fault::reset, Fault::hangs];
        effects.map(|effect| (api, effect))
    }) {
        let world = World::new(Setup::default());
        let cursed = world.session("cursed").started_ago(super::crowd::HOUR * 13).start();
        let subject = match api {
            Api::ContainerComplete => cursed.session_id(),
            _ => cursed.arn(),
        };
        world.fault(effect(Fault::on(api).of(subject).always()));
        for number in 1..=3 {
            let next = too_old(&world, &format!("fleet-{number}"), 5, |session| session);
            let report = enforce(&world, &format!("sweep-{number}")).await;
            assert_eq!(stopped(&world, &next).len(), 5, "{api} {report:#}");
            assert_ne!(receipt(&world, &cursed).as_deref(), Some("cleaned"));
            tokio::time::sleep(INTERVAL).await;
        }
        assert!(!world.is_stopping(&cursed));
        assert_unharmed(&world);
    }
}

/// Its owner said that it is over: nothing of it is registered again, and no alarm tells of a live session.
#[tokio::test(start_paused = true)]
async fn the_target_of_an_ended_session_whose_stop_is_refused_is_not_re_registered() {
    let world = World::new(Setup::default());
    let ended = world.session("ended").upload_never_works().start();
    world.owner_ends(&ended);
    world.set_tag(&ended, "session-ended-at", &world.now().to_string());
    sweeps(&world, "unsaved", 6).await;
    world.fault(Fault::on(Api::StopTask).always().denied());
    for number in 1..=3 {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        assert_eq!(task_row(&report, &ended), ("T4 ended", "tried"), "{report:#}");
        assert!(world.registered("sessions").is_empty());
        tokio::time::sleep(INTERVAL).await;
    }
    assert_eq!(world.count(Api::RegisterTargets), 0, "{}", world.history());
    world.faults_cease();
    enforce(&world, "sweep-4").await;
    assert!(world.is_stopping(&ended));
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn orphans_whose_cleanups_panic_do_not_starve_younger_ones() {
    let world = World::new(Setup::default());
    let cursed = too_old(&world, "a-cursed", 10, |session| session);
    let good = too_old(&world, "b-good", 10, |session| session.started_ago(super::crowd::HOUR * 3));
    for nth in 1..=10 {
        world.before(Api::ContainerComplete, nth, |_| panic!("a defect of ours"));
    }
    enforce(&world, "sweep-1").await;
    assert!(stopped(&world, &good).is_empty());
    tokio::time::sleep(INTERVAL).await;
    enforce(&world, "sweep-2").await;
    assert_eq!(stopped(&world, &good).len(), 10, "{}", world.history());
    assert!(stopped(&world, &cursed).is_empty());
}
