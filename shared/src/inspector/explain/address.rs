use super::explanation::{AddressExplanation, Explanation, TargetExplanation};
use super::looker::Looker;
use crate::aws::CallError;
use crate::container::Probe;
use crate::inspector::search::search;
use crate::session::{ClusterName, DesiredStatus, TargetAddress, TargetGroupArn, Task, TaskArn};
use crate::sweep::decide::{Known, TargetRow, decide_target};
use crate::sweep::observation::Observation;
use crate::sweep::observe::groups;
use crate::sweep::report::{StoredTarget, TargetFinding};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

impl Looker<'_> {
    /// An address: where it is registered, who holds it, and that task.
    pub(super) async fn about_address(self, to: &mut Explanation, ip: Ipv4Addr, port: Option<u16>) {
        let is_meant = |address: TargetAddress| {
            address.ip == ip && port.is_none_or(|port| port == address.port)
        };
        to.about = match port {
            Some(port) => format!("address {ip}:{port}"),
            None => format!("address {ip}"),
        };
        self.mention_targets(to, |target| is_meant(target.address));
        self.mention_tasks(to, |task| task.evidence.address == Some(ip));
        let mut seen = Observation::of_groups(groups(self.context, self.deadline).await);
        to.problems.extend(seen.problems());
        let holder = self.holder(to, &mut seen, ip).await;
        seen.probes = self.answers_of_the_last_sweep();
        let now = self.context.clock.now();
        let policy = &self.context.config.sweep;
        let suspects = self.history.suspects.clone().still_fresh(policy.interval, now);
        let known = Known {
            seen: &seen,
            probes: &BTreeMap::new(),
            suspects: &suspects,
            force: None,
            policy,
            now,
        };
        let targets = seen.targets().filter(|(_, address, _)| is_meant(*address));
        let targets = targets.map(|(group, address, health)| {
            let decision = decide_target(&known, group, address, health);
            let TargetFinding { group, address, row, why, change, health, .. } =
                TargetFinding::new(&decision, None);
            // Only sweeps look through the whole account.
            let said = (row == TargetRow::Undecided).then(|| self.last_word_on(&group, address));
            match said.flatten() {
                None => {
                    let row = row.to_string();
                    TargetExplanation { group, address, row, why, change, health }
                }
                Some(said) => TargetExplanation {
                    group,
                    address,
                    row: format!("{} (by the last sweep)", said.verdict.row),
                    why: said.verdict.why.clone(),
                    change: said.verdict.change.clone().unwrap_or(change),
                    health,
                },
            }
        });
        let targets: Vec<TargetExplanation> = targets.collect();
        let task = holder.as_ref().map(|task| task.arn.clone());
        to.address = Some(AddressExplanation { ip, holder: task, targets });
        if let Some(task) = holder {
            self.add_task(to, &task).await;
        }
    }

    /// The task of the configured clusters that holds the address. A report's word is looked at first.
    async fn holder(
        self,
        to: &mut Explanation,
        seen: &mut Observation,
        ip: Ipv4Addr,
    ) -> Option<Task> {
        let holds_it =
            |task: &Task| task.address == Some(ip) && task.desired_status == DesiredStatus::Running;
        let scope = &self.context.config.scope;
        let reported = self.history.tasks(|task| task.evidence.address == Some(ip)).into_iter();
        let reported = reported.map(|(_, task)| task.task_arn.clone());
        let held = self.history.targets(|target| target.address.ip == ip).into_iter();
        let held = held.filter_map(|(_, target)| target.holder.clone());
        let known: BTreeSet<TaskArn> =
            reported.chain(held).filter(|arn| scope.clusters.contains(arn.cluster())).collect();
        let known: Vec<TaskArn> = known.into_iter().collect();
        let mut holder = self.describe(to, &known).await.into_iter().find(holds_it);
        if holder.is_none() {
            let search = search(self.context, holds_it, self.deadline).await;
            to.search = Some(search.reach(self.context));
            let listed = scope.clusters.iter().map(|cluster| {
                let whole = search.whole.contains(cluster);
                (cluster.clone(), if whole { Ok(()) } else { Err(not_whole(cluster)) })
            });
            seen.clusters = listed.collect();
            to.problems.extend(search.problems);
            holder = search.found;
        }
        if let Some(task) = &holder {
            let now = self.context.clock.now();
            seen.clusters.entry(task.arn.cluster().clone()).or_insert(Ok(()));
            seen.see(task, scope, &BTreeSet::from([ip]), now);
        }
        holder
    }

    fn last_word_on(
        &self,
        group: &TargetGroupArn,
        address: TargetAddress,
    ) -> Option<&StoredTarget> {
        let mut targets = self.history.of_the_last_sweep()?.report.targets.iter();
        targets.find(|target| target.group == *group && target.address == address)
    }

    fn answers_of_the_last_sweep(self) -> BTreeMap<TargetAddress, Probe> {
        let last = self.history.of_the_last_sweep().into_iter();
        let targets = last.flat_map(|kept| &kept.report.targets);
        targets.filter_map(|target| Some((target.address, target.probe?))).collect()
    }
}

fn not_whole(cluster: &ClusterName) -> CallError {
    CallError::unanswered("ListTasks", format!("cluster {cluster}"), "it was not listed whole")
}
