use serde::{Deserialize, Serialize};
use std::fmt;

/// The id of a session: 1 to 128 of `A-Z a-z 0-9 . _ - : + = @`, and neither `.` nor `..`.
///
/// What may be a tag's value, without spaces and `/`: with `/`, the role of session `a` could write the
/// marker of session `a/b`. Anything else is refused where it comes in. An id may come back:
/// a resumed session runs in a new task, and nothing known of the old task says anything of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

/// Why a text is not a session id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionIdError {
    /// Nothing was given.
    #[error("a session id must not be empty")]
    Empty,
    /// Longer than 128 characters.
    #[error("a session id has at most 128 characters, this one has {0}")]
    TooLong(usize),
    /// A character that has no place in an id.
    #[error("a session id is made of A-Z a-z 0-9 . _ - : + = @ only, this one has {0:?}")]
    Character(char),
    /// `.` or `..`, which are path steps.
    #[error("`.` and `..` are not session ids")]
    PathStep,
}

impl SessionId {
    /// The longest id accepted, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// Checks `text`.
    ///
    /// # Errors
    /// [`SessionIdError`] names the rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, SessionIdError> {
        if text.is_empty() {
            return Err(SessionIdError::Empty);
        }
        let length = text.chars().count();
        if length > Self::MAX_LENGTH {
            return Err(SessionIdError::TooLong(length));
        }
        let allowed = |c: &char| is_plain(*c) || matches!(c, ':' | '+' | '=' | '@');
        if let Some(wrong) = text.chars().find(|c| !allowed(c)) {
            return Err(SessionIdError::Character(wrong));
        }
        if text == "." || text == ".." {
            return Err(SessionIdError::PathStep);
        }
        Ok(Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a part of a key of the ledger: percent-encoded but for `A-Z a-z 0-9 . _ -`, so that
    /// no tool on the way to S3 reads a `+` or a `:` as anything else. The artifact bucket's keys are
    /// the container's, and have the id as it is.
    #[must_use]
    pub fn as_key_part(&self) -> String {
        // All of an id is ASCII.
        let encoded =
            |c| if is_plain(c) { c.to_string() } else { format!("%{:02X}", u32::from(c)) };
        self.0.chars().map(encoded).collect()
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SessionId {
    type Error = SessionIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_tag_can_hold_but_spaces_and_slashes_is_accepted() {
        assert_eq!(SessionId::parse("a.B_9-:+=@").unwrap().as_str(), "a.B_9-:+=@");
        for wrong in [' ', '/', '%', ';', ',', '~', '\u{e4}'] {
            let error = Err(SessionIdError::Character(wrong));
            assert_eq!(SessionId::parse(&format!("a{wrong}")), error);
        }
        assert!(SessionId::parse(&"x".repeat(128)).is_ok());
    }

    #[test]
    fn an_id_that_could_leave_its_folder_is_refused() {
        assert_eq!(SessionId::parse(".."), Err(SessionIdError::PathStep));
        assert_eq!(SessionId::parse("."), Err(SessionIdError::PathStep));
        assert_eq!(SessionId::parse("a/b"), Err(SessionIdError::Character('/')));
        assert_eq!(SessionId::parse("a\\b"), Err(SessionIdError::Character('\\')));
    }

    #[test]
    fn empty_and_overlong_ids_are_refused() {
        assert_eq!(SessionId::parse(""), Err(SessionIdError::Empty));
        assert_eq!(SessionId::parse(&"x".repeat(129)), Err(SessionIdError::TooLong(129)));
    }

    #[test]
    fn as_part_of_a_key_only_letters_digits_dots_underscores_and_dashes_stay() {
        let id = SessionId::parse("run-1:a+b=c@d.e_F").unwrap();
        assert_eq!(id.as_key_part(), "run-1%3Aa%2Bb%3Dc%40d.e_F");
    }

    proptest! {
        #[test]
        fn a_part_of_a_key_reads_back(text in "[A-Za-z0-9._:+=@-]{1,128}") {
            if let Ok(id) = SessionId::parse(&text) {
                let part = id.as_key_part();
                let mut pieces = part.split('%');
                let mut read = pieces.next().unwrap().to_owned();
                for piece in pieces {
                    read.push(char::from(u8::from_str_radix(&piece[..2], 16).unwrap()));
                    read.push_str(&piece[2..]);
                }
                prop_assert_eq!(read, text);
            }
        }

        #[test]
        fn whatever_is_accepted_is_one_safe_key_segment(text in any::<String>()) {
            if let Ok(id) = SessionId::parse(&text) {
                prop_assert!(!id.as_str().contains(['/', '\\', ' ', '\0']));
                prop_assert!(id.as_str() != "." && id.as_str() != "..");
                prop_assert!((1..=128).contains(&id.as_str().len()));
            }
        }
    }
}
