//! Configuration: environment variables, parsed once at start-up into typed values. A bad one stops
//! the function with an error that names it. `docs/configuration.md` is the table for people; a test
//! holds it against [`VARIABLES`].

mod artifacts;
mod authorization;
mod completion_mode;
mod duration;
mod stack;
mod sweep;
mod time_budget;
mod variables;

use crate::session::{Families, IdentitySource, Scope};
pub use artifacts::{ArtifactMode, Artifacts};
pub use authorization::Authorization;
pub use completion_mode::CompletionMode;
use std::time::Duration;
pub use sweep::{BlastRadius, Percent, Sweep, SweepMode};
use variables::Variables;
pub use variables::{ConfigError, VARIABLES, Variable};

/// Everything that a user can set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whose sessions are ours.
    pub scope: Scope,
    /// How a session's container is called.
    pub container: Container,
    /// Where its artifacts are.
    pub artifacts: Artifacts,
    /// The bucket of receipts and intents.
    pub ledger_bucket: String,
    /// `source` of `Session Ended` events.
    pub event_source: String,
    /// Whether the completion function acts.
    pub completion_mode: CompletionMode,
    /// How often the queue delivers an event, before it goes to the dead-letter queue.
    pub max_receive_count: usize,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// When a sweep acts, and how much it may do.
    pub sweep: Sweep,
    /// How much is logged.
    pub log_level: tracing::Level,
    /// Whose metrics these are, where several stacks share an account and a Region.
    pub stack_name: String,
}

/// The longest that a TCP connection may take. An act arrives so much later than it is sent, and must
/// not rest on a look that is more than 5 s old then: a look counts for the 3 s that are left.
pub const LONGEST_CONNECTING: Duration = Duration::from_secs(2);

/// The session container's contract.
#[derive(Debug, Clone)]
pub struct Container {
    /// The port that it listens on, and that its target is registered with.
    pub port: u16,
    /// `POST` here completes the session.
    pub complete_path: String,
    /// What the complete path wants to be told in the header `Authorization`.
    pub authorization: Option<Authorization>,
    /// `GET` here answers 200 while the session is active and 503 once it is complete.
    pub health_path: String,
    /// How long an answer to our own health check may take. Longer than a connection may.
    pub probe_timeout: Duration,
    /// How long a TCP connection may take; at most [`LONGEST_CONNECTING`].
    pub connect_timeout: Duration,
}

/// How long each step of a cleanup may take. All of them are cut further by the Lambda deadline.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// Finding the task.
    pub identify: Duration,
    /// Container call and marker, with their retries.
    pub upload: Duration,
    /// Intent, deregistration, and whether it was still ours.
    pub target: Duration,
    /// Until the target is draining or gone.
    pub verify: Duration,
    /// `StopTask`, with its retries.
    pub stop: Duration,
    /// The receipt.
    pub receipt: Duration,
    /// Kept free before Lambda's own deadline.
    pub deadline_margin: Duration,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, its value, and what it should be.
    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Reads variables from `look_up`, which answers a name with its value.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, its value, and what it should be.
    pub fn from_variables(look_up: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let read = Variables::new(&look_up);
        let home = read.home()?;
        let mode = read.artifact_mode()?;
        let artifact_bucket = read.artifact_bucket(mode)?;
        let completion_mode = read.one("COMPLETION_MODE", CompletionMode::parse)?;
        let ledger_bucket = read.ledger(artifact_bucket.as_deref())?;
        let config = Self {
            scope: Scope {
                clusters: read.clusters(&home)?.into_iter().collect(),
                families: read.list("FAMILIES", Families::parse)?.into_iter().collect(),
                identity: read.list("IDENTITY_SOURCES", IdentitySource::parse)?,
                session_container: read.one("SESSION_CONTAINER", variables::container)?,
                target_groups: read.target_groups(&home)?,
                home,
            },
            container: Container {
                port: read.one("CONTAINER_PORT", variables::port)?,
                complete_path: read.one("COMPLETE_PATH", variables::path)?,
                authorization: read.secret("CONTAINER_AUTHORIZATION", Authorization::parse)?,
                health_path: read.one("HEALTH_PATH", variables::path)?,
                connect_timeout: read.at_most("CONNECT_TIMEOUT", LONGEST_CONNECTING)?,
                probe_timeout: read.longer("PROBE_TIMEOUT", "CONNECT_TIMEOUT")?,
            },
            artifacts: Artifacts {
                bucket: artifact_bucket,
                prefix: read.text("ARTIFACT_PREFIX")?,
                marker: read.one("ARTIFACT_MARKER", variables::key)?,
                mode,
            },
            ledger_bucket,
            event_source: read.one("EVENT_SOURCE", variables::event_source)?,
            completion_mode,
            max_receive_count: read.one("MAX_RECEIVE_COUNT", variables::count)?,
            timeouts: Timeouts {
                identify: read.duration("IDENTIFY_TIMEOUT")?,
                upload: read.duration("UPLOAD_TIMEOUT")?,
                target: read.duration("TARGET_TIMEOUT")?,
                verify: read.duration("VERIFY_TIMEOUT")?,
                stop: read.duration("STOP_TIMEOUT")?,
                receipt: read.duration("RECEIPT_TIMEOUT")?,
                deadline_margin: read.duration("DEADLINE_MARGIN")?,
            },
            sweep: Sweep {
                mode: read.one("REAPER_MODE", variables::sweep_mode)?,
                warm_pool: read.one("WARM_POOL", variables::yes_or_no)?,
                interval: read.duration("SWEEP_INTERVAL")?,
                max_session_age: read.duration("MAX_SESSION_AGE")?,
                hard_age: read.longer("HARD_AGE", "MAX_SESSION_AGE")?,
                lease_grace: read.duration("LEASE_GRACE")?,
                start_up_grace: read.duration("START_UP_GRACE")?,
                salvage_window: read.duration("SALVAGE_WINDOW")?,
                blast_radius: BlastRadius {
                    at_least: read.one("BLAST_RADIUS_AT_LEAST", variables::count)?,
                    part: read.one("BLAST_RADIUS_PERCENT", Percent::parse)?,
                },
                rate_share: read.one("RATE_SHARE_PERCENT", Percent::parse)?,
                longest_invocation: read
                    .duration("FUNCTION_TIMEOUT")?
                    .max(read.duration("REAPER_TIMEOUT")?),
            },
            log_level: read.log_level(completion_mode)?,
            stack_name: read.one("STACK_NAME", stack::stack_name)?,
        };
        config.fits_into_its_functions(&read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fuzz::{is_fit_to_be_shown, text, whatever};

    const GROUP: &str =
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123";
    const REQUIRED: [(&str, &str); 5] = [
        ("CLUSTERS", "sessions"),
        ("FAMILIES", "session"),
        ("TARGET_GROUP_ARNS", GROUP),
        ("ARTIFACT_BUCKET", "artifacts"),
        ("LEDGER_BUCKET", "ledger"),
    ];

    fn with(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_variables(|name| {
            let set = changes.iter().chain(&REQUIRED).find(|(known, _)| *known == name);
            set.map(|(_, value)| (*value).to_owned()).filter(|value| value != "(unset)")
        })
    }

    #[test]
    fn the_required_variables_alone_give_the_documented_defaults() {
        let config = with(&[]).unwrap();
        assert_eq!(config.container.port, 8080);
        assert_eq!(config.timeouts.upload, Duration::from_secs(30));
        assert_eq!(config.artifacts.mode, ArtifactMode::Complete);
        assert_eq!(config.event_source, "session.lifecycle");
        assert_eq!(config.scope.identity.len(), 2);
        assert_eq!(config.scope.home.account, "000000000000");
        assert_eq!(config.sweep.mode, SweepMode::Report, "a new deployment only looks");
        assert_eq!(config.sweep.salvage_window, Duration::from_mins(30));
    }

    #[test]
    fn the_blast_radius_is_three_or_a_quarter_whichever_is_more() {
        let radius = with(&[]).unwrap().sweep.blast_radius;
        assert_eq!([0, 11, 12, 16, 400].map(|size| radius.of(size)), [3, 3, 3, 4, 100]);
    }

    #[test]
    fn a_bad_value_stops_the_function_with_an_error_that_names_it() {
        for (name, value) in [
            ("CLUSTERS", "(unset)"),
            ("CLUSTERS", " , "),
            ("CLUSTERS", "a b"),
            ("CLUSTERS", "arn:aws:ecs:us-east-1:111111111111:cluster/sessions"),
            ("CLUSTERS", "arn:aws:ecs:us-east-1:000000000000:service/sessions"),
            ("FAMILIES", "(unset)"),
            ("FAMILIES", "session,*"),
            ("TARGET_GROUP_ARNS", "not-an-arn"),
            ("CONTAINER_PORT", "0"),
            ("CONTAINER_PORT", "http"),
            ("COMPLETE_PATH", "session/complete"),
            ("COMPLETE_PATH", "/a b"),
            ("ARTIFACT_BUCKET", ""),
            ("ARTIFACT_MARKER", ""),
            ("ARTIFACT_MODE", "maybe"),
            ("MARKER_WRITTEN_LAST", "perhaps"),
            ("WARM_POOL", "yes"),
            ("IDENTITY_SOURCES", "env:"),
            ("SESSION_CONTAINER", "a b"),
            ("UPLOAD_TIMEOUT", "30"),
            ("UPLOAD_TIMEOUT", "0s"),
            ("UPLOAD_TIMEOUT", "584542046y"),
            ("LEDGER_BUCKET", "(unset)"),
            ("LOG_LEVEL", "loud"),
            ("HEALTH_PATH", "health"),
            ("PROBE_TIMEOUT", "1s"),
            ("REAPER_MODE", "dry-run"),
            ("COMPLETION_MODE", "report"),
            ("MAX_RECEIVE_COUNT", "0"),
            ("STACK_NAME", ""),
            ("STACK_NAME", "a b"),
            ("SWEEP_INTERVAL", "5"),
            ("HARD_AGE", "1h"),
            ("BLAST_RADIUS_AT_LEAST", "0"),
            ("BLAST_RADIUS_PERCENT", "101"),
            ("RATE_SHARE_PERCENT", "0"),
        ] {
            let error = with(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name), "{name}={value}: {error}");
        }
    }

    #[test]
    fn whoever_only_observes_must_log_what_it_sees() {
        let observe = |level| with(&[("COMPLETION_MODE", "observe"), ("LOG_LEVEL", level)]);
        assert!(observe("info").is_ok() && observe("debug").is_ok());
        let error = observe("warn").unwrap_err().to_string();
        assert!(error.contains("LOG_LEVEL") && error.contains("COMPLETION_MODE"), "{error}");
    }

    #[test]
    fn a_secret_stands_in_no_error_and_in_no_debug_output() {
        for wrong in ["Bearer\ns3cr3t", "Bearer s3cr3t{{resolve:ssm:/x}}", "s3cr3t\u{e9}"] {
            let error = with(&[("CONTAINER_AUTHORIZATION", wrong)]).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("CONTAINER_AUTHORIZATION"), "{shown}");
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
        let config = with(&[("CONTAINER_AUTHORIZATION", "Bearer s3cr3t")]).unwrap();
        assert!(!format!("{config:?}").contains("s3cr3t"));
        let authorization = config.container.authorization.unwrap();
        assert_eq!(authorization.reveal(), "Bearer s3cr3t");
        assert_eq!(with(&[]).unwrap().container.authorization, None);
    }

    #[test]
    fn every_variable_is_read() {
        let read = std::cell::RefCell::new(Vec::new());
        let config = Config::from_variables(|name| {
            read.borrow_mut().push(name.to_owned());
            REQUIRED.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        config.unwrap();
        let read = read.into_inner();
        for Variable { name, .. } in VARIABLES {
            assert!(
                read.iter().any(|known| known == name),
                "no field of Config is read from {name}"
            );
        }
    }

    #[test]
    fn a_cluster_may_be_named_by_its_arn() {
        let arn = "arn:aws:ecs:us-east-1:000000000000:cluster/sessions";
        let config = with(&[("CLUSTERS", arn)]).unwrap();
        assert_eq!(config.scope.clusters, with(&[]).unwrap().scope.clusters);
    }

    #[test]
    fn without_target_groups_the_clusters_arns_say_where_everything_is() {
        let arn = "arn:aws:ecs:eu-central-1:222222222222:cluster/sessions";
        let config = with(&[("TARGET_GROUP_ARNS", ""), ("CLUSTERS", arn)]).unwrap();
        assert!(!config.scope.routes_traffic());
        assert_eq!(config.scope.home.to_string(), "aws:eu-central-1:222222222222");
        let named = with(&[("TARGET_GROUP_ARNS", "")]).unwrap_err().to_string();
        assert!(named.contains("CLUSTERS") && named.contains("ARN"), "{named}");
    }

    #[test]
    fn a_function_that_runs_in_another_region_than_its_arns_is_refused() {
        assert!(with(&[("AWS_REGION", "us-east-1")]).is_ok());
        let error = with(&[("AWS_REGION", "us-west-2")]).unwrap_err().to_string();
        assert!(error.contains("AWS_REGION") && error.contains("us-east-1"), "{error}");
    }

    #[test]
    fn target_groups_of_two_accounts_are_refused() {
        let two = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/a/1,\
                   arn:aws:elasticloadbalancing:us-east-1:111111111111:targetgroup/b/2";
        let error = with(&[("TARGET_GROUP_ARNS", two)]).unwrap_err().to_string();
        assert!(error.contains("TARGET_GROUP_ARNS"), "{error}");
    }

    #[test]
    fn the_ledger_and_the_artifacts_may_not_share_a_bucket() {
        let error = with(&[("LEDGER_BUCKET", "artifacts")]).unwrap_err().to_string();
        assert!(error.contains("LEDGER_BUCKET"), "{error}");
    }

    /// One variable at a time, of which the others are as documented.
    #[test]
    fn whatever_a_variable_is_set_to_is_used_or_refused_by_its_name() {
        let samples = [
            "30s",
            "5m",
            "24h",
            "true",
            "complete",
            "debug/session_status.json",
            "/health",
            "8080",
            "25",
            "report",
            "env:SESSION_ID,tag:session-id",
            "session-*",
            "sessions",
            "artifacts",
            "Bearer x",
            "info",
            GROUP,
            "arn:aws:ecs:us-east-1:000000000000:cluster/sessions",
        ];
        whatever(|bytes: &[u8]| {
            let Some((which, rest)) = bytes.split_first() else { return };
            let name = VARIABLES[usize::from(*which) % VARIABLES.len()].name;
            let value = text(&samples, rest);
            match with(&[(name, &value)]) {
                Err(error) => {
                    let error = error.to_string();
                    is_fit_to_be_shown(&error);
                    // Some are refused for what another one says.
                    assert!(
                        VARIABLES.iter().any(|known| error.contains(known.name)),
                        "{name}: {error}"
                    );
                }
                Ok(config) => {
                    assert!(config.sweep.hard_age > config.sweep.max_session_age);
                    assert!(config.container.connect_timeout <= LONGEST_CONNECTING);
                    assert!(config.max_receive_count > 0 && config.container.port > 0);
                    let _ = (
                        config.kept_for_acting(),
                        config.longest_reaping(),
                        config.longest_removal(),
                    );
                }
            }
        });
    }

    #[test]
    fn the_configuration_table_of_the_documentation_is_the_code() {
        let (page, _) = include_str!("../../docs/configuration.md").split_once("## Param").unwrap();
        for Variable { name, default, .. } in VARIABLES {
            let default = default.map_or("required".to_owned(), |text| match text {
                "" => "(empty)".to_owned(),
                text => format!("`{text}`"),
            });
            let row = format!("| `{name}` | {default} |");
            assert!(page.contains(&row), "docs/configuration.md lacks the row {row}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, VARIABLES.len(), "docs/configuration.md has rows that no code reads");
    }
}
