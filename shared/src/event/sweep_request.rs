use super::doctor::asks_for_doctor;
use super::error::EventError;
use super::fields::Fields;
use crate::config::{Config, SweepMode};
use crate::page::printable;
use crate::session::{ClusterName, SessionTask};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

/// What the reaper is invoked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReaperEvent {
    /// Sweep.
    Sweep(SweepRequest),
    /// Someone asks the function to examine itself (`{"doctor": {}}`). The answer is what it finds.
    Doctor,
    /// Understood, and nothing to do: an alarm that has ended. Acknowledged without a call.
    OutOfScope {
        /// Why nothing is done.
        reason: String,
    },
}

/// What a sweep is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepRequest {
    /// What asked for it.
    pub trigger: Trigger,
    /// Whether it acts.
    pub mode: SweepMode,
    /// A cluster that an operator has declared over.
    pub force: Option<ForceCluster>,
    /// The stored report that an operator has read: nothing outside it is acted on.
    pub plan: Option<ReportKey>,
}

/// What asks for a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The schedule.
    Schedule,
    /// An alarm on failing cleanups: the circuit breaker.
    Alarm(String),
    /// A person, or a program of theirs.
    Direct,
}

/// An operator's order, the fail-safe: every session task of a cluster that was created before this
/// time is an orphan, unless rows T0 to T3 or T6 of the table keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForceCluster {
    /// The cluster.
    pub cluster: ClusterName,
    /// What was created later is not meant.
    pub created_before: Timestamp,
}

/// Where a sweep's report is kept: `sweeps/….json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReportKey(String);

/// Far longer than any that a sweep makes, and far shorter than the longest key of S3.
const LONGEST_NAME: usize = 200;

impl ReportKey {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.strip_prefix("sweeps/").and_then(|rest| rest.strip_suffix(".json"));
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        match name {
            Some(name) if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits) => {
                Ok(Self(text.to_owned()))
            }
            Some(_) | None => {
                Err("it must be a report's `kept_as`, such as sweeps/1795678474-….json")
            }
        }
    }

    /// The key of the object in the ledger.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How old `created_before` may be when it is handled: a retried or delayed invocation must not hit
/// what was started since.
const OLDEST: SignedDuration = SignedDuration::from_mins(15);

impl ForceCluster {
    /// Whether it speaks of `task`.
    #[must_use]
    pub fn means(&self, task: &SessionTask) -> bool {
        *task.arn.cluster() == self.cluster && task.started_at() < self.created_before
    }
}

impl ReaperEvent {
    /// Reads a schedule event, an alarm's state change, a question for the doctor, or a direct invocation
    /// (`{"mode": "report" | "enforce", "force_cluster": {"cluster", "created_before"}?, "plan": "sweeps/….json"?}`).
    ///
    /// # Errors
    /// [`EventError`] names the field that is missing or wrong. A direct invocation with a field that
    /// is not known is refused: a misspelt order must not become another one.
    pub fn parse(payload: &Value, config: &Config, now: Timestamp) -> Result<Self, EventError> {
        if asks_for_doctor(payload)? {
            return Ok(Self::Doctor);
        }
        let fields = Fields::of_root(payload)?;
        let Some(kind) = fields.optional_text("detail-type")? else {
            return direct(&fields, config, now).map(Self::Sweep);
        };
        let scheduled = |trigger| {
            let mode = config.sweep.mode;
            Self::Sweep(SweepRequest { trigger, mode, force: None, plan: None })
        };
        match (kind, fields.text("source")?) {
            ("Scheduled Event", "aws.events") => Ok(scheduled(Trigger::Schedule)),
            ("CloudWatch Alarm State Change", "aws.cloudwatch") => {
                let detail = fields.object("detail")?;
                let alarm = printable(detail.text("alarmName")?);
                let state = detail.object("state")?;
                match state.text("value")? {
                    "ALARM" => Ok(scheduled(Trigger::Alarm(alarm))),
                    ended @ ("OK" | "INSUFFICIENT_DATA") => {
                        Ok(Self::OutOfScope { reason: format!("the alarm {alarm} is {ended}") })
                    }
                    _ => Err(state.error("value", "it must be ALARM, OK or INSUFFICIENT_DATA")),
                }
            }
            ("Scheduled Event" | "CloudWatch Alarm State Change", source) => Err(fields.error(
                "source",
                format!(
                    "{source:?} sends no such event; `Scheduled Event` comes from \"aws.events\", \
                     `CloudWatch Alarm State Change` from \"aws.cloudwatch\""
                ),
            )),
            (other, _) => Err(fields.error(
                "detail-type",
                format!(
                    "{:?} is neither `Scheduled Event` nor `CloudWatch Alarm State Change`",
                    other.chars().take(100).collect::<String>()
                ),
            )),
        }
    }
}

fn direct(
    fields: &Fields<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<SweepRequest, EventError> {
    fields.only(&["mode", "force_cluster", "plan"])?;
    // A program that has found no report to name must not get a sweep without limits.
    for order in ["force_cluster", "plan"] {
        if fields.any(order).is_some_and(Value::is_null) {
            return Err(fields.error(order, "it is null: name it, or leave it out"));
        }
    }
    let mode = match fields.text("mode")? {
        "report" => SweepMode::Report,
        "enforce" => SweepMode::Enforce,
        _ => return Err(fields.error("mode", "it must be report or enforce")),
    };
    let force = match fields.optional_object("force_cluster")? {
        None => None,
        Some(_) if mode == SweepMode::Report => {
            let problem = "it works with the mode enforce only";
            return Err(fields.error("force_cluster", problem));
        }
        Some(order) => Some(force(&order, config, now)?),
    };
    let plan = match fields.optional_text("plan")? {
        None => None,
        Some(key) => {
            Some(plan(key, mode, force.as_ref()).map_err(|why| fields.error("plan", why))?)
        }
    };
    Ok(SweepRequest { trigger: Trigger::Direct, mode, force, plan })
}

fn plan(
    key: &str,
    mode: SweepMode,
    force: Option<&ForceCluster>,
) -> Result<ReportKey, &'static str> {
    match (mode, force) {
        (SweepMode::Report, _) => Err("it works with the mode enforce only"),
        (SweepMode::Enforce, Some(_)) => Err("it can't be had together with force_cluster"),
        (SweepMode::Enforce, None) => ReportKey::parse(key),
    }
}

fn force(order: &Fields<'_>, config: &Config, now: Timestamp) -> Result<ForceCluster, EventError> {
    order.only(&["cluster", "created_before"])?;
    let cluster = ClusterName::parse(order.text("cluster")?)
        .map_err(|problem| order.error("cluster", problem.to_string()))?;
    if !config.scope.clusters.contains(&cluster) {
        return Err(order.error("cluster", format!("{cluster} is not configured")));
    }
    let created_before: Timestamp = order.timestamp("created_before")?;
    if created_before > now {
        return Err(order.error("created_before", format!("it lies in the future of {now}")));
    }
    if now.duration_since(created_before) > OLDEST {
        let problem = format!("it lies more than 15 minutes before {now}; say the time anew");
        return Err(order.error("created_before", problem));
    }
    Ok(ForceCluster { cluster, created_before })
}
