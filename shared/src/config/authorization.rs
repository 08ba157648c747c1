use std::fmt;

/// What a session's container wants to be told in the header `Authorization`, whole: a secret, which is
/// never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization(String);

impl Authorization {
    /// Parses the value of the header; empty for none.
    ///
    /// # Errors
    /// Why it is no value of a header. The value is not in it.
    pub fn parse(text: &str) -> Result<Option<Self>, &'static str> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.contains("{{resolve:") {
            return Err("CloudFormation has not resolved the reference");
        }
        if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            Ok(Some(Self(text.to_owned())))
        } else {
            Err("the value of a header is made of visible ASCII characters")
        }
    }

    /// The value of the header.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(…)")
    }
}
