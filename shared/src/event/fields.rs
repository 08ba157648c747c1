use super::error::EventError;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The fields of a JSON object, read one by one so that an error can name the field.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn of_root(event: &'a Value) -> Result<Self, EventError> {
        match event {
            Value::Object(map) => Ok(Self { path: String::new(), map }),
            _ => Err(EventError::new("body", "an EventBridge event is a JSON object")),
        }
    }

    pub(super) fn object(&self, name: &str) -> Result<Self, EventError> {
        self.optional_object(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn optional_object(&self, name: &str) -> Result<Option<Self>, EventError> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self { path: self.path_of(name), map })),
            Some(_) => Err(self.error(name, "it must be an object")),
        }
    }

    /// A field whatever it is.
    pub(super) fn any(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    /// Refuses every field that is none of `known`.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), EventError> {
        match self.map.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(100).collect();
                Err(self.error(&name, format!("it is none of {}", known.join(", "))))
            }
        }
    }

    /// The name of its first field; none where it is empty.
    pub(super) fn first(&self) -> Option<String> {
        self.map.keys().next().map(|name| name.chars().take(100).collect())
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, EventError> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(name, "it must be a string")),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, EventError> {
        self.optional_text(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn optional_timestamp(&self, name: &str) -> Result<Option<Timestamp>, EventError> {
        let parse = |text: &str| {
            text.parse().map_err(|problem| {
                self.error(name, format!("it must be an RFC 3339 time with its offset: {problem}"))
            })
        };
        self.optional_text(name)?.map(parse).transpose()
    }

    pub(super) fn timestamp(&self, name: &str) -> Result<Timestamp, EventError> {
        self.optional_timestamp(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn optional_integer(&self, name: &str) -> Result<Option<i64>, EventError> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_i64() {
                Some(number) => Ok(Some(number)),
                None => Err(self.error(name, "it must be a whole number")),
            },
        }
    }

    fn missing(&self, name: &str) -> EventError {
        self.error(name, "it is missing")
    }

    pub(super) fn error(&self, name: &str, problem: impl Into<String>) -> EventError {
        EventError::new(self.path_of(name), problem)
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}
