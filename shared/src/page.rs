//! What a person reads in a terminal: tables of 120 columns, and times as they are spoken of.

use comfy_table::presets::{ASCII_FULL_CONDENSED, NOTHING};
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use jiff::{SignedDuration, Timestamp};

/// As wide as a page is.
pub const COLUMNS: u16 = 120;

/// The most that is printed of one value: part of it may come from outside.
const LONGEST: usize = 600;

/// The most lines of one value.
const LINES: usize = 10;

/// Values with their names in front.
#[must_use]
pub fn facts<V: AsRef<str>>(facts: &[(&str, V)]) -> String {
    let mut table = narrow(NOTHING);
    for (name, value) in facts {
        table.add_row([(*name).to_owned(), printable(value.as_ref())]);
    }
    trimmed(&table)
}

/// Rows below a header.
#[must_use]
pub fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    trimmed(&filled(header, rows))
}

/// The same where what stands in the last column is copied: it is never broken.
#[must_use]
pub fn table_to_copy_from<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = filled(header, rows);
    if let Some(last) = table.column_mut(N.saturating_sub(1)) {
        last.set_constraint(ColumnConstraint::ContentWidth);
    }
    trimmed(&table)
}

fn filled<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Table {
    let mut table = narrow(ASCII_FULL_CONDENSED);
    table.set_header(header);
    for row in rows {
        table.add_row(row.map(|value| lines(&value)));
    }
    table
}

fn narrow(style: comfy_table::TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS);
    table
}

/// Without the blanks that fill lines up.
fn trimmed(table: &Table) -> String {
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// How long ago it was, at `now`.
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    match now.duration_since(at) {
        ahead if ahead < SignedDuration::ZERO => format!("in {}", length(-ahead)),
        age if age.as_secs() < 60 => "just now".to_owned(),
        age => format!("{} ago", length(age)),
    }
}

/// A time, to the second, and how long ago it was.
#[must_use]
pub fn time(at: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", at.strftime("%Y-%m-%d %H:%M:%SZ"), ago(at, now))
}

/// A time as it stands in a sentence: RFC 3339, to the second.
#[must_use]
pub fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn length(of: SignedDuration) -> String {
    match of.as_secs() {
        ..120 => format!("{} s", of.as_secs()),
        120..7_200 => format!("{} min", of.as_mins()),
        7_200..172_800 => format!("{} h", of.as_hours()),
        172_800.. => format!("{} days", of.as_hours() / 24),
    }
}

/// A value of several lines, as far as they are read.
fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().take(LINES).map(printable).collect();
    lines.join("\n")
}

/// A terminal obeys control characters, some characters turn the direction of a line or have no width, and an
/// answer of AWS or of a container may hold anything: letters, digits and what ASCII prints are left.
#[must_use]
pub fn printable(text: &str) -> String {
    let seen = |c: char| if c.is_ascii_graphic() || c.is_alphanumeric() { c } else { ' ' };
    let mut short: String = text.chars().map(seen).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_is_told_with_how_long_ago_it_was() {
        let now = at("2026-11-26T12:00:00Z");
        assert_eq!(time(at("2026-11-26T11:50:00.5Z"), now), "2026-11-26 11:50:00Z (9 min ago)");
        assert_eq!(ago(now, now), "just now");
        assert_eq!(ago(at("2026-11-26T11:59:00.1Z"), now), "just now");
        assert_eq!(ago(at("2026-11-26T11:59:00Z"), now), "60 s ago");
        assert_eq!(ago(at("2026-11-26T13:00:00Z"), now), "in 60 min");
        assert_eq!(ago(at("2026-11-20T12:00:00Z"), now), "6 days ago");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_a_terminal_and_nothing_in_it_moves_the_cursor(
            values in prop::collection::vec("[ -~\\x00-\\x1f\\x7f\\u{9b}\\u{200b}\\u{202e}\u{e4}\u{6f22}]{0,300}", 1..4),
            long in "[a-z/:]{0,900}",
        ) {
            let rows = values.iter().map(|value| ["row".to_owned(), value.clone(), long.clone()]);
            let named: Vec<(&str, &str)> = values.iter().map(|value| ("name", value.as_str())).collect();
            for page in [table(["a", "b", "c"], rows), facts(&named), facts(&[("long", &long)])] {
                prop_assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
                for line in page.lines() {
                    prop_assert!(line.chars().count() <= usize::from(COLUMNS), "{line:?}");
                }
            }
        }
    }
}
