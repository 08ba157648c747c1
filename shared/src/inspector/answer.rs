use crate::page::printable;
use serde::Serialize;
use serde_json::{Value, json};

/// What is answered to a person.
pub(super) trait Answer: Serialize {
    /// As it is read in a terminal of 120 columns.
    fn text(&self) -> String;

    /// Both: `text` beside the data; the text alone where both would be longer than Lambda lets an answer be.
    fn json(&self) -> Value {
        let mut answer = json!(self);
        if answer.to_string().len() > LONGEST_DATA {
            answer = json!({ "too_long": "the data is left out; ask for less" });
        }
        if let Value::Object(fields) = &mut answer {
            fields.insert("text".to_owned(), json!(self.text()));
        }
        answer
    }
}

/// Lambda takes an answer of 6 MB; the page beside the data is shorter than it.
const LONGEST_DATA: usize = 2_500_000;

/// A heading with what stands under it; nothing where nothing does.
pub(super) fn section(heading: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("\n{heading}\n{body}\n") }
}

/// What is not known, a line each: AWS's words, and those of what stands in the ledger, may hold anything.
pub(super) fn problems(problems: &[String]) -> String {
    let lines: Vec<String> = problems.iter().map(|one| printable(one)).collect();
    section("Not known", &lines.join("\n"))
}
