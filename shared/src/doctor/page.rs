//! A doctor's reports as a person reads them, in a terminal of 120 columns.

use super::report::{Check, DoctorReport};
use crate::page::{ago, table};
use jiff::Timestamp;

/// One page of all `reports`, as it is read at `now`.
#[must_use]
pub fn page(reports: &[DoctorReport], now: Timestamp) -> String {
    let pages = reports.iter().map(|report| {
        let DoctorReport { function, lights, checks, examined_at, .. } = report;
        let when = ago(*examined_at, now);
        format!("{function}: {lights} (examined {when})\n{}\n\n", rows(checks))
    });
    pages.collect()
}

fn rows(checks: &[Check]) -> String {
    let rows = together(checks).into_iter().map(|(check, more)| {
        let Check { light, name, subject, found, fix } = check;
        let found = match fix {
            None => found.clone(),
            Some(fix) => format!("{found}\n-> {fix}"),
        };
        let of = match more {
            0 => subject.clone(),
            more => format!("{subject} and {more} more"),
        };
        [light.to_string(), name.to_string(), of, found]
    });
    table(["light", "check", "of", "found, and what to do"], rows)
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

#[cfg(test)]
mod tests {
    use super::super::report::{CheckKind, Examined};
    use super::*;
    use crate::page::COLUMNS;
    use jiff::SignedDuration;

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
