//! What goes wrong in the field, and what the reaper's own binary makes of it. The numbers are those
//! of `docs/decisions/field-failures.md`.

use crate::patrol::{Patrol, QUICK, patrol, target_in, task_in};
use serde_json::json;
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Fault};
use std::net::Ipv4Addr;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// 4: nobody is left to end it.
#[test]
fn a_session_whose_owner_crashed_is_reaped_and_its_artifacts_are_saved() {
    patrol(20, &[], async |patrol| {
        let orphan = patrol.session("owner-crashed").lease_lapsed(MINUTE * 20);
        let orphan = patrol.start(orphan).await;
        let leased = patrol.session("owner-lives").renewed_for(MINUTE * 5);
        let leased = patrol.start(leased).await;
        // Between two sweeps: long enough for its owner to extend the other lease.
        let renewal = Duration::from_secs(4);
        let report = patrol.report().await;
        assert_eq!(task_in(&report, &orphan)["row"], "T7a lease_lapsed", "{report:#}");
        tokio::time::sleep(renewal).await;
        let report = patrol.report().await;
        assert_eq!(task_in(&report, &orphan)["action"], "would_act", "{report:#}");
        patrol.assert_untouched(&orphan, 1);
        tokio::time::sleep(renewal).await;
        let report = patrol.enforce().await;
        assert_eq!(task_in(&report, &orphan)["row"], "T7 lease_expired", "{report:#}");
        assert_eq!(task_in(&report, &orphan)["action"], "acted", "{report:#}");
        patrol.assert_clean(&orphan);
        patrol.assert_untouched(&leased, 1);
    });
}

/// 4: a task that was kept because its upload failed.
#[test]
fn a_task_whose_upload_never_works_is_stopped_after_the_salvage_window_and_its_loss_is_recorded() {
    patrol(21, &[("SALVAGE_WINDOW", "3s")], async |patrol| {
        patrol.world.adjust(|setup| setup.salvage_window = Duration::from_secs(3));
        let kept = patrol.session("upload-failed").ended_by_owner().upload_never_works();
        let now = patrol.world.now().to_string();
        let kept = patrol.start(kept.tag("session-ended-at", &now)).await;
        let report = patrol.enforce().await;
        assert_eq!(task_in(&report, &kept)["action"], "tried", "{report:#}");
        assert!(!patrol.world.is_stopping(&kept), "its window is open");
        assert!(patrol.is_registered(kept.address()), "nothing is confirmed");
        patrol.half_an_interval_passes().await;
        patrol.half_an_interval_passes().await;
        let report = patrol.enforce().await;
        assert_eq!(task_in(&report, &kept)["action"], "acted", "{report:#}");
        assert_eq!(patrol.world.receipts()[kept.id()]["outcome"], "artifacts_lost");
        assert!(patrol.world.is_stopping(&kept));
        assert!(!patrol.is_registered(kept.address()));
    });
}

/// 6: the fail-safe of one user ended the sessions of all.
#[test]
fn a_forced_cluster_spares_newer_leased_and_protected_sessions_and_other_clusters() {
    patrol(22, &[], async |patrol| {
        patrol.world.add_cluster("another");
        let old = patrol.session("old");
        let old = patrol.start(old.started_ago(MINUTE * 10)).await;
        let leased = patrol.session("leased").leased_for(MINUTE);
        let leased = patrol.start(leased.started_ago(MINUTE * 10)).await;
        let protected = patrol.session("protected").tag("cleanup-protection", "true");
        let protected = patrol.start(protected.started_ago(MINUTE * 10)).await;
        let elsewhere = patrol.session("elsewhere").in_cluster("another");
        let elsewhere = patrol.start(elsewhere.started_ago(MINUTE * 10)).await;
        let newer = patrol.session("newer");
        let newer = patrol.start(newer.started_ago(MINUTE)).await;
        let before = patrol.world.now() - MINUTE * 5;
        patrol.world.allow_force("sessions", before);
        let order = json!({"cluster": "sessions", "created_before": before.to_string()});
        let report = patrol.order(&json!({"mode": "enforce", "force_cluster": order})).await;
        assert_eq!(task_in(&report, &old)["row"], "TF forced", "{report:#}");
        patrol.assert_clean(&old);
        for (spared, tags) in [(&leased, 1), (&protected, 1), (&elsewhere, 0), (&newer, 0)] {
            patrol.assert_untouched(spared, tags);
        }
        assert_eq!(patrol.world.count(Api::StopTask), 1);
    });
}

/// 7: a task that died by itself leaves its target behind.
#[test]
fn the_target_of_a_dead_task_is_deregistered_by_the_second_sweep() {
    patrol(23, &[], async |patrol| {
        let lives = patrol.session("lives");
        let lives = patrol.start(lives).await;
        let dead = patrol.session("out-of-memory").stopped_ago(137, MINUTE * 5).start();
        let report = patrol.enforce().await;
        assert_eq!(target_in(&report, dead.address())["action"], "suspected", "{report:#}");
        assert!(patrol.is_registered(dead.address()), "seen once");
        patrol.half_an_interval_passes().await;
        let report = patrol.enforce().await;
        assert_eq!(target_in(&report, dead.address())["row"], "G5 zombie", "{report:#}");
        assert_eq!(target_in(&report, dead.address())["action"], "acted", "{report:#}");
        assert!(!patrol.is_registered(dead.address()));
        patrol.assert_untouched(&lives, 0);
        let calls = patrol.world.calls().len();
        let report = patrol.enforce().await;
        assert_eq!(target_in(&report, dead.address()), &json!(null), "{report:#}");
        let acts = |api| matches!(api, Api::DeregisterTargets | Api::RegisterTargets);
        assert!(!patrol.world.calls()[calls..].iter().any(|call| acts(call.api)));
    });
}

/// 8: the address goes to a new session while its old target is still there.
#[test]
fn a_new_session_at_the_address_of_a_zombie_keeps_its_traffic() {
    patrol(24, &[], async |patrol| {
        let dead = patrol.session("dead").stopped_ago(1, MINUTE * 5).start();
        let report = patrol.enforce().await;
        assert_eq!(target_in(&report, dead.address())["row"], "G4 suspected", "{report:#}");
        let lives = patrol.world.session("lives").at_address_of(&dead);
        let lives = patrol.start(lives.started_ago(Duration::from_secs(1))).await;
        patrol.half_an_interval_passes().await;
        let report = patrol.enforce().await;
        assert_eq!(target_in(&report, lives.address()), &json!(null), "{report:#}");
        assert_eq!(patrol.world.count(Api::DeregisterTargets), 0);
        patrol.assert_untouched(&lives, 0);
    });
}

/// A dead task's target that a sweep has suspected, and the next one will remove; right before, the
/// address is given to a live session.
async fn suspect_address_taken_by_a_session_before_the_act(patrol: &mut Patrol) -> Ipv4Addr {
    let dead = patrol.session("dead").stopped_ago(1, MINUTE * 5).start();
    patrol.enforce().await;
    patrol.half_an_interval_passes().await;
    let address = dead.address();
    patrol.world.before(Api::DeregisterTargets, 1, move |world| {
        let lives = world.session("lives").at_address(address);
        lives.started_ago(Duration::from_secs(1)).start();
    });
    address
}

/// 8, between the last look and the act.
#[test]
fn a_session_that_gets_the_address_while_its_target_is_deregistered_gets_its_target_back_at_once() {
    patrol(25, &[], async |patrol| {
        let address = suspect_address_taken_by_a_session_before_the_act(patrol).await;
        let report = patrol.enforce().await;
        assert_eq!(target_in(&report, address)["action"], "spared", "{report:#}");
        assert_eq!(patrol.world.count(Api::DeregisterTargets), 1);
        assert_eq!(patrol.world.count(Api::RegisterTargets), 1);
        assert!(patrol.is_registered(address));
    });
}

/// 8, and the reaper dies between deregistering and registering again.
#[test]
fn a_session_that_lost_its_target_to_a_reaper_that_died_gets_it_back_from_the_next_sweep() {
    patrol(26, &QUICK, async |patrol| {
        let address = suspect_address_taken_by_a_session_before_the_act(patrol).await;
        patrol.world.after(Api::DeregisterTargets, 1, |world| {
            world.fault(Fault::anywhere().always().hangs());
        });
        patrol.begin_to_enforce().await;
        let has_gone_on = |world: &World| {
            let calls = world.calls();
            let taken = calls.iter().position(|call| call.api == Api::DeregisterTargets);
            taken.is_some_and(|taken| taken + 1 < calls.len())
        };
        patrol.until("a call after the deregistration", has_gone_on).await;
        patrol.another_reaper().await;
        patrol.world.faults_cease();
        assert_eq!(patrol.world.live_targets_missing().len(), 1, "{}", patrol.world.history());
        patrol.intents_are_left_behind().await;
        // In both modes: it repairs our own doing.
        let report = patrol.report().await;
        assert_eq!(report["intents"]["re_registered"], 1, "{report:#}");
        assert!(patrol.is_registered(address));
        let intents = patrol.world.keys(&patrol.world.setup().ledger_bucket);
        assert!(!intents.iter().any(|key| key.starts_with("intents/")), "{intents:?}");
    });
}
