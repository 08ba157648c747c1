//! Whatever stands where a name, a tag, a time or a size should.

use super::*;
use crate::cleanup::receipts_of;
use crate::tests::fuzz::{is_fit_to_be_shown, text, whatever};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

const ARNS: [&str; 7] = [
    "arn:aws:ecs:us-east-1:000000000000:task/sessions/0123abcd",
    "arn:aws:ecs:us-east-1:000000000000:task/0123abcd",
    "arn:aws-us-gov:ecs:us-gov-west-1:000000000000:cluster/sessions",
    "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123456789abcdef",
    "arn:aws:ecs:us-east-1:000000000000:task-definition/session:3",
    "sessions",
    "run-*",
];

const IDS: [&str; 6] =
    ["s-1", "a.B_9-:+=@", "..a", "%2e%2e", "0123456789abcdef0123456789abcdef", "x"];

#[test]
fn whatever_is_taken_for_a_sessions_id_stays_below_its_prefix_and_reads_back() {
    whatever(|bytes: &[u8]| {
        let text = text(&IDS, bytes);
        let id = match SessionId::parse(&text) {
            Ok(id) => id,
            Err(problem) => return is_fit_to_be_shown(&problem.to_string()),
        };
        assert_eq!((id.as_str(), id.to_string()), (&*text, text.clone()));
        assert!(id.as_str().len() <= SessionId::MAX_LENGTH);
        let part = id.as_key_part();
        assert!(part != "." && part != ".." && !part.is_empty());
        let mut decoded = String::new();
        let mut rest = part.as_str();
        while let Some(first) = rest.chars().next() {
            if first == '%' {
                let code = u8::from_str_radix(&rest[1..3], 16).unwrap();
                decoded.push(char::from(code));
                rest = &rest[3..];
            } else {
                assert!(first.is_ascii_alphanumeric() || "._-".contains(first), "{part}");
                decoded.push(first);
                rest = &rest[1..];
            }
        }
        assert_eq!(decoded, text, "two ids never share a key");
        assert_eq!(receipts_of(&id), format!("receipts/{part}/"));
        let document = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<SessionId>(&document).unwrap(), id);
    });
}

fn is_of_an_arn(text: &str) {
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    assert!(text.len() <= 1_011, "the longest that AWS makes: {}", text.len());
}

#[test]
fn whatever_is_taken_for_an_arn_or_a_name_reads_back() {
    whatever(|bytes: &[u8]| {
        let text = text(&ARNS, bytes);
        let shown = |problem: ArnError| is_fit_to_be_shown(&problem.to_string());
        match TaskArn::parse(&text) {
            Err(problem) => shown(problem),
            Ok((arn, home)) => {
                is_of_an_arn(arn.as_str());
                assert_eq!(String::from(arn.clone()), text);
                assert!(!arn.id().contains(['/', '.', '%']));
                let by_id = TaskArn::of_id(&home, arn.cluster(), arn.id()).unwrap();
                assert_eq!(by_id, arn);
            }
        }
        let cluster = ClusterName::parse("sessions").unwrap();
        match TaskArn::parse_in(&text, &cluster) {
            Err(problem) => shown(problem),
            Ok(arn) => {
                is_of_an_arn(arn.as_str());
                let long = String::from(arn.clone());
                assert_eq!(TaskArn::parse(&long).unwrap().0, arn, "on record in the long form");
            }
        }
        if let Err(problem) = TaskArn::parse_beside(&text, ARNS[2]) {
            shown(problem);
        }
        match TargetGroupArn::parse(&text) {
            Err(problem) => shown(problem),
            Ok((arn, _)) => {
                is_of_an_arn(arn.as_str());
                assert_eq!(arn.as_str(), text);
            }
        }
        match ClusterName::parse(&text).and_then(|name| ClusterName::parse(name.as_str())) {
            Err(problem) => shown(problem),
            Ok(name) => assert_eq!(name.as_str(), text),
        }
        if let Err(problem) = ClusterName::parse_arn(&text) {
            shown(problem);
        }
        if let Ok(families) = Families::parse(&text) {
            assert_eq!(families.to_string(), text);
            assert!(families.contains(text.trim_end_matches('*')));
        }
        if let Some(family) = family_of_definition(&text) {
            assert!(text.contains(family));
        }
        if let Ok(source) = IdentitySource::parse(&text) {
            assert_eq!(source.to_string(), text);
        }
    });
}

const TIMES: [&str; 6] = [
    "2026-11-24T12:00:00Z",
    "2026-11-24T12:00:00.123+01:00",
    "1969-12-31T23:59:59.5Z",
    "9999-12-30T22:00:00.999999999Z",
    "session-cleanup: session s-1; cause orphan_lease_expired; artifacts lost",
    "true",
];

fn tagged(value: &str, created_at: Timestamp) -> Task {
    let tags = [LEASE_TAG, SESSION_ENDED_TAG, SESSION_STARTED_TAG, PROTECTION_TAG, "session-id"];
    Task {
        arn: TaskArn::parse(ARNS[0]).unwrap().0,
        family: "session".to_owned(),
        group: Some(value.to_owned()),
        last_status: LastStatus::parse(value),
        desired_status: DesiredStatus::parse(value),
        created_at,
        started_at: None,
        address: None,
        subnet: None,
        environment: BTreeMap::new(),
        tags: tags.map(|tag| (tag.to_owned(), value.to_owned())).into(),
        started_by: None,
        stopped_reason: Some(value.to_owned()),
        stopping_at: None,
        stopped_at: None,
        stopped_by_a_call: false,
        size: TaskSize::read(Some(value), Some("2 GB")),
        containers: Vec::new(),
        version: 1,
    }
}

#[test]
fn whatever_a_tag_says_it_says_one_time_or_none() {
    whatever(|bytes: &[u8]| {
        let value = text(&TIMES, bytes);
        for created_at in [Timestamp::MIN, "2026-11-24T12:00:00Z".parse().unwrap(), Timestamp::MAX]
        {
            for now in [Timestamp::MIN, "2026-11-24T13:00:00Z".parse().unwrap(), Timestamp::MAX] {
                let task = tagged(&value, created_at);
                let time = value.parse::<Timestamp>().ok();
                match Lease::of(&task, now) {
                    Lease::Until(end) => {
                        assert_eq!(Some(end), time);
                        let again = tagged(&end.to_string(), created_at);
                        assert_eq!(Lease::of(&again, now), Lease::Until(end));
                    }
                    Lease::Stale => assert!(time.is_some()),
                    Lease::Unreadable => assert_eq!(time, None),
                    Lease::None => panic!("there is one"),
                }
                assert!(EndedTag::of(&task, now).at().is_none_or(|at| Some(at) == time));
                let start = session_start(&task, now);
                assert!(start >= created_at && claimed_at(&task, now).is_none_or(|at| at == start));
                assert!(value != "true" || task.is_protected());
                if let Some(note) = task.stop_note() {
                    let again = Task { stopped_reason: Some(note.to_string()), ..task.clone() };
                    assert_eq!(again.stop_note(), Some(note));
                }
                if let Some(size) = task.size {
                    let used =
                        size.during(SignedDuration::MAX).and(size.during(SignedDuration::MIN));
                    let _ = (used.vcpu_hour_thousandths(), used.gb_hour_thousandths());
                }
            }
        }
    });
}

const SIZES: [&str; 6] = ["256", ".25 vCPU", "16 vCPU", "0.5 GB", "122880", "4294967295"];

#[test]
fn whatever_a_size_is_written_as_nothing_overflows() {
    whatever(|bytes: &[u8]| {
        let size = text(&SIZES, bytes);
        for size in
            [TaskSize::read(Some(&size), Some("512")), TaskSize::read(Some("256"), Some(&size))]
        {
            let Some(size) = size else { continue };
            for time in [SignedDuration::MAX, SignedDuration::MIN, SignedDuration::from_hours(1)] {
                let used = size.during(time).and(size.during(SignedDuration::MAX));
                assert!(serde_json::to_string(&used).is_ok());
            }
        }
    });
}

#[test]
fn an_end_is_noted_when_it_was_seen_unless_its_start_was_ahead_of_our_clock_by_then() {
    let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    let at = |minutes| noon + SignedDuration::from_mins(minutes);
    for (said, identified, seen, noted) in
        [(0, 50, 51, 51), (0, 0, 1, 1), (3, 1, 2, 3), (3, 1, 4, 3)]
    {
        let mut task = tagged(&at(said).to_string(), at(-60));
        task.tags.remove(SESSION_ENDED_TAG);
        let from = writes_from(&task, at(identified));
        assert_eq!(end_seen(&task, from, at(seen)), at(noted), "{said} {identified} {seen}");
    }
}
