use super::artifacts::ArtifactMode;
use super::completion_mode::CompletionMode;
use super::duration::duration;
use super::sweep::SweepMode;
use crate::page::printable;
use crate::session::{ClusterName, Home, TargetGroupArn, is_ecs_name};
use std::fmt::Display;
use std::time::Duration;

/// One environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value where it is not set; `None` when it must be.
    pub default: Option<&'static str>,
}

const fn required(name: &'static str) -> Variable {
    Variable { name, default: None }
}

const fn optional(name: &'static str, default: &'static str) -> Variable {
    Variable { name, default: Some(default) }
}

/// All variables that the functions read, with their defaults.
pub const VARIABLES: &[Variable] = &[
    required("CLUSTERS"),
    required("FAMILIES"),
    optional("IDENTITY_SOURCES", "env:SESSION_ID,tag:session-id"),
    optional("SESSION_CONTAINER", ""),
    optional("TARGET_GROUP_ARNS", ""),
    optional("CONTAINER_PORT", "8080"),
    optional("COMPLETE_PATH", "/session/complete"),
    optional("CONTAINER_AUTHORIZATION", ""),
    optional("HEALTH_PATH", "/health"),
    optional("CONNECT_TIMEOUT", "2s"),
    optional("PROBE_TIMEOUT", "5s"),
    optional("ARTIFACT_BUCKET", ""),
    optional("ARTIFACT_PREFIX", ""),
    optional("ARTIFACT_MARKER", "debug/session_status.json"),
    optional("ARTIFACT_MODE", "complete"),
    optional("MARKER_WRITTEN_LAST", "false"),
    required("LEDGER_BUCKET"),
    optional("EVENT_SOURCE", "session.lifecycle"),
    optional("COMPLETION_MODE", "enforce"),
    optional("MAX_RECEIVE_COUNT", "5"),
    optional("IDENTIFY_TIMEOUT", "10s"),
    optional("UPLOAD_TIMEOUT", "30s"),
    optional("TARGET_TIMEOUT", "10s"),
    optional("VERIFY_TIMEOUT", "30s"),
    optional("STOP_TIMEOUT", "10s"),
    optional("RECEIPT_TIMEOUT", "5s"),
    optional("DEADLINE_MARGIN", "1s"),
    optional("REAPER_MODE", "report"),
    optional("WARM_POOL", "false"),
    optional("SWEEP_INTERVAL", "5m"),
    optional("MAX_SESSION_AGE", "2h"),
    optional("HARD_AGE", "24h"),
    optional("LEASE_GRACE", "15m"),
    optional("START_UP_GRACE", "10m"),
    optional("SALVAGE_WINDOW", "30m"),
    optional("BLAST_RADIUS_AT_LEAST", "3"),
    optional("BLAST_RADIUS_PERCENT", "25"),
    optional("RATE_SHARE_PERCENT", "50"),
    optional("FUNCTION_TIMEOUT", "60s"),
    optional("REAPER_TIMEOUT", "240s"),
    optional("LOG_LEVEL", "info"),
    optional("STACK_NAME", "fargate-session-cleanup"),
];

/// A variable that keeps the function from starting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is not set.
    #[error("the environment variable {name} must be set; see docs/configuration.md")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A value that can't be used.
    #[error("the environment variable {name} is {value:?}: {problem}; see docs/configuration.md")]
    Wrong {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ConfigError {
    pub(crate) fn wrong(name: &str, value: &str, problem: &impl Display) -> Self {
        wrong(name, value, problem)
    }
}

/// Reads variables by name, each with the default of [`VARIABLES`].
pub(super) struct Variables<'a> {
    look_up: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(look_up: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { look_up }
    }

    pub(super) fn text(&self, name: &str) -> Result<String, ConfigError> {
        let default = VARIABLES.iter().find(|known| known.name == name).and_then(|v| v.default);
        (self.look_up)(name)
            .or_else(|| default.map(str::to_owned))
            .ok_or_else(|| ConfigError::Missing { name: name.to_owned() })
    }

    pub(super) fn one<T, E: Display>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        let value = self.text(name)?;
        parse(value.trim()).map_err(|problem| wrong(name, &value, &problem))
    }

    /// One that no error shows.
    pub(super) fn secret<T, E: Display>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        parse(self.text(name)?.trim()).map_err(|problem| wrong(name, "(not shown)", &problem))
    }

    /// A list of at least one.
    pub(super) fn list<T, E: Display>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, ConfigError> {
        let list = self.any(name, parse)?;
        if list.is_empty() {
            return Err(wrong(name, &self.text(name)?, &"at least one entry is needed"));
        }
        Ok(list)
    }

    /// A list that may be empty.
    fn any<T, E: Display>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, ConfigError> {
        let value = self.text(name)?;
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| parse(part).map_err(|problem| wrong(name, &value, &problem))).collect()
    }

    pub(super) fn duration(&self, name: &str) -> Result<Duration, ConfigError> {
        self.one(name, duration)
    }

    /// A duration of at most `most`.
    pub(super) fn at_most(&self, name: &str, most: Duration) -> Result<Duration, ConfigError> {
        let duration = self.duration(name)?;
        if duration > most {
            return Err(wrong(name, &self.text(name)?, &format!("at most {most:?} is possible")));
        }
        Ok(duration)
    }

    /// That a duration is at least `least`, the sum of `what`.
    pub(super) fn at_least(
        &self,
        name: &str,
        least: Duration,
        what: &str,
    ) -> Result<(), ConfigError> {
        if self.duration(name)? < least {
            let problem = format!("it must be at least {least:?}: {what}");
            return Err(wrong(name, &self.text(name)?, &problem));
        }
        Ok(())
    }

    /// A duration that must be longer than that of another variable.
    pub(super) fn longer(&self, name: &str, than: &str) -> Result<Duration, ConfigError> {
        let (duration, least) = (self.duration(name)?, self.duration(than)?);
        if duration <= least {
            let problem = format!("it must be longer than {than}, which is {least:?}");
            return Err(wrong(name, &self.text(name)?, &problem));
        }
        Ok(duration)
    }

    /// The target groups; none, where no load balancer routes to sessions.
    pub(super) fn target_groups(&self, home: &Home) -> Result<Vec<TargetGroupArn>, ConfigError> {
        let parse = |text: &str| {
            let (arn, its_home) =
                TargetGroupArn::parse(text).map_err(|problem| problem.to_string())?;
            of_home(&its_home, home).map(|()| arn)
        };
        self.any(TARGET_GROUPS, parse)
    }

    pub(super) fn clusters(&self, home: &Home) -> Result<Vec<ClusterName>, ConfigError> {
        self.list(CLUSTERS, |text| {
            if !text.starts_with("arn:") {
                return ClusterName::parse(text).map_err(|problem| problem.to_string());
            }
            let (cluster, its_home) =
                ClusterName::parse_arn(text).map_err(|problem| problem.to_string())?;
            of_home(&its_home, home).map(|()| cluster)
        })
    }

    /// Partition, Region and account: those of the first ARN of a cluster, or else of a target group. All
    /// others must agree, and so must the Region that Lambda tells the function.
    pub(super) fn home(&self) -> Result<Home, ConfigError> {
        let first = |name: &str, home: fn(&str) -> Option<Home>| {
            let value = self.text(name)?;
            Ok::<_, ConfigError>(value.split(',').map(str::trim).find_map(home))
        };
        let of_cluster = |text: &str| ClusterName::parse_arn(text).ok().map(|(_, home)| home);
        let of_group = |text: &str| TargetGroupArn::parse(text).ok().map(|(_, home)| home);
        let of_groups = first(TARGET_GROUPS, of_group)?;
        let Some(home) = first(CLUSTERS, of_cluster)?.or(of_groups) else {
            return Err(self.homeless()?);
        };
        let region = (self.look_up)(REGION).filter(|region| !region.is_empty());
        match region.filter(|region| *region != home.region) {
            None => Ok(home),
            Some(region) => {
                let problem = format!("the ARNs of CLUSTERS and TARGET_GROUP_ARNS are of {home}");
                Err(wrong(REGION, &region, &problem))
            }
        }
    }

    /// Why nothing says in which account and Region the clusters are.
    fn homeless(&self) -> Result<ConfigError, ConfigError> {
        let groups = self.text(TARGET_GROUPS)?;
        let group = groups.split(',').map(str::trim).find(|text| !text.is_empty());
        if let Some(Err(problem)) = group.map(TargetGroupArn::parse) {
            return Ok(wrong(TARGET_GROUPS, &groups, &problem));
        }
        let problem = "without a target group they must be ARNs, for nothing else says in which account \
                       and Region they are";
        Ok(wrong(CLUSTERS, &self.text(CLUSTERS)?, &problem))
    }

    /// In the mode `observe` lines of the level `info` are all that is left of an event.
    pub(super) fn log_level(&self, mode: CompletionMode) -> Result<tracing::Level, ConfigError> {
        let level = self.one("LOG_LEVEL", log_level)?;
        match mode {
            CompletionMode::Observe if level < tracing::Level::INFO => {
                let problem = "COMPLETION_MODE is observe, which logs at the level info";
                Err(wrong("LOG_LEVEL", &self.text("LOG_LEVEL")?, &problem))
            }
            CompletionMode::Observe | CompletionMode::Enforce => Ok(level),
        }
    }

    pub(super) fn artifact_mode(&self) -> Result<ArtifactMode, ConfigError> {
        let marker_written_last = self.one("MARKER_WRITTEN_LAST", yes_or_no)?;
        self.one("ARTIFACT_MODE", |text| match text {
            "complete" => Ok(ArtifactMode::Complete),
            "none" => Ok(ArtifactMode::SelfUpload { marker_written_last }),
            "discard" => Ok(ArtifactMode::Discard),
            _ => Err("it is complete, none or discard"),
        })
    }

    /// The bucket of artifacts, where there are any.
    pub(super) fn artifact_bucket(
        &self,
        mode: ArtifactMode,
    ) -> Result<Option<String>, ConfigError> {
        let name = "ARTIFACT_BUCKET";
        match mode {
            ArtifactMode::Discard if self.text(name)?.is_empty() => Ok(None),
            ArtifactMode::Complete | ArtifactMode::SelfUpload { .. } | ArtifactMode::Discard => {
                self.one(name, bucket).map(Some)
            }
        }
    }

    /// The ledger is written by us alone, and no session's role may write it: not the artifacts'.
    pub(super) fn ledger(&self, artifact_bucket: Option<&str>) -> Result<String, ConfigError> {
        let name = "LEDGER_BUCKET";
        let bucket = self.one(name, bucket)?;
        if Some(bucket.as_str()) == artifact_bucket {
            return Err(wrong(name, &bucket, &"it must be another bucket than ARTIFACT_BUCKET"));
        }
        Ok(bucket)
    }
}

fn wrong(name: &str, value: &str, problem: &impl Display) -> ConfigError {
    ConfigError::Wrong {
        name: name.to_owned(),
        value: printable(value),
        problem: printable(&problem.to_string()),
    }
}

const CLUSTERS: &str = "CLUSTERS";
const TARGET_GROUPS: &str = "TARGET_GROUP_ARNS";

/// The variable by which Lambda tells a function where it runs.
const REGION: &str = "AWS_REGION";

fn of_home(its_home: &Home, home: &Home) -> Result<(), String> {
    if its_home == home {
        return Ok(());
    }
    Err(format!("it is of {its_home}, and others of CLUSTERS and TARGET_GROUP_ARNS are of {home}"))
}

/// A container by its name in the task definition; empty for none.
pub(super) fn container(text: &str) -> Result<Option<String>, &'static str> {
    match text {
        "" => Ok(None),
        name if is_ecs_name(name) => Ok(Some(name.to_owned())),
        _ => Err("a container's name is made of A-Z a-z 0-9 - _ only"),
    }
}

pub(super) fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|port| *port > 0).ok_or("a port from 1 to 65535 is needed")
}

pub(super) fn path(text: &str) -> Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_graphic() && b != b'#' && b != b'?';
    if text.starts_with('/') && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a path that starts with / and has no spaces, ? or # is needed")
    }
}

pub(super) fn bucket(text: &str) -> Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    if (3..=63).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a bucket has 3 to 63 of a-z 0-9 . -")
    }
}

pub(super) fn key(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.starts_with('/') {
        Err("a key that does not start with / is needed")
    } else {
        Ok(text.to_owned())
    }
}

fn log_level(text: &str) -> Result<tracing::Level, &'static str> {
    match text {
        "error" => Ok(tracing::Level::ERROR),
        "warn" => Ok(tracing::Level::WARN),
        "info" => Ok(tracing::Level::INFO),
        "debug" => Ok(tracing::Level::DEBUG),
        _ => Err("it is error, warn, info or debug"),
    }
}

pub(super) fn sweep_mode(text: &str) -> Result<SweepMode, &'static str> {
    match text {
        "report" => Ok(SweepMode::Report),
        "enforce" => Ok(SweepMode::Enforce),
        _ => Err("it is either report or enforce"),
    }
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("it is either true or false"),
    }
}

pub(super) fn count(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|count| *count > 0).ok_or("a whole number above 0 is needed")
}

pub(super) fn event_source(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.starts_with("aws.") {
        Err("a source of your own is needed; AWS keeps those that start with aws.")
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests;
