use super::id::SessionId;
use super::task::Task;
use std::fmt;

/// One place where a task says which session it runs.
///
/// Sources are tried in the configured order; the first that holds a well-formed id wins. A task
/// without any is *unidentified*: reported, never touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// An environment override of any container (`env:SESSION_ID`).
    Environment(String),
    /// A tag of the task (`tag:session-id`).
    Tag(String),
    /// `RunTask`'s `startedBy` (`started-by`): only where configured, since many platforms put one
    /// constant there.
    StartedBy,
}

impl IdentitySource {
    /// Reads `env:NAME`, `tag:NAME` or `started-by`.
    ///
    /// # Errors
    /// A sentence that says which forms there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            Some(("tag", name)) if !name.is_empty() => Ok(Self::Tag(name.to_owned())),
            None if text == "started-by" => Ok(Self::StartedBy),
            _ => Err(format!("{text:?} is none of env:NAME, tag:NAME, started-by")),
        }
    }

    fn read<'a>(&self, task: &'a Task) -> Option<&'a str> {
        match self {
            Self::Environment(name) => task.environment.get(name).map(String::as_str),
            Self::Tag(name) => task.tags.get(name).map(String::as_str),
            Self::StartedBy => task.started_by.as_deref(),
        }
    }

    /// The identity of `task` by the first of `sources` that holds one.
    #[must_use]
    pub fn identify(sources: &[Self], task: &Task) -> Option<SessionId> {
        Self::first(sources, |source| source.read(task)).map(|(_source, session)| session)
    }

    /// The same by what `read` finds in a source.
    pub fn identify_by<'a>(
        sources: &[Self],
        read: impl Fn(&Self) -> Option<&'a str>,
    ) -> Option<SessionId> {
        Self::first(sources, read).map(|(_source, session)| session)
    }

    /// Whether `task` still says which session it ran once it is over. A tag does not: ECS deletes it
    /// with the task.
    #[must_use]
    pub fn outlives(sources: &[Self], task: &Task) -> bool {
        match Self::first(sources, |source| source.read(task)) {
            Some((Self::Environment(_) | Self::StartedBy, _)) => true,
            Some((Self::Tag(_), _)) | None => false,
        }
    }

    /// Whether a tag may have named the session of a task that is over.
    #[must_use]
    pub fn may_have_been_a_tag(sources: &[Self]) -> bool {
        sources.iter().any(|source| match source {
            Self::Tag(_) => true,
            Self::Environment(_) | Self::StartedBy => false,
        })
    }

    fn first<'a, 'b>(
        sources: &'a [Self],
        read: impl Fn(&Self) -> Option<&'b str>,
    ) -> Option<(&'a Self, SessionId)> {
        sources.iter().find_map(|source| {
            let session = SessionId::parse(read(source)?).ok()?;
            Some((source, session))
        })
    }
}

impl fmt::Display for IdentitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Tag(name) => write!(f, "tag:{name}"),
            Self::StartedBy => f.write_str("started-by"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(texts: &[&str]) -> Vec<IdentitySource> {
        texts.iter().map(|text| IdentitySource::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_source_is_read_as_it_is_written() {
        for text in ["env:SESSION_ID", "env:A:B", "tag:session-id", "started-by"] {
            assert_eq!(sources(&[text])[0].to_string(), text);
        }
        for wrong in ["", "env:", "tag:", "started-by:", "started", "SESSION_ID", "label:x"] {
            assert!(IdentitySource::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_where_a_tag_is_a_source_one_may_have_named_the_session() {
        assert!(IdentitySource::may_have_been_a_tag(&sources(&["env:A", "tag:b"])));
        assert!(!IdentitySource::may_have_been_a_tag(&sources(&["env:A", "started-by"])));
    }
}
