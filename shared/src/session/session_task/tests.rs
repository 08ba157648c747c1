use super::*;
use crate::config::Config;
use crate::session::PROTECTION_TAG;
use crate::session::{DesiredStatus, LastStatus};
use std::collections::BTreeMap;

const MADE_AT: &str = "2026-11-02T12:00:00Z";

fn task() -> Task {
    Task {
        arn: arn("sessions"),
        family: "session".to_owned(),
        group: Some("family:session".to_owned()),
        last_status: LastStatus::Running,
        desired_status: DesiredStatus::Running,
        created_at: MADE_AT.parse().unwrap(),
        started_at: None,
        address: Some(Ipv4Addr::new(127, 0, 10, 1)),
        subnet: Some("subnet-1".to_owned()),
        environment: BTreeMap::from([("SESSION_ID".to_owned(), "s-1".to_owned())]),
        tags: BTreeMap::new(),
        started_by: None,
        stopped_reason: None,
        stopping_at: None,
        stopped_at: None,
        stopped_by_a_call: false,
        size: TaskSize::read(Some("1024"), Some("2048")),
        containers: Vec::new(),
        version: 1,
    }
}

/// Three hours after the task was made.
fn now() -> Timestamp {
    MADE_AT.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_hours(3)
}

fn arn(cluster: &str) -> TaskArn {
    TaskArn::parse(&format!("arn:aws:ecs:us-east-1:000000000000:task/{cluster}/0123")).unwrap().0
}

fn read(task: &Task) -> Option<SessionTask> {
    let group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123";
    let config = Config::from_variables(|name| {
        let value = match name {
            "CLUSTERS" => "sessions",
            "FAMILIES" => "session,worker",
            "TARGET_GROUP_ARNS" => group,
            "ARTIFACT_BUCKET" => "artifacts",
            "LEDGER_BUCKET" => "ledger",
            _ => return None,
        };
        Some(value.to_owned())
    });
    SessionTask::read(task, &config.unwrap().scope, now())
}

fn tagged(tag: &str, value: &str) -> SessionTask {
    let tags = BTreeMap::from([(tag.to_owned(), value.to_owned())]);
    read(&Task { tags, ..task() }).unwrap()
}

#[test]
fn row_1_a_task_of_another_cluster_or_family_or_of_a_service_is_no_session_task() {
    assert!(read(&task()).is_some());
    assert!(read(&Task { family: "worker".to_owned(), ..task() }).is_some());
    assert!(read(&Task { group: None, ..task() }).is_some());
    for out_of_scope in [
        Task { arn: arn("another"), ..task() },
        Task { family: "web".to_owned(), ..task() },
        Task { family: "session-2".to_owned(), ..task() },
        Task { group: Some("service:web".to_owned()), ..task() },
    ] {
        assert_eq!(read(&out_of_scope), None, "{out_of_scope:?}");
    }
}

#[test]
fn a_task_without_tags_has_no_lease_no_protection_and_no_end() {
    let session = read(&task()).unwrap();
    assert_eq!(session.session, Some(SessionId::parse("s-1").unwrap()));
    assert_eq!(session.created_at, MADE_AT.parse().unwrap());
    assert_eq!(
        (session.lease, session.ended, session.protected),
        (Lease::None, EndedTag::Absent, false)
    );
    assert!(session.shall_run && session.started);
}

#[test]
fn whatever_is_said_of_protection_protects_but_for_a_no() {
    for value in ["true", "True", " true", "yes", "1", "ture", "until Monday"] {
        assert!(tagged(PROTECTION_TAG, value).protected, "{value:?}");
    }
    for value in ["false", "False", "no", "off", "0", "", " "] {
        assert!(!tagged(PROTECTION_TAG, value).protected, "{value:?}");
    }
}

/// `date -u +%Y-%m-%dT%H:%M:%SZ` says whole seconds.
#[test]
fn a_session_that_claims_its_task_in_the_second_of_its_creation_has_a_start() {
    let created_at: Timestamp = "2026-11-02T12:00:00.412Z".parse().unwrap();
    let claimed = |at: &str| {
        let tags = BTreeMap::from([("session-started-at".to_owned(), at.to_owned())]);
        read(&Task { created_at, tags, ..task() }).unwrap().claimed_at
    };
    assert_eq!(claimed("2026-11-02T12:00:00Z"), Some(created_at));
    assert_eq!(claimed("2026-11-02T11:59:59Z"), None, "it is another's");
}

#[test]
fn a_lease_ends_at_one_moment_whatever_its_time_zone() {
    let end = Lease::Until(MADE_AT.parse().unwrap());
    for text in [MADE_AT, "2026-11-02T12:00:00+00:00", "2026-11-02T14:00:00.000+02:00"] {
        assert_eq!(tagged(LEASE_TAG, text).lease, end, "{text}");
    }
}

#[test]
fn a_lease_without_a_readable_moment_is_unreadable_and_not_absent() {
    for text in ["", "soon", "1793620800", "2026-11-02", "2026-11-02T12:00:00"] {
        assert_eq!(tagged(LEASE_TAG, text).lease, Lease::Unreadable, "{text:?}");
    }
}

#[test]
fn an_end_counts_even_where_its_moment_cannot_be_read() {
    assert_eq!(tagged(SESSION_ENDED_TAG, MADE_AT).ended, EndedTag::At(MADE_AT.parse().unwrap()));
    assert_eq!(tagged(SESSION_ENDED_TAG, "yesterday").ended, EndedTag::Unreadable);
}

#[test]
fn a_task_without_a_well_formed_id_is_unidentified() {
    for id in ["", "..", "a/b"] {
        let environment = BTreeMap::from([("SESSION_ID".to_owned(), id.to_owned())]);
        assert_eq!(read(&Task { environment, ..task() }).unwrap().session, None, "{id:?}");
    }
}

#[test]
fn a_task_that_is_told_to_stop_or_is_not_understood_shall_not_run() {
    for (last_status, desired_status) in [
        (LastStatus::Running, DesiredStatus::Stopped),
        (LastStatus::Deactivating, DesiredStatus::Running),
        (LastStatus::Stopping, DesiredStatus::Running),
        (LastStatus::Unrecognised, DesiredStatus::Running),
        (LastStatus::Running, DesiredStatus::Unrecognised),
    ] {
        let seen = read(&Task { last_status, desired_status, ..task() }).unwrap();
        assert!(!seen.shall_run, "{last_status:?} {desired_status:?}");
    }
}

#[test]
fn a_task_has_its_address_only_while_it_holds_it() {
    let at = |last_status| read(&Task { last_status, ..task() }).unwrap().address;
    assert_eq!(at(LastStatus::Stopping), task().address);
    assert_eq!(at(LastStatus::Deprovisioning), None);
    assert_eq!(at(LastStatus::Unrecognised), None);
}

#[test]
fn a_task_that_waits_for_its_image_has_no_container_yet() {
    let at = |last_status| read(&Task { last_status, ..task() }).unwrap().started;
    assert!(!at(LastStatus::Pending));
    assert!(at(LastStatus::Activating) && at(LastStatus::Running));
}

fn started(text: &str) -> Timestamp {
    tagged("session-started-at", text).started_at()
}

#[test]
fn a_session_began_when_its_task_was_claimed() {
    for (tag, start) in [
        ("2026-11-02T14:55:00Z", "2026-11-02T14:55:00Z"),
        ("2026-11-02T12:00:00Z", MADE_AT),
        // Another clock is a little ahead.
        ("2026-11-02T15:05:00Z", "2026-11-02T15:00:00Z"),
    ] {
        assert_eq!(started(tag).to_string(), start, "{tag}");
    }
}

#[test]
fn a_start_that_cannot_be_is_that_of_the_task() {
    for tag in ["2026-11-02T11:59:59Z", "2026-11-02T15:05:01Z", "yesterday", ""] {
        assert_eq!(started(tag).to_string(), MADE_AT, "{tag:?}");
    }
    assert_eq!(read(&task()).unwrap().started_at().to_string(), MADE_AT);
}

/// A pool's task had others' tags before it was given to this session.
#[test]
fn tags_from_before_the_start_of_the_session_are_stale() {
    let with = |ended: &str, lease: &str| {
        let tags = [
            ("session-started-at", "2026-11-02T14:00:00Z"),
            (SESSION_ENDED_TAG, ended),
            (LEASE_TAG, lease),
        ];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        read(&Task { tags, ..task() }).unwrap()
    };
    let before = with("2026-11-02T13:59:59Z", "2026-11-02T13:59:59Z");
    assert_eq!((before.ended, before.lease), (EndedTag::Stale, Lease::Stale));
    let since = with("2026-11-02T14:00:00Z", "2026-11-02T14:00:00Z");
    assert!(since.ended.is_word() && matches!(since.lease, Lease::Until(_)));
}
