use super::ecs_name::is_ecs_name;
use std::fmt;

/// The task definition families of sessions: one by its name, or all whose names begin so (`session-*`), for
/// platforms that register a task definition for each run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Families {
    /// This one.
    Named(String),
    /// Those that begin so.
    BeginningWith(String),
}

impl Families {
    /// Reads a family's name (ECS `RegisterTaskDefinition`), or the beginning of some with a `*` after it.
    ///
    /// # Errors
    /// A sentence that says what is wrong. A `*` alone is refused: it would be every task of the cluster.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text.strip_suffix('*') {
            Some("") => Err("a * alone would be every task of the cluster"),
            Some(beginning) if is_ecs_name(beginning) => {
                Ok(Self::BeginningWith(beginning.to_owned()))
            }
            None if is_ecs_name(text) => Ok(Self::Named(text.to_owned())),
            Some(_) | None => Err("a family is made of A-Z a-z 0-9 - _ only, and may end in *"),
        }
    }

    /// Whether a family is one of them.
    #[must_use]
    pub fn contains(&self, family: &str) -> bool {
        match self {
            Self::Named(name) => name == family,
            Self::BeginningWith(beginning) => family.starts_with(beginning),
        }
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::BeginningWith(beginning) => write!(f, "{beginning}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_family_and_a_beginning_all_that_begin_so() {
        let named = Families::parse("session").unwrap();
        assert!(named.contains("session"));
        assert!(!named.contains("session-2") && !named.contains("sess"));
        let all = Families::parse("run-*").unwrap();
        assert!(all.contains("run-17") && all.contains("run-"));
        assert!(!all.contains("run") && !all.contains("my-run-17"));
        assert_eq!(all.to_string(), "run-*");
    }

    #[test]
    fn what_is_no_family_and_what_would_be_all_is_refused() {
        for text in ["", "*", "a b", "run-*-x", "**", "run:1", &"x".repeat(256)] {
            assert!(Families::parse(text).is_err(), "{text}");
        }
    }
}
