//! What the tests of settling are made of: one address, two tenants' groups, and a task that has the address.

use super::intent::{Authority, HeldBy, IntentEntry, OpenEntry};
use crate::session::{
    EndedTag, Lease, Neighbourhood, SessionId, SessionTask, TargetAddress, TargetGroupArn, TaskArn,
};
use jiff::Timestamp;
use std::net::Ipv4Addr;

pub(super) fn at(second: u8) -> Timestamp {
    format!("2026-11-02T12:00:{second:02}Z").parse().unwrap()
}

pub(super) fn address(last: u8) -> TargetAddress {
    TargetAddress { ip: Ipv4Addr::new(127, 0, 10, last), port: 8080 }
}

pub(super) fn group(name: &str) -> TargetGroupArn {
    let text =
        format!("arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/{name}/0123");
    TargetGroupArn::parse(&text).unwrap().0
}

pub(super) fn arn(id: &str) -> TaskArn {
    TaskArn::parse(&format!("arn:aws:ecs:us-east-1:000000000000:task/sessions/{id}")).unwrap().0
}

/// A live session task, made in the first second, at the first address.
pub(super) fn holder(id: &str) -> SessionTask {
    SessionTask {
        arn: arn(id),
        session: Some(SessionId::parse("new").unwrap()),
        created_at: at(1),
        claimed_at: None,
        writes_from: at(1),
        address: Some(address(1).ip),
        neighbourhood: Neighbourhood { family: "session".to_owned(), subnet: None },
        shall_run: true,
        started: true,
        running_since: Some(Timestamp::UNIX_EPOCH),
        protected: false,
        ended: EndedTag::Absent,
        lease: Lease::None,
        size: None,
    }
}

pub(super) fn of_task(id: &str) -> HeldBy {
    let session = SessionId::parse("old").unwrap();
    HeldBy::Task { arn: arn(id), session, authority: Authority::OwnersWord }
}

/// What was removed of an address from a tenant's group by the tenth second.
pub(super) fn removed(name: &str, last: u8, held_by: HeldBy) -> OpenEntry {
    let entry = IntentEntry { group: group(name), address: address(last), held_by, assumed: false };
    OpenEntry { entry, removed_by: at(10) }
}
