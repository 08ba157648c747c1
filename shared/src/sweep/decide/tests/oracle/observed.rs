//! A world as a sweep gets to know it, and what the sweep concludes.

use super::super::fixtures::{self, group, ip, now, task_arn};
use super::verdicts::{Key, Memories, Verdicts, Window};
use super::world::{CLUSTERS, FAMILIES, Form, GROUPS, Listing, Named, SUBNETS, Said, Seen, World};
use crate::config::{self, BlastRadius, Config, Percent};
use crate::container::Probe;
use crate::event::{ForceCluster, ReaperEvent};
use crate::session;
use crate::session::{
    LEASE_TAG, PROTECTION_TAG, SESSION_ENDED_TAG, SESSION_STARTED_TAG, TargetAddress, TaskArn,
    TaskSize,
};
use crate::sweep::act::Acts;
use crate::sweep::decide::judge_task::judge;
use crate::sweep::decide::{Known, TargetRow, decide, decide_target, to_be_probed};
use crate::sweep::observation::Observation;
use crate::sweep::suspects::{SeenLeases, SeenSince, Suspects};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

/// With a family that is a beginning, too.
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let groups = GROUPS.map(|name| group(name).to_string()).join(",");
    Config::from_variables(|name| {
        let value = match name {
            "CLUSTERS" => "one,two",
            "FAMILIES" => "session,worker-*",
            "TARGET_GROUP_ARNS" => &groups,
            "ARTIFACT_BUCKET" => "artifacts",
            "LEDGER_BUCKET" => "ledger",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap()
});

fn at(milliseconds: i64) -> Timestamp {
    now() + SignedDuration::from_millis(milliseconds)
}

fn from_now(at: Timestamp) -> i64 {
    i64::try_from(at.duration_since(now()).as_millis()).unwrap()
}

fn text(said: Said) -> Option<String> {
    let offset = |at: Timestamp, by: i64, offset: &str| {
        let there = (at + SignedDuration::from_mins(by)).to_string();
        there.replace('Z', offset)
    };
    match said {
        Said::Nothing => None,
        Said::Nonsense(text) => Some(text.to_owned()),
        Said::At(time, Form::Utc) => Some(at(time).to_string()),
        Said::At(time, Form::East) => Some(offset(at(time), 330, "+05:30")),
        Said::At(time, Form::West) => Some(offset(at(time), -480, "-08:00")),
    }
}

fn seen_since(seen: Seen) -> SeenSince {
    SeenSince { since: at(seen.since), last: at(seen.last) }
}

impl super::world::Task {
    fn arn(&self) -> TaskArn {
        task_arn(CLUSTERS[self.cluster], &self.id)
    }

    fn described(&self) -> session::Task {
        let (environment, tag) = match self.named {
            Named::Nowhere => (None, None),
            Named::InTheEnvironment => (Some("s-1"), None),
            Named::ByTag => (None, Some("s-1")),
            Named::ByTagBesideNonsense => (Some("a/b"), Some("s-1")),
            Named::ByNonsense => (Some(".."), Some("")),
        };
        let tags = [
            ("session-id", tag.map(str::to_owned)),
            (PROTECTION_TAG, self.protection.map(str::to_owned)),
            (SESSION_ENDED_TAG, text(self.ended)),
            (LEASE_TAG, text(self.lease)),
            (SESSION_STARTED_TAG, text(self.start)),
        ];
        let tags = tags.into_iter().filter_map(|(tag, value)| Some((tag.to_owned(), value?)));
        let named = environment.map(|id| ("SESSION_ID".to_owned(), id.to_owned()));
        session::Task {
            arn: self.arn(),
            family: FAMILIES[self.family].to_owned(),
            group: self.of_a_service.then(|| "service:web".to_owned()),
            last_status: self.last,
            desired_status: self.desired,
            created_at: at(self.created),
            started_at: self.has_started.then(|| at(self.created)),
            address: self.address.map(ip),
            subnet: SUBNETS[self.subnet].map(str::to_owned),
            environment: named.into_iter().collect(),
            tags: tags.collect(),
            size: self.has_size.then(|| TaskSize::read(Some("1024"), Some("2048")).unwrap()),
            ..fixtures::task(&self.id)
        }
    }
}

impl World {
    fn observation(&self) -> Observation {
        let cut_short = || Err(fixtures::unlisted());
        let result = |listing: Listing| if listing.is_whole() { Ok(()) } else { cut_short() };
        let mut seen = Observation::default();
        for (n, name) in GROUPS.into_iter().enumerate().filter(|_| self.has_groups) {
            let targets = self.registered().filter(|target| target.group == n);
            let targets = targets.map(|target| {
                (TargetAddress { ip: ip(target.ip), port: target.port }, target.health)
            });
            let targets: BTreeMap<_, _> = targets.collect();
            seen.groups.insert(group(name), result(self.groups[n]).map(|()| targets));
            if self.whole_routes[n] {
                seen.whole_routes.insert(group(name));
            }
        }
        for (n, listing) in self.clusters.into_iter().enumerate() {
            seen.clusters.insert(fixtures::cluster(CLUSTERS[n]), result(listing));
        }
        seen.others = self.others.map(result);
        for target in self.registered() {
            let address = TargetAddress { ip: ip(target.ip), port: target.port };
            // One address is asked once, whatever groups it is in.
            let answer = self.answer_at(target.ip, target.port);
            seen.probes.extend(answer.map(|answer| (address, answer)));
        }
        seen.unreadable.extend(self.unreadable.then(|| "one task can't be read".to_owned()));
        let wanted = seen.targets().map(|(_, address, _)| address.ip).collect();
        for task in self.listed() {
            seen.see(&task.described(), &CONFIG.scope, &wanted, now());
        }
        seen
    }

    fn suspects(&self) -> Suspects {
        let mut suspects = Suspects::default();
        for task in &self.tasks {
            let (arn, memory) = (task.arn(), task.memory);
            for (place, seen) in [
                (&mut suspects.tasks, memory.suspect),
                (&mut suspects.failed_salvages, memory.failing),
                (&mut suspects.reused, memory.reused),
                (&mut suspects.blind, memory.blind),
            ] {
                place.extend(seen.map(|seen| (arn.clone(), seen_since(seen))));
            }
            for (place, time) in [
                (&mut suspects.tried, memory.tried),
                (&mut suspects.under_way, memory.under_way),
                (&mut suspects.claimed, memory.claimed),
                (&mut suspects.reaped_for_leases, memory.reaped),
                (&mut suspects.leases.ends, memory.lease),
            ] {
                place.extend(time.map(|time| (arn.clone(), at(time))));
            }
        }
        match self.leases_seen {
            None => suspects.leases = SeenLeases::default(),
            Some(time) => suspects.leases.at = Some(at(time)),
        }
        for target in &self.targets {
            let address = TargetAddress { ip: ip(target.ip), port: target.port };
            let seen = target.suspect.map(seen_since);
            let key = (group(GROUPS[target.group]), address);
            suspects.targets.extend(seen.map(|seen| (key, seen)));
        }
        suspects
    }

    fn policy(&self) -> config::Sweep {
        let limits = self.limits;
        let duration = |milliseconds: i64| Duration::from_millis(milliseconds.unsigned_abs());
        config::Sweep {
            warm_pool: limits.warm_pool,
            interval: duration(limits.interval),
            max_session_age: duration(limits.max_age),
            hard_age: duration(limits.hard_age),
            lease_grace: duration(limits.lease_grace),
            start_up_grace: duration(limits.start_up_grace),
            salvage_window: duration(limits.salvage),
            blast_radius: BlastRadius {
                at_least: limits.at_least,
                part: Percent::parse(&limits.percent.to_string()).unwrap(),
            },
            ..CONFIG.sweep.clone()
        }
    }

    /// The order as it comes in, and what is made of it.
    fn force(&self) -> Option<ForceCluster> {
        let order = self.order?;
        let invocation = json!({
            "mode": if order.enforces { "enforce" } else { "report" },
            "force_cluster": {
                "cluster": CLUSTERS[order.cluster],
                "created_before": text(order.created_before),
            },
        });
        match ReaperEvent::parse(&invocation, &CONFIG, now()) {
            Ok(ReaperEvent::Sweep(request)) => request.force,
            Ok(ReaperEvent::Doctor | ReaperEvent::OutOfScope { .. }) | Err(_) => None,
        }
    }
}

/// What the code says.
pub(super) fn by_the_code(world: &World) -> Verdicts {
    let seen = world.observation();
    let policy = world.policy();
    let suspects = world.suspects().still_fresh(policy.interval, now());
    let force = world.force();
    let words = world.tasks.iter().filter_map(|task| Some((task.arn(), task.word?)));
    let words: BTreeMap<TaskArn, Probe> = words.collect();
    let known = Known {
        seen: &seen,
        probes: &words,
        suspects: &suspects,
        force: force.as_ref(),
        policy: &policy,
        now: now(),
    };
    let plan = decide(&known);
    let id = |arn: &TaskArn| arn.id().to_owned();
    let mut verdicts = Verdicts {
        findings: plan.tasks.iter().map(|one| id(&one.task.arn)).collect(),
        orphans: plan.orphans().iter().map(|one| id(&one.task.arn)).collect(),
        stop_limit: plan.stop_limit,
        unclaimed: plan.unclaimed,
        lapsing: plan.circumstances.leases.are_lapsing(),
        is_order_accepted: force.is_some(),
        target_findings: plan.targets.iter().map(|one| key(&one.group, one.address)).collect(),
        next: memories(&plan.suspects),
        ..Verdicts::default()
    };
    let unasked = Known { probes: &BTreeMap::new(), ..known };
    verdicts.asked = to_be_probed(&unasked).into_iter().map(|task| id(&task.arn)).collect();
    let healthy = seen.healthy();
    let found: BTreeMap<_, _> = plan.tasks.iter().map(|one| (&one.task.arn, one.judged)).collect();
    for task in &seen.tasks {
        let judge = || judge(&known, task, &plan.circumstances, &healthy);
        let judged = found.get(&task.arn).copied().unwrap_or_else(judge);
        verdicts.rows.insert(id(&task.arn), judged.row);
        let used = judged.used.map(session::Used::vcpu_hour_thousandths);
        verdicts.used.extend(used.map(|used| (id(&task.arn), i64::try_from(used).unwrap())));
        let window = Window {
            is_over: judged.salvage.is_over,
            is_beyond_hard_age: judged.salvage.is_beyond_hard_age,
            was_blind_before: judged.salvage.was_blind_before,
            under_way_at: judged.salvage.under_way_at.map(from_now),
        };
        verdicts.windows.insert(id(&task.arn), window);
    }
    for (neighbourhood, asked) in &plan.neighbours {
        let family = FAMILIES.iter().position(|name| *name == neighbourhood.family).unwrap();
        let subnet = neighbourhood.subnet.as_deref();
        let subnet = SUBNETS.iter().position(|name| *name == subnet).unwrap();
        let asked = asked.iter().map(|ip| ip.octets()[3]).collect();
        verdicts.neighbours.insert((family, subnet), asked);
    }
    for (group, address, health) in seen.targets() {
        let row = decide_target(&known, group, address, health).row;
        verdicts.targets.insert(key(group, address), row);
    }
    let zombies = plan.targets.iter().filter(|one| one.row == TargetRow::Zombie);
    verdicts.zombies = zombies.map(|one| key(&one.group, one.address)).collect();
    for (group, limit) in &plan.removal_limits {
        verdicts.removal_limits.insert(number(group), *limit);
    }
    let doubtful = seen.doubtful_routes();
    verdicts.doubtful_routes = GROUPS.map(|name| doubtful.contains(&group(name)));
    verdicts.registered_tasks = GROUPS.map(|name| {
        let registered = seen.registered_tasks(&group(name)).into_iter();
        registered.map(|address| (address.ip.octets()[3], address.port)).collect()
    });
    let acts = Acts::none(&plan);
    let zombies = acts.zombies.keys().map(|zombie| key(&zombie.group, zombie.address));
    let mut zombies: Vec<Key> = zombies.collect();
    zombies.sort_unstable();
    let mut waiting: Vec<String> = acts.orphans.keys().map(id).collect();
    waiting.sort();
    verdicts.waiting = (waiting, zombies);
    verdicts
}

fn number(group: &session::TargetGroupArn) -> usize {
    GROUPS.iter().position(|name| fixtures::group(name) == *group).unwrap()
}

fn key(group: &session::TargetGroupArn, address: TargetAddress) -> Key {
    (number(group), address.ip.octets()[3], address.port)
}

fn memories(suspects: &Suspects) -> Memories {
    let id = |arn: &TaskArn| arn.id().to_owned();
    let seen = |memory: &BTreeMap<TaskArn, SeenSince>| {
        let seen = |one: &SeenSince| Seen { since: from_now(one.since), last: from_now(one.last) };
        memory.iter().map(|(task, one)| (id(task), seen(one))).collect()
    };
    let times = |memory: &BTreeMap<TaskArn, Timestamp>| {
        memory.iter().map(|(task, at)| (id(task), from_now(*at))).collect()
    };
    let targets = suspects.targets.iter().map(|((group, address), one)| {
        let seen = Seen { since: from_now(one.since), last: from_now(one.last) };
        (key(group, *address), seen)
    });
    Memories {
        suspects: seen(&suspects.tasks),
        failing: seen(&suspects.failed_salvages),
        reused: seen(&suspects.reused),
        blind: seen(&suspects.blind),
        tried: times(&suspects.tried),
        under_way: times(&suspects.under_way),
        claimed: times(&suspects.claimed),
        reaped: times(&suspects.reaped_for_leases),
        leases: times(&suspects.leases.ends),
        leases_seen: suspects.leases.at.map(from_now),
        targets: targets.collect(),
    }
}
