use super::document::Document;
use crate::aws::parse_document;
use crate::session::{SessionId, TaskArn};
use crate::sweep::decide::tests::fixtures::{
    MINUTE, address, group, now, policy, scope, task, task_arn,
};
use crate::sweep::decide::{Known, decide};
use crate::sweep::observation::Observation;
use crate::sweep::suspects::tests::{INTERVAL, seen, some, suspects};
use crate::sweep::suspects::{Before, InARow, SeenLeases, SeenSince, Suspects, Unfinished};
use crate::tests::fuzz::{document, is_fit_to_be_shown, whatever};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

fn read(text: &str) -> Result<Suspects, serde_json::Error> {
    serde_json::from_str::<Document>(text).map(Suspects::from)
}

fn unfinished((task, at): (TaskArn, Timestamp)) -> (TaskArn, Unfinished) {
    (task, Unfinished { session: SessionId::parse("s-1").unwrap(), at })
}

fn written(suspects: &Suspects) -> String {
    serde_json::to_string(&Document::from(suspects)).unwrap()
}

proptest! {
    #[test]
    fn what_is_remembered_is_read_back_as_it_was(
        tasks in some(200), targets in some(200), failed in some(200), at in some(200),
    ) {
        let of_tasks = |entries: Vec<(u8, SeenSince)>| {
            entries.into_iter().map(|(n, seen)| (task_arn("one", &n.to_string()), seen)).collect()
        };
        let times = |entries: &[(u8, SeenSince)]| -> BTreeMap<TaskArn, Timestamp> {
            let time = |(n, seen): &(u8, SeenSince)| (task_arn("one", &n.to_string()), seen.last);
            entries.iter().map(time).collect()
        };
        let targets = targets.into_iter().map(|(n, seen)| {
            let name = if n % 2 == 0 { "a" } else { "b" };
            ((group(name), address(n)), seen)
        });
        let suspects = Suspects {
            tasks: of_tasks(tasks), targets: targets.collect(), failed_salvages: of_tasks(failed),
            reused: of_tasks(at.clone()),
            blind: of_tasks(at.clone()),
            tried: times(&at[..at.len() / 2]), reaped_for_leases: times(&at),
            claimed: times(&at),
            under_way: times(&at[..at.len() / 3]),
            leases: SeenLeases::new(times(&at[at.len() / 2..]), now()),
            unfinished: times(&at).into_iter().map(unfinished).collect(),
            in_a_row: InARow { problems: u32::try_from(at.len()).unwrap(), ..InARow::default() },
            found: Some(3),
            counted_at: at.last().map(|(_, seen)| seen.since),
            swept_at: at.first().map(|(_, seen)| seen.last),
            swept_by: at.first().map(|_| "request-1".to_owned()),
        };
        prop_assert_eq!(read(&written(&suspects)).unwrap(), suspects);
    }
}

#[test]
fn the_document_is_one_that_people_can_read() {
    let document: serde_json::Value =
        serde_json::from_str(&written(&suspects(seen(MINUTE * 5, Duration::ZERO)))).unwrap();
    assert_eq!(
        document["targets"],
        json!([{
            "group": group("a").as_str(),
            "address": {"ip": "127.0.10.1", "port": 8080},
            "since": "2026-11-02T11:55:00Z",
            "last": "2026-11-02T12:00:00Z",
        }])
    );
    assert_eq!(document["tasks"][0]["task"], task_arn("one", "done").as_str());
    assert_eq!(document["failed_salvages"][0]["task"], task_arn("one", "failing").as_str());
}

/// The version before did not know of leases and tries.
#[test]
fn a_document_of_the_version_before_is_read_and_knows_of_no_leases() {
    let seen = seen(MINUTE, MINUTE);
    let mut document: serde_json::Value = serde_json::from_str(&written(&suspects(seen))).unwrap();
    let fields = document.as_object_mut().unwrap();
    fields.retain(|name, _| ["tasks", "targets", "failed_salvages"].contains(&name.as_str()));
    assert_eq!(read(&document.to_string()).unwrap(), suspects(seen));
}

#[test]
fn a_document_that_says_what_it_should_not_is_not_read_in_part() {
    let whole = written(&suspects(seen(MINUTE, MINUTE)));
    assert!(read(&whole).is_ok());
    for broken in [
        whole.replace("127.0.10.1", "example.com"),
        whole.replace("task/one/done", "service/one/done"),
        whole.replace("\"last\"", "\"latest\""),
        whole.replace("\"failed_salvages\"", "\"futile\""),
        whole.replacen("2026", "tomorrow", 1),
        whole[..whole.len() / 2].to_owned(),
        String::new(),
    ] {
        assert_ne!(broken, whole);
        assert!(read(&broken).is_err(), "{broken}");
    }
}

/// Also with times that cannot be: they decide, and nothing overflows.
#[test]
fn whatever_stands_where_a_memory_should_reads_back_or_is_refused() {
    let arn = task_arn("one", "x");
    let seen =
        json!({"task": arn, "since": "2026-11-02T11:00:00Z", "last": "2026-11-02T11:55:00Z"});
    let at = json!({"task": arn, "at": "2026-11-02T11:55:00Z"});
    let samples = [
        json!({"version": 1, "tasks": [seen], "failed_salvages": [seen], "reused": [seen], "blind": [seen],
            "targets": [{"group": group("a"), "address": address(1), "since": "2026-11-02T11:00:00Z",
                "last": "2026-11-02T11:55:00Z"}],
            "tried": [at], "under_way": [at], "claimed": [at], "reaped_for_leases": [at], "leases": [at],
            "unfinished": [{"task": arn, "session": "s-1", "at": "2026-11-02T11:55:00Z"}],
            "leases_seen_at": "2026-11-02T11:55:00Z", "swept_at": "2026-11-02T11:55:00Z", "found": 1,
            "counted_at": "2026-11-02T11:50:00Z",
            "in_a_row": {"incomplete": 4_294_967_295_u32}}),
        json!({"tasks": [], "targets": [], "vain": []}),
    ];
    let mut observed = Observation::default();
    observed.see(&task("x"), scope(), &std::collections::BTreeSet::new(), now());
    whatever(|bytes: &[u8]| {
        let remembered = match parse_document::<Document>(&document(&samples, bytes)) {
            Err(problem) => return is_fit_to_be_shown(&problem),
            Ok(read) => Suspects::from(read),
        };
        assert_eq!(read(&written(&remembered)).unwrap(), remembered);
        for at in [now(), Timestamp::MIN, Timestamp::MAX] {
            let trouble = InARow { incomplete: 1, ..InARow::default() };
            let _ = InARow::after(
                Before::Known(remembered.in_a_row, remembered.counted_at()),
                trouble,
                INTERVAL,
                at,
            );
            let _ = remembered.too_old(INTERVAL, at);
            let suspects = remembered.clone().still_fresh(INTERVAL, at);
            let (policy, probes) = (policy(), BTreeMap::new());
            let known = Known {
                seen: &observed,
                probes: &probes,
                suspects: &suspects,
                force: None,
                policy: &policy,
                now: at,
            };
            let _ = decide(&known);
        }
    });
}
