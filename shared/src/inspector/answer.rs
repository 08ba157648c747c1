use serde::Serialize;
use serde_json::{Value, json};

/// What is answered to a person.
pub(super) trait Answer: Serialize {
    /// As it is read in a terminal of 120 columns.
    fn text(&self) -> String;

    /// Both: `text` beside the data.
    fn json(&self) -> Value {
        let mut answer = json!(self);
        if let Value::Object(fields) = &mut answer {
            fields.insert("text".to_owned(), json!(self.text()));
        }
        answer
    }
}

/// A heading with what stands under it; nothing where nothing does.
pub(super) fn section(heading: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("\n{heading}\n{body}\n") }
}
