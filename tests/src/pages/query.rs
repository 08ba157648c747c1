/// A Logs Insights query: what it names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The fields, CloudWatch's own (`@timestamp`) left out.
    pub fields: Vec<String>,
    /// What fields are compared with.
    pub values: Vec<Compared>,
    /// Whether one of several conditions is enough.
    pub has_alternatives: bool,
}

/// A field, and a word that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The field.
    pub field: String,
    /// The word.
    pub value: String,
    /// Whether the word may be a part of the field's value.
    pub is_part: bool,
}

const BEGINNINGS: [&str; 3] = ["fields ", "filter ", "stats "];

/// Words of the language itself.
const KEYWORDS: [&str; 16] = [
    "fields",
    "filter",
    "sort",
    "stats",
    "limit",
    "by",
    "desc",
    "asc",
    "in",
    "not",
    "and",
    "or",
    "like",
    "count",
    "bin",
    "ispresent",
];

enum Token {
    Word(String),
    Text(String),
}

impl Query {
    /// Reads a query; `None`: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if !BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)) {
            return None;
        }
        let mut query = Self::default();
        let (mut last_field, mut is_part) = (None, false);
        for token in tokens(text) {
            match token {
                Token::Text(value) => {
                    let field = last_field.clone().unwrap_or_default();
                    query.values.push(Compared { field, value, is_part });
                }
                Token::Word(word) if KEYWORDS.contains(&word.as_str()) => {
                    query.has_alternatives |= word == "or";
                    is_part = word == "like" || (is_part && word != "and" && word != "or");
                }
                Token::Word(word) => {
                    is_part = false;
                    last_field = Some(word.clone());
                    if !word.starts_with('@') {
                        query.fields.push(word);
                    }
                }
            }
        }
        query.values.retain(|compared| !compared.field.starts_with('@'));
        Some(query)
    }

    /// The messages of the lines that it is about.
    #[must_use]
    pub fn messages(&self) -> Vec<&Compared> {
        self.values.iter().filter(|compared| compared.field == "message").collect()
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (place, part) in text.split('"').enumerate() {
        if place % 2 == 1 {
            tokens.push(Token::Text(part.to_owned()));
            continue;
        }
        let words = part.split(|c: char| !c.is_ascii_alphanumeric() && !"._@".contains(c));
        let words =
            words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '@'));
        tokens.extend(words.map(|word| Token::Word(word.to_owned())));
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_its_fields_and_what_they_are_compared_with() {
        let text = "fields @timestamp, span.task_arn, notes\n\
                    | filter message in [\"one line\", \"another\"] and outcome = \"lost\"\n\
                    | stats count(*) by outcome, bin(5m) | sort @timestamp desc";
        let query = Query::parse(text).unwrap();
        assert_eq!(query.fields, ["span.task_arn", "notes", "message", "outcome", "outcome"]);
        let messages: Vec<&str> =
            query.messages().into_iter().map(|message| message.value.as_str()).collect();
        assert_eq!(messages, ["one line", "another"]);
        assert_eq!(query.values[2].field, "outcome");
        assert!(!query.has_alternatives);
    }

    #[test]
    fn a_part_of_a_line_is_told_from_a_whole_one() {
        let query = Query::parse("filter message like \"can't be read\" or a = \"b\"").unwrap();
        let parts: Vec<bool> = query.values.iter().map(|value| value.is_part).collect();
        assert_eq!((parts, query.has_alternatives), (vec![true, false], true));
        assert_eq!(Query::parse("the filter"), None);
    }
}
