//! Holds what a page quotes against what was said.

use super::recorder::Printed;
use super::words::{IN_THE_SOURCE_ALONE, OF_OTHERS, PAGES_OF_OPERATORS};
use serde_json::Value;
use session_cleanup_tests::pages::{Compared, Page, Query};
use std::collections::BTreeSet;
use std::path::Path;

/// What was said, to be looked up.
pub(super) struct Said {
    lines: Vec<Value>,
    /// The path of each field, between dots: `.cleanup.outcome.`
    paths: BTreeSet<String>,
    /// Each name of a field, and each word of a text.
    words: BTreeSet<String>,
    texts: BTreeSet<String>,
    /// The texts in the source, with `…` where something is filled in.
    source: Vec<String>,
}

impl Said {
    pub(super) fn of(printed: Printed) -> Self {
        let Printed { lines, documents } = printed;
        let mut said = Self {
            lines: Vec::new(),
            paths: BTreeSet::new(),
            words: BTreeSet::new(),
            texts: BTreeSet::new(),
            source: source(),
        };
        for document in documents.iter().chain(&lines) {
            said.hear(document, ".");
        }
        said.lines = lines;
        said
    }

    fn hear(&mut self, value: &Value, path: &str) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = format!("{path}{name}.");
                    self.words.insert(name.clone());
                    self.hear(value, &path);
                    self.paths.insert(path);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.hear(value, path)),
            Value::String(text) => {
                let is_of_a_word = |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c);
                let words = text.split(|c: char| !is_of_a_word(c));
                let words = words.map(|word| word.trim_end_matches([':', '.']));
                self.words.extend(words.map(str::to_owned));
                self.texts.insert(text.clone());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn has_path(&self, path: &str) -> bool {
        let path = format!(".{path}.");
        self.paths.iter().any(|known| known.ends_with(&path))
    }

    fn says(&self, phrase: &str) -> bool {
        self.texts.iter().any(|text| holds(text, phrase))
    }

    fn is_in_the_source(&self, phrase: &str) -> bool {
        self.source.iter().any(|text| holds(text, phrase))
    }
}

/// Whether the parts of a phrase, between its `…`, stand in a text, one after the other.
fn holds(text: &str, phrase: &str) -> bool {
    let mut rest = text;
    phrase.split('…').map(str::trim).all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// What stands between quotes in the source.
fn source() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/src");
    let mut folders = vec![std::path::PathBuf::from(folder)];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let code = std::fs::read_to_string(path).unwrap();
            let is_code = |line: &&str| !line.trim_start().starts_with("//");
            let code: Vec<&str> = code.lines().filter(is_code).collect();
            let code = code.join("\n").replace("'\"'", "").replace("\\\"", "'");
            texts.extend(code.split('"').skip(1).step_by(2).map(filled_in));
        }
    }
    assert!(texts.len() > 500, "only {} texts are seen: the test can't tell", texts.len());
    texts
}

/// `{name}` is `…`, and a line that goes on is one.
fn filled_in(text: &str) -> String {
    let mut result = String::new();
    for (place, part) in text.split('{').enumerate() {
        if place == 0 {
            result.push_str(part);
        } else if let Some((_, after)) = part.split_once('}') {
            result.push('…');
            result.push_str(after);
        }
    }
    let lines: Vec<&str> = result.split("\\\n").collect();
    let (first, others) = lines.split_first().unwrap();
    others.iter().fold((*first).to_owned(), |text, line| text + line.trim_start())
}

/// What a page quotes and nobody says.
pub(super) fn problems(page: &Page, said: &Said) -> Vec<String> {
    let mut problems = Vec::new();
    for query in page.queries() {
        problems.extend(of_query(&query, &said.lines));
    }
    for path in page.asked_of_jq() {
        if !is_of_others(&path) && !said.has_path(&path) {
            problems.push(format!("jq asks for .{path}, which nothing has"));
        }
    }
    if PAGES_OF_OPERATORS.contains(&page.path.as_str()) {
        let quotes: BTreeSet<String> = page.inline().into_iter().collect();
        problems.extend(quotes.iter().filter_map(|quote| of_quote(quote, said)));
    }
    problems
}

fn of_query(query: &Query, lines: &[Value]) -> Vec<String> {
    let mut problems = Vec::new();
    let messages = query.messages();
    let of_message = |line: &&Value| messages.iter().any(|message| is_it(line, message));
    // A field must be of a line that the query is about.
    let is_of_all = messages.is_empty() || query.has_alternatives;
    let about: Vec<&Value> = lines.iter().filter(|line| is_of_all || of_message(line)).collect();
    for field in &query.fields {
        if !about.is_empty() && !about.iter().any(|line| at(line, field).is_some()) {
            problems.push(format!("no line that the query is about has the field {field}"));
        }
    }
    for compared in &query.values {
        if !lines.iter().any(|line| is_it(line, compared)) {
            let Compared { field, value, .. } = compared;
            problems.push(format!("no line has the {field} {value:?}"));
        }
    }
    problems
}

fn at<'a>(line: &'a Value, field: &str) -> Option<&'a Value> {
    let by_path = field.split('.').try_fold(line, |value, name| value.get(name));
    by_path.filter(|value| !value.is_null())
}

/// Ids are the reader's own.
fn is_it(line: &Value, compared: &Compared) -> bool {
    let Some(Value::String(text)) = at(line, &compared.field) else { return false };
    if compared.field.ends_with("session_id") {
        return true;
    }
    if compared.is_part { text.contains(&compared.value) } else { *text == compared.value }
}

fn is_of_others(word: &str) -> bool {
    OF_OTHERS.contains(&word)
}

/// `None`: it is said, or it is no quote of ours. (`template::pages` looks at commands.)
fn of_quote(quote: &str, said: &Said) -> Option<String> {
    let is_a_command =
        ["aws ", "make ", "sam ", "stopTimeout"].iter().any(|word| quote.starts_with(word));
    let is_a_file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(quote).is_file();
    if is_of_others(quote) || is_a_command || is_a_file {
        return None;
    }
    let looks_like = |of_it: fn(char) -> bool| quote.chars().all(of_it);
    let begins_like_ours = quote.starts_with(|c: char| c.is_ascii_lowercase() || c == '…');
    if is_row(quote) || (quote.contains(' ') && begins_like_ours && looks_like(is_of_a_phrase)) {
        let known = said.says(quote)
            || (IN_THE_SOURCE_ALONE.contains(&quote) && said.is_in_the_source(quote));
        return (!known).then(|| format!("nobody says {quote:?}"));
    }
    if begins_like_ours && looks_like(is_of_a_word) {
        // `orphan_…`: a word that begins so.
        let is_a_beginning = quote.ends_with('_');
        let known = said
            .words
            .iter()
            .any(|word| word == quote || is_a_beginning && word.starts_with(quote))
            || said.has_path(quote)
            || (IN_THE_SOURCE_ALONE.contains(&quote) && said.is_in_the_source(quote));
        return (!known).then(|| format!("no field and no word is called {quote:?}"));
    }
    None
}

/// `T4 ended`, `G1 held_elsewhere`.
fn is_row(quote: &str) -> bool {
    let Some((place, name)) = quote.split_once(' ') else { return false };
    let number = place.strip_prefix(['T', 'G']);
    number.is_some_and(|number| number.len() <= 3 && !number.is_empty())
        && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn is_of_a_phrase(c: char) -> bool {
    c.is_alphanumeric() || " '…,;:_.".contains(c)
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_lowercase() || "_.".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said() -> Said {
        let line =
            json!({"message": "session clean", "outcome": "cleaned", "span": {"task_arn": "arn"}});
        let metrics = json!({"SweepDuration": 1, "sweep": {"mode": "report"}});
        let report = json!({"tasks": [{"row": "T4 ended", "action": "acted", "cleanup": {"outcome": "cleaned"}}],
            "notes": ["the container answered HTTP 500; trying again"]});
        Said::of(Printed { lines: vec![line, metrics], documents: vec![report] })
    }

    fn told(text: &str) -> Vec<String> {
        problems(&Page { path: "docs/runbook.md".to_owned(), text: text.to_owned() }, &said())
    }

    #[test]
    fn what_is_said_may_be_quoted() {
        let text = "`T4 ended`, `acted`, `cleanup.outcome`, `the container answered HTTP … trying again`, \
            `the listing was cut short`, `make doctor STACK=x`, `template.yaml`\n\
            ```\nfields span.task_arn | filter message = \"session clean\" and outcome = \"cleaned\"\n```\n\
            ```\nfields sweep.mode | filter ispresent(SweepDuration)\n```\n\
            ```sh\njq -r '.tasks[] | [.row, .cleanup.outcome]' report.json\n```\n";
        assert_eq!(told(text), Vec::<String>::new());
    }

    #[test]
    fn what_nobody_says_is_told() {
        for (planted, problem) in [
            ("`T4 finished`", "nobody says \"T4 finished\""),
            ("`reaped_all`", "no field and no word is called \"reaped_all\""),
            ("`the container answers badly`", "nobody says \"the container answers badly\""),
            (
                "```\nfilter message = \"session cleaned\"\n```",
                "no line has the message \"session cleaned\"",
            ),
            ("```\nfilter outcome = \"lost\"\n```", "no line has the outcome \"lost\""),
            ("```\nfields session\n```", "no line that the query is about has the field session"),
            (
                "```\nfilter ispresent(SweepTime)\n```",
                "no line that the query is about has the field SweepTime",
            ),
            (
                "```\nfields sweep.mode | filter message = \"session clean\"\n```",
                "no line that the query is about has the field sweep.mode",
            ),
            ("```sh\njq '.tasks[].outcomes' r\n```", "jq asks for .outcomes, which nothing has"),
        ] {
            assert_eq!(told(planted), [problem], "{planted}");
        }
    }

    #[test]
    fn only_what_is_listed_is_looked_up_in_the_source() {
        let in_the_source = "the target is not deregistered";
        assert!(said().is_in_the_source(in_the_source));
        assert_eq!(told(&format!("`{in_the_source}`")).len(), 1);
    }
}
