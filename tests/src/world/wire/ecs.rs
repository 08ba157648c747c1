//! ECS: AWS JSON 1.1.

mod run_task;
mod shown;

use std::collections::Bound;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Matter, Reply, Request};
use crate::world::api::{Api, Service};
use crate::world::exchange::Applied;
use crate::world::invariants::Asker;
use crate::world::setup::Setup;
use crate::world::state::State;
use crate::world::task::{Phase, Task, TaskKey};

const PAGE: usize = 100;

pub(super) fn recognise(target: &str, body: &[u8]) -> Request {
    let name = target.rsplit('.').next().unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let named = ["cluster", "task", "resourceArn", "family", "taskDefinition"]
        .into_iter()
        .filter_map(|field| body[field].as_str());
    let listed = body["tasks"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let subjects = named.chain(listed).map(str::to_owned).collect();
    Request {
        service: Service::Ecs,
        api: Api::named(name, &Api::ECS),
        subjects,
        matter: Matter::Ecs(body),
    }
}

pub(super) fn error(status: u16, code: &'static str, message: &str) -> Reply {
    let body = json!({"__type": code, "message": message});
    Reply::new(status, "application/x-amz-json-1.1", body.to_string()).coded(code)
}

fn answer(body: &Value) -> Reply {
    Reply::new(200, "application/x-amz-json-1.1", body.to_string())
}

fn invalid(message: &str) -> Reply {
    error(400, "InvalidParameterException", message)
}

/// How a task is named in a request that concerns one cluster.
enum Named {
    Task(TaskKey),
    /// An ARN of another account, Region or cluster: the whole call is refused.
    Foreign,
}

impl State {
    /// A read is answered as of `seen`.
    pub(crate) fn ecs(
        &mut self,
        asker: &Asker,
        api: Api,
        body: &Value,
        (now, seen): (Timestamp, Timestamp),
    ) -> Applied {
        if api == Api::DescribeTasks {
            return match self.describe_tasks(body, seen) {
                Ok((reply, named)) => {
                    let snapshots = named.into_iter().map(|(key, is_shown)| {
                        let task = self.task(&key).filter(|_| is_shown);
                        // The end of a task is shown later still.
                        let shown = seen - self.setup.reads_lag;
                        let snapshot = task.map(|task| self.snapshot(task, (now, shown)));
                        (key, snapshot)
                    });
                    let mut snapshots: Vec<_> = snapshots.collect();
                    for (key, _) in &snapshots {
                        self.look_whether_over(key, now);
                        self.look_who_is_hidden(key, (now, seen - self.setup.reads_lag));
                        self.look_whose_start_is_hidden(key, (now, seen));
                    }
                    // What was before a task was there teaches nothing about it.
                    let is_there =
                        |key: &TaskKey| self.task(key).is_some_and(|task| task.visible(now));
                    snapshots.retain(|(key, snapshot)| snapshot.is_some() || !is_there(key));
                    Applied::Snapshots(reply, snapshots)
                }
                Err(reply) => Applied::Answer(reply),
            };
        }
        let result = match api {
            Api::ListClusters => Ok(self.list_clusters(body)),
            Api::ListTasks => self.list_tasks(body, seen),
            Api::StopTask => self.stop_task(asker, body, now),
            Api::TagResource | Api::UntagResource => self.tag(asker, api, body, now),
            _ => Err(error(
                400,
                "UnknownOperationException",
                "the world does not model this operation",
            )),
        };
        Applied::Answer(result.unwrap_or_else(|refusal| refusal))
    }

    fn list_clusters(&self, body: &Value) -> Reply {
        let most = page_size(body, &self.setup);
        let after = body["nextToken"].as_str().unwrap_or_default();
        let listed = self.clusters.keys().filter(|name| !self.setup.other_accounts.contains(name));
        let names: Vec<&String> =
            listed.filter(|name| name.as_str() > after).take(most + 1).collect();
        let arns: Vec<String> =
            names.iter().take(most).map(|name| self.setup.cluster_arn(name)).collect();
        let token = (names.len() > most).then(|| names[most - 1]);
        answer(&paged("clusterArns", &arns, token))
    }

    fn cluster(&self, body: &Value) -> Result<String, Reply> {
        let text = body["cluster"].as_str().unwrap_or("default");
        let name = text.rsplit('/').next().unwrap_or_default();
        let known = self.clusters.contains_key(name)
            && (text == name || text == self.setup.cluster_arn(name));
        known
            .then(|| name.to_owned())
            .ok_or_else(|| error(400, "ClusterNotFoundException", "Cluster not found."))
    }

    /// Simplified: only the filters `family`, `startedBy` and `desiredStatus` are known, and a
    /// page is filled with matches.
    fn list_tasks(&self, body: &Value, now: Timestamp) -> Result<Reply, Reply> {
        let cluster = self.cluster(body)?;
        let (family, started_by) = (body["family"].as_str(), body["startedBy"].as_str());
        if started_by.is_some() && family.is_some() {
            return Err(invalid("startedBy must be the only filter"));
        }
        let wanted = body["desiredStatus"].as_str().unwrap_or("RUNNING");
        if !matches!(wanted, "RUNNING" | "PENDING" | "STOPPED") {
            return Err(invalid("unknown desiredStatus"));
        }
        if body["maxResults"].as_u64().is_some_and(|most| most == 0 || most > 100) {
            return Err(invalid("maxResults must be between 1 and 100"));
        }
        let most = page_size(body, &self.setup);
        let after = body["nextToken"].as_str().unwrap_or_default().to_owned();
        let rest = self.clusters[&cluster].range((Bound::Excluded(after), Bound::Unbounded));
        let shown = now - self.setup.lists_lag;
        let matching = rest.filter(|(_, task)| {
            let status = if task.was_wanted_running(shown) { "RUNNING" } else { "STOPPED" };
            task.visible(shown)
                && status == wanted
                && family.is_none_or(|family| family == task.family)
                && started_by.is_none_or(|by| task.started_by.as_deref() == Some(by))
        });
        let found: Vec<&Task> = matching.map(|(_, task)| task).take(most + 1).collect();
        let arns: Vec<String> = found.iter().take(most).map(|task| task.arn.clone()).collect();
        let token = (found.len() > most).then(|| &found[most - 1].key.id);
        Ok(answer(&paged("taskArns", &arns, token)))
    }

    fn named(&self, cluster: &str, text: &str) -> Named {
        let Setup { region, account, .. } = &self.setup;
        let task = format!("arn:aws:ecs:{region}:{account}:task/");
        let long = text.strip_prefix(&format!("{task}{cluster}/"));
        let short = text.strip_prefix(&task).filter(|id| !id.contains('/'));
        let id = match long.or(short) {
            Some(id) => id,
            None if text.contains([':', '/']) => return Named::Foreign,
            None => text,
        };
        Named::Task(TaskKey { cluster: cluster.to_owned(), id: id.to_owned() })
    }

    /// The answer, and which of the tasks that were named it shows.
    fn describe_tasks(
        &self,
        body: &Value,
        now: Timestamp,
    ) -> Result<(Reply, Vec<(TaskKey, bool)>), Reply> {
        let cluster = self.cluster(body)?;
        let names: Vec<&str> =
            body["tasks"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if names.is_empty() {
            return Err(invalid("Tasks cannot be empty."));
        }
        if names.len() > PAGE {
            return Err(invalid("Member must have length less than or equal to 100"));
        }
        let tags = body["include"]
            .as_array()
            .is_some_and(|fields| fields.iter().any(|field| field == "TAGS"));
        let (mut tasks, mut failures, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            let Named::Task(key) = self.named(&cluster, name) else {
                return Err(invalid(
                    "Invalid identifier: Identifier is for another account or cluster.",
                ));
            };
            let known = |task: &&Task| task.visible(now) && now >= task.described_from;
            let found = self.task(&key).filter(known);
            keys.push((key.clone(), found.is_some()));
            if let Some(task) = found.map(|task| task.as_of(now)) {
                let mut shown = self.show(&task, now, tags, epoch_seconds);
                self.lag_behind(&mut shown, &task, now);
                tasks.push(shown);
            } else {
                failures.push(json!({"arn": self.arn(&key), "reason": "MISSING"}));
            }
        }
        Ok((answer(&json!({"tasks": tasks, "failures": failures})), keys))
    }

    pub(crate) fn arn(&self, key: &TaskKey) -> String {
        let Setup { region, account, .. } = &self.setup;
        format!("arn:aws:ecs:{region}:{account}:task/{}/{}", key.cluster, key.id)
    }

    fn stop_task(&mut self, asker: &Asker, body: &Value, now: Timestamp) -> Result<Reply, Reply> {
        let cluster = self.cluster(body)?;
        let reason = body["reason"].as_str().unwrap_or("Task stopped by user").to_owned();
        if reason.len() > 255 {
            return Err(invalid("Reason must be at most 255 characters."));
        }
        let not_found = || invalid("The referenced task was not found.");
        let Named::Task(key) = self.named(&cluster, body["task"].as_str().unwrap_or_default())
        else {
            return Err(not_found());
        };
        if !self.task(&key).is_some_and(|task| task.visible(now)) {
            return Err(not_found());
        }
        self.judge_stop(asker, &key, now);
        self.stop_by_a_call(&key, reason, now).ok_or_else(not_found)?;
        let shown = self.task(&key).map(|task| self.show(task, now, false, epoch_seconds));
        Ok(answer(&json!({"task": shown})))
    }

    /// Simplified: only tasks have tags here, and a task takes them until it is STOPPED.
    fn tag(
        &mut self,
        asker: &Asker,
        api: Api,
        body: &Value,
        now: Timestamp,
    ) -> Result<Reply, Reply> {
        let arn = body["resourceArn"].as_str().unwrap_or_default();
        let cluster = arn.split('/').nth(1).unwrap_or_default();
        let Named::Task(key) = self.named(cluster, arn) else {
            return Err(invalid("Invalid resource ARN."));
        };
        let Some(task) = self.task(&key).filter(|task| task.visible(now)) else {
            return Err(error(400, "ResourceNotFoundException", "The specified task is missing."));
        };
        if task.phase(now) == Phase::Stopped {
            return Err(invalid(
                "The specified task is stopped. Specify a running task and try again.",
            ));
        }
        let mut tags = body["tags"].as_array().into_iter().flatten();
        if !tags.all(|tag| is_taggable(&tag["key"], 128) && is_taggable(&tag["value"], 256)) {
            return Err(invalid("Invalid character or length in a tag."));
        }
        self.judge_task_write(asker, api, &key);
        let mut set = body["tags"].as_array().into_iter().flatten();
        if set.any(|tag| tag["key"] == self.setup.ended_tag.as_str()) {
            self.judge_ended_tag(asker, &key);
        }
        if let Some(task) = self.task_mut(&key) {
            for tag in body["tags"].as_array().into_iter().flatten() {
                let text = |field: &str| tag[field].as_str().unwrap_or_default().to_owned();
                task.tags.set(text("key"), text("value"), now);
            }
            for name in body["tagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                task.tags.remove(name, now);
            }
        }
        Ok(answer(&json!({})))
    }
}

/// What a tag may be made of (ECS API reference, `Tag`).
fn is_taggable(text: &Value, longest: usize) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
    text.as_str().is_some_and(|text| text.len() <= longest && text.chars().all(allowed))
}

fn page_size(body: &Value, setup: &Setup) -> usize {
    body["maxResults"]
        .as_u64()
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(PAGE)
        .clamp(1, PAGE)
        .min(setup.page)
}

fn paged(field: &str, arns: &[String], token: Option<&String>) -> Value {
    let mut page = json!({field: arns});
    if let Some(token) = token {
        page["nextToken"] = json!(token);
    }
    page
}

/// As ECS answers times.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit")]
fn epoch_seconds(at: Timestamp) -> Value {
    json!(at.as_millisecond() as f64 / 1000.0)
}
