//! When many leases lapse at once it is the renewal that is broken, not the sessions that are over.

use super::crowd::{HOUR, MINUTE, enforce_with, metric, renewing, stopped, task_row, warns};
use crate::invoke::{INTERVAL, assert_unharmed, enforce, sweeps};
use session_cleanup_tests::world::{Api, Crash, Fault, Setup, TaskHandle, World};
use std::time::Duration;

fn fleet(world: &World, lapsed: u32, leased: u32) -> Vec<TaskHandle> {
    for number in 0..leased {
        renewing(world, &format!("leased-{number}"));
    }
    let lapse = |number| {
        let session = world.session(&format!("lapsed-{number}")).lease_lapsed(MINUTE * 20).start();
        world.renewal_breaks(&session);
        session
    };
    (0..lapsed).map(lapse).collect()
}

#[tokio::test(start_paused = true)]
async fn broken_renewal_in_a_fleet_of_five_stops_nobody() {
    let world = World::new(Setup::default());
    let lapsed = fleet(&world, 5, 0);
    for number in 1..=3 {
        let (report, metrics) = enforce_with(&world, &format!("sweep-{number}"), &[]).await;
        for session in &lapsed {
            assert_eq!(task_row(&report, session), ("T7a lease_lapsed", "kept"), "{report:#}");
        }
        assert!(warns(&report, "leases_lapsing"), "all of them have lapsed");
        assert_eq!(metric(&metrics, "LeasesLapsing"), 1);
        tokio::time::sleep(INTERVAL).await;
    }
    assert_eq!(world.count(Api::ContainerComplete), 0, "{}", world.history());
    assert!(stopped(&world, &lapsed).is_empty());
    assert_unharmed(&world);
}

#[tokio::test(start_paused = true)]
async fn broken_renewal_in_a_fleet_of_five_hundred_stops_nobody_and_is_reported() {
    // Of all of them, and of so few that new sessions still bring fresh leases.
    for (broken, fresh) in [(500, 0), (126, 374)] {
        let world = World::new(Setup::default());
        let lapsed = fleet(&world, broken, fresh);
        let (report, metrics) = enforce_with(&world, "sweep", &[]).await;
        assert!(warns(&report, "leases_lapsing"), "{:#}", report["warnings"]);
        assert_eq!(metric(&metrics, "LeasesLapsing"), 1);
        assert_eq!(report["counts"]["tasks_by_row"]["T7a lease_lapsed"], broken);
        assert_eq!(world.count(Api::ContainerComplete), 0);
        assert!(stopped(&world, &lapsed).is_empty());
        assert_unharmed(&world);
    }
}

/// The other side of the same row: what lapses among the living is over.
#[tokio::test(start_paused = true)]
async fn a_quarter_of_the_leases_that_lapse_are_orphans_and_one_more_is_none() {
    for (count, row) in [(15, "T7 lease_expired"), (16, "T7a lease_lapsed")] {
        let world = World::new(Setup::default());
        let lapsed = fleet(&world, count, 62 - count);
        let report = enforce(&world, "sweep").await;
        for session in &lapsed {
            assert_eq!(task_row(&report, session).0, row, "{count}: {report:#}");
        }
        let expected = if row == "T7 lease_expired" { 15 } else { 0 };
        assert_eq!(stopped(&world, &lapsed).len(), expected, "{}", world.history());
        assert_unharmed(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lapsed_lease_says_nothing_while_one_of_two_clusters_is_not_listed() {
    let clusters = vec!["sessions".to_owned(), "more-sessions".to_owned()];
    let world = World::new(Setup { clusters, ..Setup::default() });
    let lapsed = fleet(&world, 1, 3).remove(0);
    world.fault(Fault::on(Api::ListTasks).of("more-sessions").always().server_error());
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_row(&report, &lapsed), ("T7a lease_lapsed", "kept"), "{report:#}");
    assert!(!world.is_stopping(&lapsed));
    world.faults_cease();
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(task_row(&report, &lapsed), ("T7 lease_expired", "acted"), "{report:#}");
    assert_unharmed(&world);
}

/// Its owner renews it in a way that we don't understand. The hard age bounds that.
#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_read_is_not_known_to_be_over() {
    let world = World::new(Setup::default());
    let lease = |age| world.session("leased").started_ago(age).tag("lease-expires-at", "tomorrow");
    let (leased, ancient) = (lease(HOUR * 5).start(), lease(HOUR * 25).start());
    let report = enforce(&world, "sweep").await;
    assert_eq!(task_row(&report, &leased), ("T6 lease_unreadable", "kept"), "{report:#}");
    assert!(!world.is_stopping(&leased) && world.completion_calls(&leased).is_empty());
    assert_eq!(task_row(&report, &ancient), ("T5 beyond_hard_age", "acted"), "{report:#}");
    assert_unharmed(&world);
}

/// Few owners have adopted leases in a large fleet that has not, and their renewal breaks. A lease of the
/// year 2099 that someone has forgotten is no proof that renewal works.
#[tokio::test(start_paused = true)]
async fn broken_renewal_of_few_owners_in_a_large_fleet_stops_nobody_and_is_reported() {
    for (unleased, broken, renewed, forgotten) in
        [(300, 60, 1, 0), (300, 10, 1, 0), (300, 10, 0, 1), (40, 2, 1, 5), (0, 1, 0, 1)]
    {
        let world = World::new(Setup::default());
        for number in 0..unleased {
            world.session(&format!("unleased-{number}")).start();
        }
        for number in 0..forgotten {
            let lease = "2099-01-01T00:00:00Z";
            world.session(&format!("f-{number}")).tag("lease-expires-at", lease).start();
        }
        let lapsed = fleet(&world, broken, renewed);
        for number in 1..=3 {
            let (report, _) = enforce_with(&world, &format!("sweep-{number}"), &[]).await;
            let is_told = warns(&report, "leases_lapsing");
            assert_eq!(is_told, broken > 1, "{broken} {:#}", report["warnings"]);
            tokio::time::sleep(INTERVAL).await;
        }
        assert!(stopped(&world, &lapsed).is_empty(), "{broken} of {}", broken + renewed);
        assert_eq!(world.count(Api::ContainerComplete), 0);
        assert_unharmed(&world);
    }
}

/// They get past a guard that looks at one moment only: each sweep sees two or three.
#[tokio::test(start_paused = true)]
async fn broken_renewal_whose_leases_lapse_one_after_the_other_stops_few_and_is_reported() {
    let world = World::new(Setup::default());
    renewing(&world, "works");
    let broken: Vec<TaskHandle> = (0..60)
        .map(|number| {
            world.session(&format!("broken-{number}")).leased_for(MINUTE * 2 * number).start()
        })
        .collect();
    let mut warned = 0;
    for number in 1..=24 {
        let report = enforce(&world, &format!("sweep-{number}")).await;
        warned += usize::from(warns(&report, "leases_lapsing"));
        let stopped = stopped(&world, &broken).len();
        assert!(stopped <= 61 / 4, "{stopped} in sweep {number}: {:#}", report["counts"]);
        tokio::time::sleep(INTERVAL).await;
    }
    assert!(warned > 0, "somebody must be told");
    assert_unharmed(&world);
}

/// Leases that run were set when the sessions began: that nobody extends them is what is to be found out.
#[tokio::test(start_paused = true)]
async fn leases_that_only_run_prove_no_renewal() {
    let world = World::new(Setup::default());
    for number in 0..10 {
        world.session(&format!("leased-{number}")).leased_for(HOUR * 3).start();
    }
    let lapsed = world.session("lapsed").lease_lapsed(MINUTE * 20).start();
    for report in sweeps(&world, "sweep", 6).await {
        assert_eq!(task_row(&report, &lapsed), ("T7a lease_lapsed", "kept"), "{report:#}");
        world.session("new").leased_for(HOUR * 4).start();
    }
    assert!(!world.is_stopping(&lapsed));
    let works = world.session("works").renewed_for(HOUR).start();
    let reports = sweeps(&world, "renewed", 2).await;
    assert_eq!(task_row(&reports[0], &lapsed), ("T7a lease_lapsed", "kept"), "seen once");
    assert_eq!(task_row(&reports[1], &lapsed), ("T7 lease_expired", "acted"), "{:#}", reports[1]);
    assert!(world.is_live(&works));
    assert_unharmed(&world);
}

/// What one that is incomplete did not see is no news of a lease.
#[tokio::test(start_paused = true)]
async fn a_sweep_that_did_not_see_all_remembers_the_leases_as_they_were() {
    let clusters = vec!["sessions".to_owned(), "batch".to_owned()];
    let world = World::new(Setup { clusters, ..Setup::default() });
    let once = world.session("once").leased_for(HOUR).start();
    let lapsed = world.session("lapsed").lease_lapsed(MINUTE * 20).start();
    enforce(&world, "whole").await;
    world.set_tag(&once, "lease-expires-at", &(world.now() + HOUR * 2).to_string());
    world.fault(Fault::on(Api::ListTasks).of("batch").always().server_error());
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "incomplete").await;
    assert_eq!(task_row(&report, &lapsed), ("T7a lease_lapsed", "kept"), "{report:#}");
    world.faults_cease();
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "whole-again").await;
    assert_eq!(task_row(&report, &lapsed), ("T7 lease_expired", "acted"), "{report:#}");
    assert_unharmed(&world);
}

/// Someone sets it anew, and later still: it is no lease that would ever lapse.
#[tokio::test(start_paused = true)]
async fn a_lease_of_the_year_2099_proves_nothing_even_where_it_is_extended() {
    let world = World::new(Setup::default());
    let forgotten = world.session("forgotten").tag("lease-expires-at", "2098-01-01T00:00:00Z");
    let forgotten = forgotten.start();
    let lapsed = world.session("lapsed").lease_lapsed(MINUTE * 20).start();
    for year in 2099..2103 {
        let report = enforce(&world, &format!("sweep-{year}")).await;
        assert_eq!(task_row(&report, &lapsed), ("T7a lease_lapsed", "kept"), "{report:#}");
        world.set_tag(&forgotten, "lease-expires-at", &format!("{year}-01-01T00:00:00Z"));
        tokio::time::sleep(INTERVAL).await;
    }
    assert_unharmed(&world);
}

/// In most sweeps nothing is seen to be extended.
#[tokio::test(start_paused = true)]
async fn renewals_that_are_rarer_than_sweeps_do_not_begin_the_salvage_window_anew() {
    let world = World::new(Setup::default());
    let rare = world.session("rare").leased_for(HOUR).start();
    let orphan = world.session("orphan").lease_lapsed(MINUTE * 20).upload_never_works().start();
    let mut sweeps = 0;
    while !world.is_stopping(&orphan) {
        if sweeps % 3 == 1 {
            let end = world.now() + HOUR;
            world.set_tag(&rare, "lease-expires-at", &end.to_string());
        }
        sweeps += 1;
        assert!(sweeps < 14, "it is never given up\n{}", world.history());
        enforce(&world, &format!("sweep-{sweeps}")).await;
        tokio::time::sleep(INTERVAL).await;
    }
    assert_unharmed(&world);
}

/// Of one owner whose renewal breaks: the first lease has lapsed, the second lapses after the first sweep.
fn lapse_one_after_the_other(world: &World) -> [TaskHandle; 2] {
    renewing(world, "works");
    let first = world.session("first").lease_lapsed(MINUTE * 20).dies_on_sigterm().start();
    let second = world.session("second").leased_for(MINUTE).start();
    for session in [&first, &second] {
        world.renewal_breaks(session);
    }
    [first, second]
}

/// The second looks like the broken renewal that it is, unless the first is forgotten.
async fn assert_one_of_them_is_left(world: &World, both: [TaskHandle; 2], told: &str) {
    for report in sweeps(world, "later", 6).await {
        let stopped = stopped(world, &both);
        assert!(stopped.len() < 2, "{told}: {report:#}\n{}", world.history());
    }
    assert_unharmed(world);
}

#[tokio::test(start_paused = true)]
async fn who_was_stopped_for_a_lease_is_remembered_whatever_becomes_of_the_memory() {
    let memory = |nth| Fault::on(Api::PutObject).of("suspects.json").nth(nth);
    let troubles = [
        memory(1).answer_lost(),
        memory(2).answer_lost(),
        memory(1).always().answer_hangs(),
        memory(1).always().server_error(),
        memory(2).always().server_error(),
        memory(2).always().denied(),
        memory(2).always().hangs(),
        // It ends at SIGTERM: when the reaper looks again it is over.
        Fault::on(Api::StopTask).answer_hangs(),
        Fault::on(Api::StopTask).answer_lost(),
        Fault::on(Api::StopTask).always().server_error(),
    ];
    // A look may lag behind a stop, which deletes the tags at once.
    let lags = [Duration::ZERO, Duration::from_secs(2)];
    for (trouble, reads_lag) in
        troubles.into_iter().flat_map(|one| lags.map(|lag| (one.clone(), lag)))
    {
        let world = World::new(Setup { reads_lag, ..Setup::default() });
        let both = lapse_one_after_the_other(&world);
        world.fault(trouble.clone());
        enforce(&world, "troubled").await;
        world.faults_cease();
        tokio::time::sleep(INTERVAL).await;
        assert_one_of_them_is_left(&world, both, &format!("{trouble:?}, {reads_lag:?}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_stopped_for_a_lease_is_remembered_wherever_the_reaper_dies() {
    let world = World::new(Setup::default());
    lapse_one_after_the_other(&world);
    enforce(&world, "dying").await;
    let calls = world.count_by("dying");
    assert!(calls > 10, "{calls}");
    for number in 1..=calls {
        let world = World::new(Setup::default());
        let both = lapse_one_after_the_other(&world);
        let sweep = enforce(&world, "dying");
        let _ = world.run_until_crash("dying", Crash::After(number), sweep).await;
        tokio::time::sleep(INTERVAL).await;
        assert_one_of_them_is_left(&world, both, &format!("dies after call {number}")).await;
    }
}

/// The number of the call by which the first of [`lapse_one_after_the_other`] is asked: what the sweep is about to do is
/// written down before.
async fn first_question() -> usize {
    let world = World::new(Setup::default());
    let _both = lapse_one_after_the_other(&world);
    enforce(&world, "dying").await;
    world.calls().iter().position(|call| call.api == Api::ContainerComplete).unwrap() + 1
}

/// The sweep that was about to stop it died, and its owner extends its lease.
#[tokio::test(start_paused = true)]
async fn who_was_not_stopped_for_a_lease_and_is_leased_again_keeps_nobody_else() {
    for ends in [false, true] {
        let world = World::new(Setup::default());
        let [first, second] = lapse_one_after_the_other(&world);
        let sweep = enforce(&world, "dying");
        let _ = world.run_until_crash("dying", Crash::Before(first_question().await), sweep).await;
        world.set_tag(&first, "lease-expires-at", &(world.now() + HOUR * 3).to_string());
        sweeps(&world, "next", 2).await;
        // Nor once it is over for another reason.
        if ends {
            world.operator_stops(&first, "by hand");
        }
        sweeps(&world, "later", 4).await;
        assert!(world.is_stopping(&second), "{ends}: {}", world.history());
        assert_eq!(world.is_stopping(&first), ends, "{}", world.history());
        assert_unharmed(&world);
    }
}

/// The same, and its owner ends it; its upload takes long.
#[tokio::test(start_paused = true)]
async fn who_was_not_stopped_for_a_lease_and_is_ended_by_its_owner_keeps_nobody_else() {
    let world = World::new(Setup::default());
    let [first, second] = lapse_one_after_the_other(&world);
    world.behaves(&first, |container| {
        container.answers_202 = true;
        container.uploads_in = HOUR * 10;
    });
    let sweep = enforce(&world, "dying");
    let _ = world.run_until_crash("dying", Crash::Before(first_question().await), sweep).await;
    world.owner_ends(&first);
    world.set_tag(&first, "session-ended-at", &world.now().to_string());
    tokio::time::sleep(INTERVAL).await;
    sweeps(&world, "next", 6).await;
    assert!(world.is_stopping(&second), "{}", world.history());
    assert_unharmed(&world);
}

/// The same, and an operator protects it.
#[tokio::test(start_paused = true)]
async fn who_was_not_stopped_for_a_lease_and_is_protected_keeps_nobody_else() {
    let world = World::new(Setup::default());
    let [first, second] = lapse_one_after_the_other(&world);
    let sweep = enforce(&world, "dying");
    let _ = world.run_until_crash("dying", Crash::Before(first_question().await), sweep).await;
    world.set_tag(&first, "cleanup-protection", "true");
    tokio::time::sleep(INTERVAL).await;
    sweeps(&world, "next", 6).await;
    assert!(!world.is_stopping(&first) && world.is_stopping(&second), "{}", world.history());
    assert_unharmed(&world);
}

/// It is decided as if renewal were not known to work; what hangs on no other lease is done all the same.
#[tokio::test(start_paused = true)]
async fn nobody_is_stopped_for_a_lease_where_that_cannot_be_written_down() {
    let world = World::new(Setup { target_groups: Vec::new(), ..Setup::default() });
    renewing(&world, "works");
    for number in 0..8 {
        world.session(&format!("leased-{number}")).leased_for(HOUR).start();
    }
    let lapsed = world.session("lapsed").lease_lapsed(MINUTE * 20).start();
    let long_ago = world.session("long-ago").lease_lapsed(HOUR * 3).start();
    world.fault(Fault::on(Api::PutObject).of("suspects.json").times(3).denied());
    let report = enforce(&world, "sweep-1").await;
    assert_eq!(task_row(&report, &lapsed), ("T7a lease_lapsed", "kept"), "{report:#}");
    assert_eq!(task_row(&report, &long_ago), ("T7 lease_expired", "acted"), "{report:#}");
    world.faults_cease();
    tokio::time::sleep(INTERVAL).await;
    let report = enforce(&world, "sweep-2").await;
    assert_eq!(task_row(&report, &lapsed), ("T7 lease_expired", "acted"), "{report:#}");
    assert_unharmed(&world);
}
