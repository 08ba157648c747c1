//! How ECS shows a task.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::setup::Setup;
use crate::world::state::State;
use crate::world::task::{Phase, Task};

impl State {
    /// Reads may show a change later than its event says it; and some tasks are not what they should be.
    pub(super) fn lag_behind(&self, shown: &mut Value, task: &Task, now: Timestamp) {
        let Some(fields) = shown.as_object_mut() else { return };
        if task.stop.as_ref().is_some_and(|stop| now < stop.at + self.setup.reads_lag) {
            for (field, value) in [("lastStatus", "RUNNING"), ("desiredStatus", "RUNNING")] {
                fields.insert(field.to_owned(), json!(value));
            }
            for field in ["stopCode", "stoppedReason", "stoppingAt", "stoppedAt"] {
                fields.remove(field);
            }
            fields.insert("version".to_owned(), json!(1));
        }
        if task.shapeless {
            fields.remove("taskDefinitionArn");
            fields.remove("createdAt");
        }
    }

    /// A task as ECS describes it.
    pub(crate) fn show(
        &self,
        task: &Task,
        now: Timestamp,
        tags: bool,
        time: fn(Timestamp) -> Value,
    ) -> Value {
        let Setup { region, account, .. } = &self.setup;
        let phase = task.phase(now);
        let environment: Vec<Value> = task
            .environment
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let attached = if phase == Phase::Provisioning {
            json!([])
        } else {
            json!([
                {"name": "subnetId", "value": task.subnet},
                {"name": "networkInterfaceId", "value": format!("eni-{}", &task.key.id[..17])},
                {"name": "privateIPv4Address", "value": task.address.to_string()},
            ])
        };
        let attachment = match phase {
            Phase::Provisioning => "PRECREATED",
            Phase::Stopped => "DELETED",
            _ => "ATTACHED",
        };
        let mut shown = json!({
            "taskArn": task.arn,
            "clusterArn": self.setup.cluster_arn(&task.key.cluster),
            "taskDefinitionArn": format!("arn:aws:ecs:{region}:{account}:task-definition/{}:1", task.family),
            "group": task.group,
            "launchType": "FARGATE",
            "lastStatus": phase.name(),
            "desiredStatus": if task.wanted_running() { "RUNNING" } else { "STOPPED" },
            "createdAt": time(task.created_at),
            "version": task.version(now),
            "overrides": {"containerOverrides": [{"name": "session", "environment": environment}]},
            "containers": containers(task, now),
            "attachments": [{
                "id": format!("att-{}", &task.key.id[..8]),
                "type": "ElasticNetworkInterface",
                "status": attachment,
                "details": attached,
            }],
        });
        if let Some((cpu, memory)) = self.setup.task_size {
            (shown["cpu"], shown["memory"]) = (json!(cpu), json!(memory));
        }
        if let Some(by) = &task.started_by {
            shown["startedBy"] = json!(by);
        }
        let all_run = task.started(now) && task.sidecars_run(now);
        if let Some(at) = task.runs_at.filter(|_| all_run) {
            shown["startedAt"] = time(at);
        }
        if tags && phase != Phase::Stopped {
            shown["tags"] =
                task.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        }
        if let Some(stop) = &task.stop {
            shown["stopCode"] = json!(stop.code);
            shown["stoppedReason"] = json!(stop.reason);
            shown["stoppingAt"] = time(stop.at);
        }
        if let Some(at) = task.stopped_at().filter(|at| *at <= now) {
            shown["stoppedAt"] = time(at);
        }
        shown
    }
}

/// The session's container and the sidecars, each with its own state.
fn containers(task: &Task, now: Timestamp) -> Vec<Value> {
    let ended = task.stop.as_ref().filter(|stop| now >= stop.process_ends);
    let state = |runs: bool, code: Option<i32>| match ended {
        Some(_) => ("STOPPED", code),
        None if runs => ("RUNNING", None),
        None => ("PENDING", None),
    };
    let show = |name: &str, (status, code): (&str, Option<i32>)| {
        let mut shown = json!({"name": name, "taskArn": task.arn, "lastStatus": status});
        if let Some(code) = code {
            shown["exitCode"] = json!(code);
        }
        shown
    };
    let own = state(task.process_runs(now), ended.and_then(|stop| stop.exit_code));
    let sidecars = task.sidecars.iter().map(|sidecar| {
        let runs = sidecar.runs_at.is_some_and(|at| at <= now);
        show(&sidecar.name, state(runs, sidecar.exit_code.filter(|_| runs)))
    });
    [show("session", own)].into_iter().chain(sidecars).collect()
}
