//! A listing that fails, or is cut short: nothing that rests on it is decided.

use super::fleet::{
    Living, Why, assert_keeps_its_target, assert_put_right, leave_zombie, quick_world_of, suspect,
};
use crate::invoke::{assert_clean, enforce, target_in, task_in};
use session_cleanup_tests::world::{Api, Fault, Setup, TaskHandle, World};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Two clusters: `sessions` with two pages of living sessions, `batch` with an orphan of each cause.
struct Two {
    world: World,
    living: Living,
    orphans: [TaskHandle; 4],
    /// In the cluster whose listing fails.
    ended: TaskHandle,
    zombie: Ipv4Addr,
}

async fn two_clusters() -> Two {
    let clusters = vec!["sessions".to_owned(), "batch".to_owned()];
    let world = quick_world_of(Setup { clusters, ..Setup::default() });
    let living = Living::start(&world);
    for number in 0..150 {
        world.session(&format!("s-{number}")).start();
    }
    let ended = Why::Ended.apply(world.session("ended-here"), &world).start();
    let orphans = Why::ALL.map(|why| {
        let session = world.session(&format!("{why:?}")).in_cluster("batch");
        why.apply(session, &world).start()
    });
    let zombie = leave_zombie(&world, 1);
    suspect(&world).await;
    Two { world, living, orphans, ended, zombie }
}

/// What rests on no other listing is done in the other cluster; nothing else is.
async fn with_a_missing_listing(what: &str, fault: Fault) {
    let Two { world, living, orphans, ended, zombie } = two_clusters().await;
    world.fault(fault);
    let report = enforce(&world, "sweep").await;
    let not_decided = report["not_decided"].as_array().unwrap();
    assert!(
        not_decided.iter().any(|line| line.to_string().contains("sessions")),
        "{what}: {report:#}"
    );
    assert!(report["warnings"].as_array().unwrap().contains(&"incomplete".into()), "{what}");
    for (orphan, why) in orphans.iter().zip(Why::ALL) {
        match why {
            // Rows 4, 5 and 8, and the container's own word.
            Why::Ended | Why::Old | Why::Done => assert_clean(&world, orphan),
            // Row 7 needs all leases.
            Why::Lapsed => {
                assert_eq!(
                    task_in(&report, orphan)["row"],
                    "T7a lease_lapsed",
                    "{what}: {report:#}"
                );
                assert!(!world.is_stopping(orphan), "{what}\n{}", world.history());
                assert_keeps_its_target(&world, orphan);
                assert!(world.completion_calls(orphan).is_empty(), "{what}");
            }
        }
    }
    assert_eq!(target_in(&report, zombie)["row"], "G7 undecided", "{what}: {report:#}");
    assert!(world.registered("sessions").contains(&zombie), "{what}");
    world.faults_cease();
    assert_put_right(&world).await;
    living.assert_untouched(&world);
    assert!(world.is_stopping(&ended), "{what}");
}

#[tokio::test(start_paused = true)]
async fn while_one_of_two_clusters_is_not_listed_whole_the_others_certain_orphans_are_reaped() {
    let kinds: [(&str, fn(Fault) -> Fault); 4] = [
        ("throttled", Fault::throttled),
        ("server error", Fault::server_error),
        ("reset", Fault::reset),
        ("hangs", Fault::hangs),
    ];
    for (kind, failing) in kinds {
        let listing = Fault::on(Api::ListTasks).of("sessions").by("sweep").always();
        with_a_missing_listing(&format!("the listing is {kind}"), failing(listing)).await;
        let page = Fault::on(Api::ListTasks).of("sessions").by("sweep").nth(2).always();
        with_a_missing_listing(&format!("its second page is {kind}"), failing(page)).await;
        let tasks = Fault::on(Api::DescribeTasks).of("/sessions/").by("sweep").nth(2).always();
        with_a_missing_listing(&format!("a page of its tasks is {kind}"), failing(tasks)).await;
    }
}

/// ECS reads are eventually consistent: a task that has just been started may be listed and not be
/// known. The listing is not whole then, and the orphans on its other pages are reaped all the same.
#[tokio::test(start_paused = true)]
async fn one_task_that_cannot_be_read_keeps_no_orphan_from_being_seen() {
    let world = quick_world_of(Setup::default());
    let orphans: Vec<TaskHandle> = (0..10)
        .map(|number| Why::Old.apply(world.session(&format!("old-{number}")), &world).start())
        .collect();
    for number in 0..300 {
        world.session(&format!("s-{number}")).start();
    }
    let zombie = leave_zombie(&world, 1);
    suspect(&world).await;
    world
        .session("new")
        .started_ago(Duration::ZERO)
        .undescribed_for(Duration::from_mins(2))
        .start();
    let report = enforce(&world, "sweep").await;
    assert!(report["not_decided"][0].as_str().unwrap().contains("MISSING"), "{report:#}");
    assert_eq!(report["counts"]["session_tasks"], 310, "{:#}", report["counts"]);
    for orphan in &orphans {
        assert_clean(&world, orphan);
    }
    assert_eq!(target_in(&report, zombie)["row"], "G7 undecided", "{report:#}");
    assert!(world.registered("sessions").contains(&zombie));
}
