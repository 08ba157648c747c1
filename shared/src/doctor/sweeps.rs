//! What the reaper alone can tell: when it swept last and how that went, whether leases are renewed, and who
//! holds the addresses of targets.

use super::report::{Check, CheckKind};
use super::verdict::unknown;
use crate::config::Config;
use crate::session::ClusterName;
use crate::sweep::decide::Leases;
use crate::sweep::memory::Memory;
use crate::sweep::observation::{Holder, Observation};
use crate::sweep::suspects::{InARow, Suspects, longest_gap};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Sweeps in a row with the same trouble that are worth a light.
const IN_A_ROW: u32 = 2;

pub(super) fn last_sweep(memory: &Memory, config: &Config, now: Timestamp) -> Vec<Check> {
    let (kind, of) = (CheckKind::LastSweep, "suspects.json");
    if let Some(problem) = &memory.problem {
        return vec![unknown(kind, of, problem)];
    }
    let interval = config.sweep.interval;
    let mut checks = vec![match memory.suspects.swept_at {
        None => {
            let found = format!("No sweep is recorded; one is due every {}.", spoken(interval));
            let fix = "Wait for one interval after a deployment. Then look at the rule of the schedule and at \
                       the reaper's log.";
            Check::yellow(kind, of, found, fix)
        }
        Some(at) => {
            let age = now.duration_since(at);
            let found = format!(
                "The last sweep began {} min ago; one is due every {}.",
                age.as_mins(),
                spoken(interval)
            );
            if age > longest_gap(interval) {
                let fix = "Sweeps have stopped: see NoSweepAlarm in the runbook (a pause, the schedule's rule, \
                           the reaper's log).";
                Check::red(kind, of, found, fix)
            } else {
                Check::green(kind, of, found)
            }
        }
    }];
    checks.extend(in_a_row(memory.suspects.in_a_row));
    checks
}

fn in_a_row(counts: InARow) -> Option<Check> {
    let InARow { incomplete, truncated, problems, .. } = counts;
    let kinds = [
        (incomplete, "could not list everything"),
        (truncated, "ran out of time"),
        (problems, "had other problems"),
    ];
    let told: Vec<String> = kinds
        .into_iter()
        .filter(|(count, _)| *count >= IN_A_ROW)
        .map(|(count, what)| format!("the last {count} {what}"))
        .collect();
    (!told.is_empty()).then(|| {
        let found = format!("Of the sweeps, {}.", told.join(", "));
        let fix = "Read the newest report in sweeps/ of the ledger: `problems` and `incomplete` say what.";
        Check::red(CheckKind::LastSweep, "in a row", found, fix)
    })
}

pub(super) fn leases(
    seen: &Observation,
    before: &Suspects,
    config: &Config,
    now: Timestamp,
) -> Check {
    let (kind, of) = (CheckKind::Leases, "lease-expires-at");
    let all_listed = seen.all_clusters_listed();
    let leases = Leases::count(&seen.tasks, all_listed, before, &config.sweep, now);
    let Leases { lapsed, running, .. } = leases;
    if !all_listed {
        return unknown(kind, of, "not every cluster could be listed");
    }
    if leases.are_lapsing() {
        let found = format!(
            "{lapsed} leases have lapsed and {running} are running: renewal is presumed broken."
        );
        let fix = "See LeasesLapsingAlarm in the runbook: until renewal works again, no session is stopped for \
                   its lease before the lease has been expired for MAX_SESSION_AGE.";
        return Check::red(kind, of, found, fix);
    }
    let found = if lapsed + running == 0 {
        format!(
            "No session has a lease: MAX_SESSION_AGE ({}) bounds each.",
            spoken(config.sweep.max_session_age)
        )
    } else {
        format!("{running} leases run, and {lapsed} are over.")
    };
    Check::green(kind, of, found)
}

/// Traffic goes to whoever has a target's address. One in a cluster that is not configured is never cleaned up.
pub(super) fn holders(seen: &Observation) -> Vec<Check> {
    let kind = CheckKind::Holders;
    if !seen.all_groups_listed() {
        return vec![unknown(kind, "targets", "not every target group could be listed")];
    }
    let mut elsewhere: BTreeMap<(&str, ClusterName, bool), usize> = BTreeMap::new();
    let mut count = |group, cluster, is_ours| {
        *elsewhere.entry((group, cluster, is_ours)).or_default() += 1;
    };
    let (mut strangers, mut not_known) = (0_usize, 0_usize);
    for (group, address, _) in seen.targets() {
        match seen.holder(address.ip) {
            Holder::OfOurs { elsewhere: Some(cluster), .. } => count(group.name(), cluster, true),
            Holder::Stranger { elsewhere: Some(cluster), .. } => {
                count(group.name(), cluster, false);
            }
            Holder::Stranger { elsewhere: None, .. } => strangers += 1,
            Holder::NobodyOfOurs | Holder::Unknown => not_known += 1,
            Holder::OfOurs { elsewhere: None, .. } | Holder::Nobody => {}
        }
    }
    let mut checks: Vec<Check> = elsewhere
        .into_iter()
        .map(|((group, cluster, is_ours), count)| {
            of_another_cluster(group, &cluster, is_ours, count)
        })
        .collect();
    if strangers > 0 {
        let found =
            format!("{strangers} targets are tasks of configured clusters that run no session.");
        let fix = "See MisroutedTargetsAlarm in the runbook; if they do run sessions, a family is missing in \
                   Families.";
        checks.push(Check::red(kind, "strangers", found, fix));
    }
    if not_known > 0 {
        let found = format!(
            "Of {not_known} targets it is not known who holds them: not every cluster was listed."
        );
        let fix = "Allow ecs:ListClusters, ecs:ListTasks and ecs:DescribeTasks for every cluster, and ask again.";
        checks.push(Check::yellow(kind, "unknown", found, fix));
    }
    if checks.is_empty() {
        let total = seen.targets().count();
        let found = format!("None of {total} targets is a task that is not a session's.");
        checks.push(Check::green(kind, "targets", found));
    }
    checks
}

fn of_another_cluster(group: &str, cluster: &ClusterName, is_ours: bool, count: usize) -> Check {
    let kind = CheckKind::Holders;
    if is_ours {
        let found = format!(
            "{count} targets of {group} are tasks of a configured family in the cluster {cluster}, which is not \
             configured."
        );
        let fix = "Add it to the parameter Clusters: nothing there is ever cleaned up.";
        return Check::red(kind, cluster.as_str(), found, fix);
    }
    let found = format!(
        "{count} targets of {group} have addresses of other tasks, in the cluster {cluster}."
    );
    let fix = "If it is in the same network, they get the sessions' traffic: see MisroutedTargetsAlarm in the \
               runbook. Another network may have the same addresses.";
    Check::yellow(kind, cluster.as_str(), found, fix)
}

/// A duration as it is configured.
pub(super) fn spoken(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}
