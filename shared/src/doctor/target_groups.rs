//! Target groups: whether they are there, and made for what the functions take them for.

use super::report::{Check, CheckKind};
use super::verdict::{asked, unanswered};
use crate::aws::{CallError, GroupFacts, TargetState};
use crate::config::Config;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::TargetAddress;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use tokio::join;

type States = BTreeMap<TargetAddress, TargetState>;

const KIND: CheckKind = CheckKind::TargetGroup;

pub(super) async fn checks(context: &Context, deadline: Deadline) -> Vec<Check> {
    if !context.config.scope.routes_traffic() {
        let found = "None is configured: no target is deregistered, and none is looked for.";
        return vec![Check::green(KIND, "-", found)];
    }
    let groups = &context.aws.target_groups;
    let looks = context.config.scope.target_groups.iter().map(|group| async move {
        let facts = asked(deadline, "DescribeTargetGroups", group.as_str(), groups.facts(group));
        let states =
            asked(deadline, "DescribeTargetHealth", group.as_str(), groups.all_states(group));
        let (facts, states) = join!(facts, states);
        judge(group.name(), facts, states, &context.config)
    });
    join_all(looks).await.into_iter().flatten().collect()
}

fn judge(
    of: &str,
    facts: Result<GroupFacts, CallError>,
    states: Result<States, CallError>,
    config: &Config,
) -> Vec<Check> {
    let fix = "Take a group that does not exist out of the parameter TargetGroupArns; for one that does, allow \
               DescribeTargetGroups and DescribeTargetHealth, as template.yaml does.";
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return vec![unanswered(KIND, of, &error, fix)],
    };
    let states = match states {
        Ok(states) => states,
        Err(error) => return vec![unanswered(KIND, of, &error, fix)],
    };
    let mut checks = kind_of(of, &facts);
    if checks.is_empty() {
        checks.extend(ports(of, &facts, &states, config.container.port));
        checks.extend(health_check(of, &facts, config));
    }
    if checks.is_empty() {
        let found = format!(
            "It takes addresses, its targets are checked, and {} are registered.",
            states.len()
        );
        checks.push(Check::green(KIND, of, found));
    }
    checks
}

fn kind_of(of: &str, facts: &GroupFacts) -> Vec<Check> {
    let GroupFacts { target_type, .. } = facts;
    if target_type == "ip" {
        return Vec::new();
    }
    let found =
        format!("Its target type is {target_type}: the addresses of tasks are no targets there.");
    let fix =
        "Name the group of target type ip in which sessions are registered, in TargetGroupArns.";
    vec![Check::red(KIND, of, found, fix)]
}

/// Containers are called at the configured port. What is registered says which port they have.
fn ports(of: &str, facts: &GroupFacts, states: &States, port: u16) -> Option<Check> {
    let fix = "Set the parameter ContainerPort to the port at which session containers listen.";
    let other = states.keys().map(|target| target.port).find(|other| *other != port);
    match other {
        Some(other) if states.keys().all(|target| target.port != port) => {
            let found = format!(
                "No target is registered at port {port}, which is CONTAINER_PORT; others are at {other}."
            );
            Some(Check::red(KIND, of, found, fix))
        }
        Some(other) => {
            let found = format!(
                "Some targets are registered at port {other}, and CONTAINER_PORT is {port}."
            );
            Some(Check::yellow(KIND, of, found, fix))
        }
        None if states.is_empty() && facts.port != Some(i32::from(port)) => {
            let own = facts.port.map_or("none".to_owned(), |own| own.to_string());
            let found = format!(
                "Nothing is registered; its own port is {own}, and CONTAINER_PORT is {port}."
            );
            Some(Check::yellow(KIND, of, found, fix))
        }
        None => None,
    }
}

fn health_check(of: &str, facts: &GroupFacts, config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    if !facts.is_checked {
        let found = "Its health checks are off: no target is ever seen to be dead.";
        let fix = "Switch the group's health checks on: without them no target that was left behind is found.";
        checks.push(Check::red(KIND, of, found, fix));
    }
    if !facts.is_routed_to {
        let found = "No load balancer routes to it: its targets are not checked, and none that was left behind is found.";
        let fix = "Attach it to a listener; or take it out of TargetGroupArns.";
        checks.push(Check::yellow(KIND, of, found, fix));
    }
    let ours = &config.container.health_path;
    if let Some(theirs) = facts.health_path.as_ref().filter(|theirs| *theirs != ours) {
        let found = format!("It checks {theirs}, and HEALTH_PATH is {ours}.");
        let fix = "Set HealthPath to the path that answers 200 while a session is active; it need not be the \
                   group's, but a path that is not there makes every session look strange.";
        checks.push(Check::yellow(KIND, of, found, fix));
    }
    let port = config.container.port.to_string();
    let elsewhere = facts.health_port.as_ref();
    if let Some(theirs) = elsewhere.filter(|theirs| *theirs != "traffic-port" && **theirs != port) {
        let found = format!("It checks at port {theirs}, and CONTAINER_PORT is {port}.");
        let fix = "Make sure that HealthPath answers at ContainerPort, too: that is where the reaper asks.";
        checks.push(Check::yellow(KIND, of, found, fix));
    }
    checks
}
