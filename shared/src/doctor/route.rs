//! Whether packets of ours get to session containers: the health path of one that runs, per family and subnet.

use super::fleet::Fleet;
use super::report::{Check, CheckKind};
use super::verdict::unknown;
use crate::config::{ArtifactMode, Config};
use crate::container::{Probe, SessionContainers};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::session::{Neighbourhood, SessionId, SessionTask, TargetAddress};
use futures_util::StreamExt;
use futures_util::future::join_all;
use std::collections::BTreeMap;

/// So many families and subnets are looked at: a platform may register a family for each run.
const NEIGHBOURHOODS: usize = 10;

/// So many of each are asked: one may be about to end.
const EACH: usize = 3;

const KIND: CheckKind = CheckKind::Route;

type Asked = (TargetAddress, Option<SessionId>);

pub(super) async fn checks(context: &Context, fleet: &Fleet, deadline: Deadline) -> Vec<Check> {
    let config = &context.config;
    let places = places(&fleet.tasks, config.container.port);
    if places.is_empty() {
        let found =
            "No running session task was seen: whether containers can be reached is not known.";
        return vec![Check::yellow(KIND, "-", found, "Ask again while a session runs.")];
    }
    let looks = places.into_iter().take(NEIGHBOURHOODS).map(|(place, asked)| async move {
        let subnet = place.subnet.as_deref().unwrap_or("an unknown subnet");
        let of = format!("{}, {subnet}", place.family);
        match deadline.run(best(&context.containers, &asked)).await {
            Ok(Some((answer, at))) => judge(&of, answer, at, config),
            Ok(None) => unknown(KIND, &of, "no connection was to be had"),
            Err(timed_out) => unknown(KIND, &of, &timed_out.to_string()),
        }
    });
    join_all(looks).await
}

/// Those that may be asked, of each neighbourhood.
fn places(tasks: &[SessionTask], port: u16) -> BTreeMap<Neighbourhood, Vec<Asked>> {
    let mut places: BTreeMap<Neighbourhood, Vec<Asked>> = BTreeMap::new();
    for task in tasks.iter().filter(|task| task.started && task.shall_run) {
        let Some(ip) = task.address else { continue };
        let asked = places.entry(task.neighbourhood.clone()).or_default();
        if asked.len() < EACH {
            asked.push((TargetAddress { ip, port }, task.session.clone()));
        }
    }
    places
}

/// The answer that says most, of those who are asked one after the other until one answers well.
async fn best(containers: &SessionContainers, asked: &[Asked]) -> Option<(Probe, TargetAddress)> {
    let mut answers = futures_util::stream::iter(asked)
        .then(|(address, session)| async move {
            let answer = containers.probe(*address, session.as_ref()).await;
            answer.map(|answer| (answer, *address))
        })
        .boxed();
    let mut best: Option<(Probe, TargetAddress)> = None;
    while let Some(answer) = answers.next().await {
        if answer.map(|(probe, _)| rank(probe)) > best.map(|(probe, _)| rank(probe)) {
            best = answer;
        }
        if best.is_some_and(|(probe, _)| rank(probe) == rank(Probe::Active)) {
            break;
        }
    }
    best
}

fn rank(probe: Probe) -> u8 {
    match probe {
        Probe::Active | Probe::Done => 3,
        Probe::Answers => 2,
        Probe::Silent => 1,
        Probe::Blind => 0,
    }
}

fn judge(of: &str, answer: Probe, at: TargetAddress, config: &Config) -> Check {
    let path = &config.container.health_path;
    let asks_containers = match config.artifacts.mode {
        ArtifactMode::Complete => true,
        ArtifactMode::SelfUpload { .. } | ArtifactMode::Discard => false,
    };
    match answer {
        Probe::Active | Probe::Done => {
            let found = format!(
                "{at} answers {path} as a session does. (Its complete path is not tried: that would end it.)"
            );
            Check::green(KIND, of, found)
        }
        Probe::Answers => {
            let found = format!(
                "{at} can be reached, and answers {path} neither with 200 nor with its session's 503."
            );
            let fix = "Set HealthPath to the path that answers 200 while a session is active, and 503 with its \
                       session_id once it is complete.";
            Check::yellow(KIND, of, found, fix)
        }
        Probe::Silent => {
            let found = format!("{at} can be reached, and refuses: nobody listens at that port.");
            let fix = "Set ContainerPort to the port at which session containers listen.";
            Check::red(KIND, of, found, fix)
        }
        Probe::Blind => {
            let found = format!("{at} can't be reached: no connection within CONNECT_TIMEOUT.");
            let fix = "Let the containers' security group admit the functions' at ContainerPort; SubnetIds must \
                       have a route to them. Until then no container can be asked, and a missing answer proves \
                       nothing.";
            if asks_containers {
                Check::red(KIND, of, found, fix)
            } else {
                Check::yellow(KIND, of, found, fix)
            }
        }
    }
}
