//! A doctor's reports as a person reads them, in a terminal of 120 columns.

use super::report::{Check, DoctorReport};
use comfy_table::{ContentArrangement, Table, presets::ASCII_FULL_CONDENSED};
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;

/// As wide as the page is.
const COLUMNS: u16 = 120;

/// The most that is printed of a sentence: part of it may come from outside.
const LONGEST: usize = 600;

/// One page of all `reports`, as it is read at `now`.
#[must_use]
pub fn page(reports: &[DoctorReport], now: Timestamp) -> String {
    let mut page = String::new();
    for report in reports {
        let DoctorReport { function, lights, checks, .. } = report;
        let when = ago(now.duration_since(report.examined_at));
        // Writing to a string can't fail.
        let _ = writeln!(page, "{function}: {lights} (examined {when})");
        let _ = writeln!(page, "{}\n", table(checks));
    }
    page
}

fn table(checks: &[Check]) -> Table {
    let mut table = Table::new();
    table
        .load_style(ASCII_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(COLUMNS)
        .set_header(["light", "check", "of", "found, and what to do"]);
    for (check, more) in together(checks) {
        let found = match &check.fix {
            None => printable(&check.found),
            Some(fix) => format!("{}\n-> {}", printable(&check.found), printable(fix)),
        };
        let Check { light, name, subject, .. } = check;
        let of = match more {
            0 => printable(subject),
            more => format!("{} and {more} more", printable(subject)),
        };
        table.add_row([light.to_string(), name.to_string(), of, found]);
    }
    table
}

/// What is green with the same words is one line, with how many more there are.
fn together(checks: &[Check]) -> Vec<(&Check, usize)> {
    let mut rows: Vec<(&Check, usize)> = Vec::new();
    for check in checks {
        let same = |(known, _): &&mut (&Check, usize)| {
            check.fix.is_none() && known.name == check.name && known.found == check.found
        };
        match rows.iter_mut().find(same) {
            Some((_, more)) => *more += 1,
            None => rows.push((check, 0)),
        }
    }
    rows
}

fn ago(age: SignedDuration) -> String {
    match age.as_secs() {
        ..60 => "just now".to_owned(),
        60..7_200 => format!("{} min ago", age.as_mins()),
        7_200..172_800 => format!("{} h ago", age.as_hours()),
        172_800.. => format!("{} days ago", age.as_hours() / 24),
    }
}

/// A terminal obeys control characters, and an answer of AWS may quote anything.
fn printable(text: &str) -> String {
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut text: Vec<char> = text.take(LONGEST + 1).collect();
    if text.len() > LONGEST {
        text.truncate(LONGEST);
        text.extend("...".chars());
    }
    text.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::report::{CheckKind, Examined};
    use super::*;

    fn report(checks: Vec<Check>) -> DoctorReport {
        DoctorReport::new(Examined::Reaper, Timestamp::UNIX_EPOCH, 12, checks)
    }

    fn printed(checks: Vec<Check>) -> String {
        page(&[report(checks)], Timestamp::UNIX_EPOCH + SignedDuration::from_mins(5))
    }

    #[test]
    fn what_is_worst_comes_first_each_with_what_to_do() {
        let page = printed(vec![
            Check::green(CheckKind::Cluster, "sessions", "It lists 3 tasks."),
            Check::red(CheckKind::Ledger, "ledger", "Nothing can be written.", "Allow it."),
        ]);
        assert!(page.starts_with("reaper: 1 red, 0 yellow, 1 green (examined 5 min ago)\n"));
        let at = |part: &str| page.find(part).unwrap_or_else(|| panic!("no {part:?} in {page}"));
        assert!(at("Nothing can be written.") < at("-> Allow it."), "{page}");
        assert!(at("RED") < at("| green"), "{page}");
    }

    #[test]
    fn what_is_green_in_the_same_words_is_one_line_and_what_is_not_is_each_its_own() {
        let green = |of: &str| Check::green(CheckKind::Permission, of, "It is allowed.");
        let red = |of: &str| Check::red(CheckKind::Permission, of, "Denied.", "Allow it.");
        let page =
            printed(vec![green("one"), red("two"), green("three"), red("four"), green("five")]);
        assert!(page.contains("one and 2 more"), "{page}");
        assert!(page.contains("two") && page.contains("four"), "{page}");
        assert_eq!(page.matches("It is allowed.").count(), 1, "{page}");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal_and_nothing_in_it_moves_the_cursor() {
        let long = format!("\u{1b}[2J{}", "word ".repeat(1_000));
        let arn = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/".to_owned();
        let check = Check::yellow(CheckKind::TargetGroup, arn.repeat(3), &long, "x".repeat(2_000));
        let page = printed(vec![check]);
        assert!(page.lines().all(|line| line.chars().count() <= usize::from(COLUMNS)), "{page}");
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page}");
        assert!(page.lines().count() < 40, "{page}");
    }
}
