//! What the tests of a sweep are made of: one time, the documented defaults, and names.

use crate::aws::CallError;
use crate::config::{self, Config};
use crate::session::{
    ClusterName, DesiredStatus, LastStatus, Scope, TargetAddress, TargetGroupArn, Task, TaskArn,
    TaskSize,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::LazyLock;
use std::time::Duration;

pub(in crate::sweep) const SECOND: Duration = Duration::from_secs(1);
pub(in crate::sweep) const MINUTE: Duration = Duration::from_mins(1);
pub(in crate::sweep) const HOUR: Duration = Duration::from_hours(1);

pub(in crate::sweep) fn now() -> Timestamp {
    "2026-11-02T12:00:00Z".parse().unwrap()
}

pub(in crate::sweep) fn ago(age: Duration) -> Timestamp {
    now() - age
}

/// The defaults, with two clusters, one family and two target groups.
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let groups = format!("{},{}", group("a"), group("b"));
    Config::from_variables(|name| {
        let value = match name {
            "CLUSTERS" => "one,two",
            "FAMILIES" => "session",
            "TARGET_GROUP_ARNS" => &groups,
            "ARTIFACT_BUCKET" => "artifacts",
            "LEDGER_BUCKET" => "ledger",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap()
});

pub(in crate::sweep) fn scope() -> &'static Scope {
    &CONFIG.scope
}

pub(in crate::sweep) fn policy() -> config::Sweep {
    CONFIG.sweep.clone()
}

pub(in crate::sweep) fn cluster(name: &str) -> ClusterName {
    ClusterName::parse(name).unwrap()
}

pub(in crate::sweep) fn group(name: &str) -> TargetGroupArn {
    let text =
        format!("arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/{name}/0123");
    TargetGroupArn::parse(&text).unwrap().0
}

pub(in crate::sweep) fn task_arn(cluster: &str, id: &str) -> TaskArn {
    TaskArn::parse(&format!("arn:aws:ecs:us-east-1:000000000000:task/{cluster}/{id}")).unwrap().0
}

pub(in crate::sweep) fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 10, last)
}

pub(in crate::sweep) fn address(last: u8) -> TargetAddress {
    TargetAddress { ip: ip(last), port: 8080 }
}

/// A running session task of the cluster `one`, made half an hour ago.
pub(crate) fn task(id: &str) -> Task {
    Task {
        arn: task_arn("one", id),
        family: "session".to_owned(),
        group: Some("family:session".to_owned()),
        last_status: LastStatus::Running,
        desired_status: DesiredStatus::Running,
        created_at: ago(MINUTE * 30),
        started_at: Some(ago(MINUTE * 29)),
        address: Some(ip(1)),
        subnet: Some("subnet-1".to_owned()),
        environment: BTreeMap::from([("SESSION_ID".to_owned(), format!("session-{id}"))]),
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

/// A listing that failed.
pub(in crate::sweep) fn unlisted() -> CallError {
    CallError::unanswered("ListTasks", "cluster one", "it was cut short")
}
