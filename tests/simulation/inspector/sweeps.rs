//! What the last sweeps found.

use super::{HOUR, says};
use crate::invoke::{INTERVAL, ask, look};
use serde_json::json;
use session_cleanup_tests::world::{Setup, World};

#[tokio::test(start_paused = true)]
async fn the_last_reports_are_answered_the_newest_first() {
    let world = World::new(Setup::default());
    world.session("old").started_ago(HOUR * 3).start();
    let mut kept = Vec::new();
    for number in 0..4 {
        let report = look(&world, &format!("look-{number}")).await;
        kept.push(report["kept_as"].as_str().unwrap().to_owned());
        tokio::time::sleep(INTERVAL).await;
    }
    kept.reverse();
    let answer = ask(&world, &json!({"sweeps": {"last": 3}})).await;
    let sweeps = answer["sweeps"].as_array().unwrap();
    let listed: Vec<&str> = sweeps.iter().map(|sweep| sweep["kept_as"].as_str().unwrap()).collect();
    assert_eq!(listed, kept[..3]);
    assert_eq!(sweeps[0]["tasks"][0]["row"], "T8 too_old");
    says(&answer, "5 min ago");
    says(&answer, "T8 too_old | would_act");
    says(&answer, &kept[0]);
}

/// Reports of long ago are found as well.
#[tokio::test(start_paused = true)]
async fn a_report_of_last_week_is_found_where_no_later_one_is() {
    let world = World::new(Setup::default());
    let old = world.session("old").started_ago(HOUR * 3).start();
    let report = look(&world, "look").await;
    world.owner_ends(&old);
    tokio::time::sleep(HOUR * 24 * 7).await;
    let answer = ask(&world, &json!({"sweeps": {}})).await;
    assert_eq!(answer["sweeps"][0]["kept_as"], report["kept_as"], "{answer:#}");
}

/// Lambda lets an answer be 6 MB: in an incident reports are long.
#[tokio::test(start_paused = true)]
async fn of_long_reports_the_newest_is_told_in_part_and_the_others_by_their_counts() {
    let world = World::new(Setup::default());
    for number in 0..1_200 {
        world.session(&format!("old-{number}")).started_ago(HOUR * 3).start();
    }
    for caller in ["look-1", "look-2", "look-3"] {
        look(&world, caller).await;
        tokio::time::sleep(INTERVAL).await;
    }
    let answer = ask(&world, &json!({"sweeps": {"last": 3}})).await;
    let sweeps = answer["sweeps"].as_array().unwrap();
    let told: Vec<_> =
        sweeps.iter().map(|sweep| sweep["tasks"].as_array().unwrap().len()).collect();
    assert_eq!(told, [200, 0, 0]);
    assert_eq!(sweeps[0]["left_out"], 1_000);
    assert_eq!(sweeps[2]["counts"]["orphans"], 1_200);
    says(&answer, "And 1000 more, in sweeps/");
    assert!(answer.to_string().len() < 1_000_000);
}

#[tokio::test(start_paused = true)]
async fn before_the_first_sweep_nothing_is_on_record() {
    let world = World::new(Setup::default());
    let answer = ask(&world, &json!({"sweeps": {"last": 1}})).await;
    says(&answer, "No sweep is recorded.");
    assert_eq!(answer["sweeps"], json!([]));
}

/// What a newer version wrote is never misread.
#[tokio::test(start_paused = true)]
async fn a_report_of_a_newer_version_is_named_and_not_read() {
    let world = World::new(Setup::default());
    let newer =
        json!({"version": 99, "tasks": [], "targets": [], "started_at": world.now().to_string()});
    let key = format!("sweeps/{}-0123456789abcdef.json", world.now().as_second());
    world.put_object("ledger", &key, newer.to_string());
    let answer = ask(&world, &json!({"sweeps": {"last": 1}})).await;
    assert_eq!(answer["sweeps"], json!([]));
    says(&answer, "a newer version of this program wrote it");
}
