//! A sweep over a large fleet.

use crate::patrol::patrol;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The limit that is promised: peak memory of a sweep of 10,000.
const MOST_KIB: u64 = 64 * 1024;

const TASKS: u16 = 10_000;
const ORPHANS: u16 = 200;
const TARGETS: u16 = 1_000;
const ZOMBIES: u16 = 100;

/// One of many, below an address that no other test uses.
fn address(one: u16) -> Ipv4Addr {
    let process = u8::try_from(std::process::id() % 200).unwrap();
    let (third, fourth) = (u8::try_from(one / 250).unwrap(), u8::try_from(one % 250).unwrap());
    Ipv4Addr::new(127, 1 + process, 100 + third, 1 + fourth)
}

#[test]
fn a_sweep_of_ten_thousand_tasks_and_a_thousand_targets_fits_into_64_mebibytes() {
    patrol(32, &[("RATE_SHARE_PERCENT", "100"), ("SWEEP_INTERVAL", "1m")], async |patrol| {
        let idle = patrol.peak_kib();
        let targets_of_tasks = TARGETS - ZOMBIES;
        for number in 0..TASKS {
            let session = patrol.world.session(&format!("fleet-{number}"));
            let session = session.at_address(address(number)).uploads_in(Duration::ZERO);
            if number < ORPHANS {
                session.started_ago(Duration::from_hours(3)).start();
            } else if number < targets_of_tasks {
                // No listeners for those: nobody calls them but the probe.
                session.refuses().start();
            } else {
                session.refuses().unregistered().start();
            }
        }
        for number in TASKS..TASKS + ZOMBIES {
            patrol.world.leave_target("sessions", address(number));
        }
        let since = Instant::now();
        let report = patrol.enforce().await;
        println!(
            "a sweep of {TASKS} tasks and {TARGETS} targets that reaps {ORPHANS}: {:?}; counts {}",
            since.elapsed(),
            report["counts"]
        );
        let counts = &report["counts"];
        assert_eq!(counts["session_tasks"], TASKS, "{counts:#}");
        assert_eq!(counts["targets"], TARGETS, "{counts:#}");
        assert_eq!(counts["reaped"], ORPHANS, "{counts:#} {:#}", report["problems"]);
        assert_eq!(counts["targets_by_row"]["G4 suspected"], ZOMBIES, "{counts:#}");
        let peak = patrol.peak_kib();
        println!("peak memory: {idle} KiB when it had started, {peak} KiB after the sweep");
        assert!(peak <= MOST_KIB, "{peak} KiB");
    });
}

/// A target group that nobody configured: none of the sessions is seen to have traffic.
#[test]
fn a_report_longer_than_lambda_takes_is_answered_without_its_findings_and_kept_whole() {
    const SESSIONS: u16 = 12_000;
    const MOST_BYTES: usize = 6_291_556;
    patrol(33, &[("RATE_SHARE_PERCENT", "100")], async |patrol| {
        for number in 0..SESSIONS {
            let session = patrol.world.session(&format!("{number:0128}")).unregistered().refuses();
            let session = session.started_ago(Duration::from_mins(20));
            session.at_address(address(number)).start();
        }
        let report = patrol.report().await;
        assert_eq!(report["counts"]["unrouted"], SESSIONS, "{:#}", report["counts"]);
        let answered = report.to_string().len();
        let ledger = patrol.world.setup().ledger_bucket;
        let kept = patrol.world.object(&ledger, report["kept_as"].as_str().unwrap()).unwrap();
        println!("{answered} bytes answered, {} bytes kept; {} KiB", kept.len(), patrol.peak_kib());
        assert!(answered <= MOST_BYTES, "{answered} bytes answered");
        assert!(kept.len() > MOST_BYTES, "it would have fitted");
        let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
        assert_eq!(kept["tasks"].as_array().unwrap().len(), usize::from(SESSIONS));
    });
}
