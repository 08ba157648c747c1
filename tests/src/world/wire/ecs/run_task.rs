//! `RunTask`: how owners start sessions. No function of ours ever calls it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{answer, epoch_seconds, error, invalid};
use crate::world::session::SessionBuilder;
use crate::world::state::State;
use crate::world::wire::Reply;
use crate::world::{TaskHandle, World};

/// The one container of every task definition.
const CONTAINER: &str = "session";

/// What a request asks for, once it is understood.
struct Wanted {
    cluster: String,
    family: String,
    group: Option<String>,
    started_by: Option<String>,
    subnet: String,
    environment: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    count: usize,
}

impl World {
    /// Starts tasks, as far as there is room. Each is PROVISIONING first, and has its address once it is
    /// PENDING. Simplified: every family has a task definition, with one container; only Fargate is known, and no
    /// `clientToken`.
    pub(crate) fn run_task(&self, state: &mut State, body: &Value, now: Timestamp) -> Reply {
        let wanted = match state.wanted(body) {
            Ok(wanted) => wanted,
            Err(refusal) => return refusal,
        };
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for _ in 0..wanted.count {
            if state.has_room(now) {
                let task = wanted.begin(self, state, now);
                let task = state.task(&task.key);
                tasks.extend(task.map(|task| state.show(task, now, true, epoch_seconds)));
            } else {
                failures.push(json!({"reason": "Capacity is unavailable at this time."}));
            }
        }
        answer(&json!({"tasks": tasks, "failures": failures}))
    }
}

impl Wanted {
    fn begin(&self, world: &World, state: &mut State, now: Timestamp) -> TaskHandle {
        let session_id = self.environment.get("SESSION_ID").map_or("", String::as_str);
        let mut session = SessionBuilder::new(world, &state.setup, session_id)
            .unidentified()
            .starting()
            // Its owner registers it by a call of its own.
            .unregistered()
            .in_cluster(&self.cluster)
            .of_family(&self.family)
            .in_subnet(&self.subnet);
        session.group.clone_from(&self.group);
        session.started_by.clone_from(&self.started_by);
        session.tags.clone_from(&self.tags);
        let handle = session.enter(state, now);
        if let Some(task) = state.task_mut(&handle.key) {
            task.environment.clone_from(&self.environment);
        }
        handle
    }
}

impl State {
    fn wanted(&self, body: &Value) -> Result<Wanted, Reply> {
        let text = |field: &str| body[field].as_str().map(str::to_owned);
        let cluster = self.cluster(body)?;
        let definition = text("taskDefinition").unwrap_or_default();
        let family = definition.rsplit('/').next().and_then(|name| name.split(':').next());
        let family = family.filter(|family| !family.is_empty()).map(str::to_owned);
        let family =
            family.ok_or_else(|| error(400, "ClientException", "TaskDefinition not found."))?;
        if !runs_on_fargate(body) {
            return Err(invalid("No Container Instances were found in your cluster."));
        }
        let count = body["count"].as_u64().unwrap_or(1);
        if !(1..=10).contains(&count) {
            return Err(invalid("count must be between 1 and 10"));
        }
        let subnet = body["networkConfiguration"]["awsvpcConfiguration"]["subnets"][0].as_str();
        let subnet = subnet.ok_or_else(|| {
            invalid(
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            )
        })?;
        let started_by = text("startedBy");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
        if started_by.as_ref().is_some_and(|by| by.len() > 128 || !by.chars().all(is_plain)) {
            return Err(invalid(
                "startedBy has at most 128 letters, digits, hyphens, slashes and underscores",
            ));
        }
        Ok(Wanted {
            cluster,
            family,
            group: text("group"),
            started_by,
            subnet: subnet.to_owned(),
            environment: environment(&body["overrides"])?,
            tags: pairs(&body["tags"], "key"),
            count: usize::try_from(count).unwrap_or(1),
        })
    }

    /// Whether AWS has a place for one more task.
    fn has_room(&self, now: Timestamp) -> bool {
        let running = self.tasks().filter(|task| task.holds_address(now)).count();
        self.setup.room_for_tasks.is_none_or(|most| running < most)
    }
}

/// Named as launch type or, with or without Spot, as a capacity provider; never both.
fn runs_on_fargate(body: &Value) -> bool {
    let mut providers = body["capacityProviderStrategy"].as_array().into_iter().flatten();
    let is_fargate = |provider: &Value| {
        matches!(provider["capacityProvider"].as_str(), Some("FARGATE" | "FARGATE_SPOT"))
    };
    match body["launchType"].as_str() {
        Some(launch_type) => launch_type == "FARGATE" && providers.next().is_none(),
        None => providers.any(is_fargate),
    }
}

/// What the override of the container sets. One of a container that the definition does not have is refused.
fn environment(overrides: &Value) -> Result<BTreeMap<String, String>, Reply> {
    let mut environment = BTreeMap::new();
    for container in overrides["containerOverrides"].as_array().into_iter().flatten() {
        let name = container["name"].as_str().unwrap_or_default();
        if name != CONTAINER {
            let problem = format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            );
            return Err(invalid(&problem));
        }
        environment.extend(pairs(&container["environment"], "name"));
    }
    Ok(environment)
}

/// `[{"name": …, "value": …}]`, or with `key` instead.
fn pairs(list: &Value, name: &str) -> BTreeMap<String, String> {
    let text = |pair: &Value, field: &str| pair[field].as_str().unwrap_or_default().to_owned();
    let list = list.as_array().into_iter().flatten();
    list.map(|pair| (text(pair, name), text(pair, "value"))).collect()
}
