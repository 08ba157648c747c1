use super::doctor::asks_for_doctor;
use super::error::EventError;
use super::fields::Fields;
use crate::config::Config;
use crate::session::{SessionId, TaskArn};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddrV4};

/// What the inspector is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Why something is, or is not, touched.
    Explain(AskedAbout),
    /// What became of a session.
    Session(SessionId),
    /// What the last sweeps found.
    Sweeps {
        /// How many of them, at most.
        last: usize,
    },
    /// Whether the system is set up right.
    Doctor,
    /// `CloudWatch` asks what the widget takes.
    WidgetDescription,
    /// `CloudWatch` draws the widget.
    Widget,
}

/// What a person asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedAbout {
    /// A task, by its ARN.
    Task(TaskArn),
    /// What looks like a task's id. A session may be called so, too.
    TaskIdOrSession(SessionId),
    /// A session.
    Session(SessionId),
    /// An address that a target may be registered with.
    Address {
        /// The address.
        ip: Ipv4Addr,
        /// The port, where only one is meant.
        port: Option<u16>,
    },
}

/// What can be asked, as it is told to whoever asks for something else.
pub const WHAT_CAN_BE_ASKED: &str = r#"{"explain": "<task ARN, task id, session id, ip or ip:port>"}, {"session": "<session id>"}, {"sweeps": {"last": 5}} or {"doctor": {}}"#;

/// So many sweeps are told where nobody says how many.
const LAST: i64 = 5;

/// Each sweep is an object to be read.
const AT_MOST: i64 = 50;

impl Question {
    /// Reads what the inspector is invoked with: one question of a person's, or a custom widget's call
    /// (`CloudWatch` user guide, "Details about custom widgets").
    ///
    /// # Errors
    /// [`EventError`] names the field that is wrong, or what can be asked.
    pub fn parse(payload: &Value, config: &Config) -> Result<Self, EventError> {
        if asks_for_doctor(payload)? {
            return Ok(Self::Doctor);
        }
        let fields = Fields::of_root(payload)?;
        if fields.any("describe") == Some(&Value::Bool(true)) {
            return Ok(Self::WidgetDescription);
        }
        if fields.any("widgetContext").is_some() {
            return Ok(Self::Widget);
        }
        fields.only(&["explain", "session", "sweeps", "doctor"])?;
        let asked = ["explain", "session", "sweeps"]
            .into_iter()
            .filter(|name| fields.any(name).is_some())
            .collect::<Vec<_>>();
        match asked.as_slice() {
            ["explain"] => {
                let subject = AskedAbout::parse(fields.text("explain")?, config);
                subject.map(Self::Explain).map_err(|why| fields.error("explain", why))
            }
            ["session"] => {
                let session = SessionId::parse(fields.text("session")?);
                let session = session.map_err(|why| fields.error("session", why.to_string()))?;
                Ok(Self::Session(session))
            }
            ["sweeps"] => {
                let sweeps = fields.object("sweeps")?;
                sweeps.only(&["last"])?;
                let last = sweeps.optional_integer("last")?.unwrap_or(LAST);
                match usize::try_from(last) {
                    Ok(count) if (1..=AT_MOST).contains(&last) => Ok(Self::Sweeps { last: count }),
                    Ok(_) | Err(_) => {
                        Err(sweeps
                            .error("last", format!("it must be a number from 1 to {AT_MOST}")))
                    }
                }
            }
            [] => Err(EventError::new("body", format!("it asks nothing; ask {WHAT_CAN_BE_ASKED}"))),
            _ => Err(EventError::new("body", "it asks several things; ask one at a time")),
        }
    }
}

impl AskedAbout {
    fn parse(text: &str, config: &Config) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with("arn:") {
            let (task, home) = TaskArn::parse(text).map_err(|error| error.to_string())?;
            let ours = &config.scope.home;
            return if home == *ours {
                Ok(Self::Task(task))
            } else {
                Err(format!("it is of {home}, and this stack is of {ours}"))
            };
        }
        if let Ok(ip) = text.parse() {
            return Ok(Self::Address { ip, port: None });
        }
        if let Ok(address) = text.parse::<SocketAddrV4>() {
            return Ok(Self::Address { ip: *address.ip(), port: Some(address.port()) });
        }
        let session = SessionId::parse(text).map_err(|error| error.to_string())?;
        // ECS user guide, "Amazon Resource Names (ARNs) and IDs": a task's id is 32 hexadecimal digits.
        let is_task_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        Ok(if is_task_id { Self::TaskIdOrSession(session) } else { Self::Session(session) })
    }
}

#[cfg(test)]
mod tests;
