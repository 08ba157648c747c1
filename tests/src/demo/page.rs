//! The page that the demo leaves, to look at rather than to read: one file, which asks nothing of anyone.

mod lanes;

use super::Failure;
use super::promises::Promise;
use crate::markup::escaped;
use comfy_table::Table;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

pub(super) use lanes::Lane;

/// Where it is written to, below the folder that the demo runs in.
const FILE: &str = "target/demo/index.html";

const STYLE: &str = include_str!("page/style.css");

/// The parts of the page, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    TwoWays,
    Ended,
    Reported,
    Enforced,
    Pool,
    Why,
    Doctor,
    Promises,
}

impl Part {
    const fn title(self) -> &'static str {
        match self {
            Self::TwoWays => "One cleanup, two ways",
            Self::Ended => "Sessions whose end was reported",
            Self::Reported => "What the reaper reports before it may act",
            Self::Enforced => "What came of it once it acts",
            Self::Pool => "A warm pool without a load balancer",
            Self::Why => "Someone asks why",
            Self::Doctor => "A stack with two mistakes, examined",
            Self::Promises => "Promises",
        }
    }

    const fn lead(self) -> &'static str {
        match self {
            Self::TwoWays => {
                "Both were measured in this run: the upload takes 3 s, a call to the load balancer 1 s, to ECS 0.2 s."
            }
            Self::Ended => {
                "The first act. Each end was put on the event bus, and the completion function acted on it."
            }
            Self::Reported => {
                "The second act: sessions that no event reported, and live ones that only look like them. \
                 In the mode report the reaper touches nothing."
            }
            Self::Enforced => {
                "First the report above was carried out as a plan, then a sweep looked by itself."
            }
            Self::Pool => {
                "The third act. Tasks wait, and sessions claim them; some end, crash or are forgotten."
            }
            Self::Why => "What the inspector answers. It can change nothing.",
            Self::Doctor => {
                "What the completion function finds when it examines itself; green checks are left out."
            }
            Self::Promises => "Each was held against what the simulated AWS knows to be true.",
        }
    }
}

/// What has been gathered for it so far.
#[derive(Debug, Default)]
pub(super) struct Page {
    parts: BTreeMap<Part, String>,
    kept: usize,
    broken: usize,
    /// What one cleanup took, by the function and one step after the other.
    ways: Option<(Duration, Duration)>,
}

impl Page {
    fn add(&mut self, part: Part, html: &str) {
        self.parts.entry(part).or_default().push_str(html);
    }

    /// A table as it is printed.
    pub(super) fn table(&mut self, part: Part, table: &Table) {
        let cells = |row: &comfy_table::Row, tag: &str| -> String {
            row.cell_iter().map(|cell| marked(tag, &cell.content())).collect()
        };
        let header = table.header().map(|row| cells(row, "th")).unwrap_or_default();
        let mut rows = String::new();
        for row in table.row_iter() {
            let _ = write!(rows, "<tr>{}</tr>", cells(row, "td"));
        }
        let head = format!("<thead><tr>{header}</tr></thead>");
        self.add(part, &format!("<table>{head}<tbody>{rows}</tbody></table>"));
    }

    /// A text as it is printed.
    pub(super) fn text(&mut self, part: Part, text: &str) {
        self.add(part, &format!("<pre>{}</pre>", escaped(text.trim())));
    }

    /// One cleanup by the function, and one by steps in a row.
    pub(super) fn two_ways(&mut self, ours: &Lane, sequential: &Lane) {
        self.add(Part::TwoWays, &lanes::draw(&[ours, sequential]));
        self.ways = Some((ours.took(), sequential.took()));
    }

    /// What was promised of an act, and what came of it.
    pub(super) fn promises(&mut self, act: &str, promises: &[Promise]) {
        let kept = promises.iter().filter(|(_, kept)| *kept).count();
        self.kept += kept;
        self.broken += promises.len() - kept;
        let mut lines = String::new();
        for (promise, kept) in promises {
            let (class, word) = if *kept { ("ok", "kept") } else { ("bad", "BROKEN") };
            let _ = write!(lines, "<li><b class={class}>{word}</b> {}</li>", escaped(promise));
        }
        self.add(Part::Promises, &format!("<h3>{}</h3><ul>{lines}</ul>", escaped(act)));
    }

    /// Writes it; answers where.
    pub(super) fn write(&self, took: Duration) -> Result<PathBuf, Failure> {
        let path = std::env::current_dir()?.join(FILE);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, self.whole(took))?;
        Ok(path)
    }

    fn whole(&self, took: Duration) -> String {
        let mut sections = String::new();
        for (part, html) in &self.parts {
            let (title, lead) = (part.title(), part.lead());
            let _ = writeln!(
                sections,
                "<section class=\"widget {part:?}\"><h2>{title}</h2><p class=lead>{lead}</p>\
                 <div class=content>{html}</div></section>"
            );
        }
        format!(
            "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
             <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=viewport content=\"width=device-width\">\n\
             <title>fargate-session-cleanup: the demo</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <header class=widget><h2>fargate-session-cleanup: the demo</h2><div class=content>{}</div></header>\n\
             {sections}</main>\n</body>\n</html>\n",
            self.numbers(took)
        )
    }

    /// What is worth a glance.
    fn numbers(&self, took: Duration) -> String {
        let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
        let all = self.kept + self.broken;
        let class = if self.broken == 0 { "ok" } else { "bad" };
        let mut numbers = vec![(class, format!("{} of {all}", self.kept), "promises kept")];
        if let Some((ours, sequential)) = self.ways {
            let other = "the same work, one step after the other";
            numbers.push(("", seconds(ours), "one cleanup, side by side"));
            numbers.push(("", seconds(sequential), other));
        }
        numbers.push(("", format!("{} s", took.as_secs()), "the whole demo"));
        let mut html = String::new();
        for (class, number, of) in numbers {
            let _ = write!(html, "<div class=\"number {class}\"><b>{number}</b>{of}</div>");
        }
        html
    }
}

/// A cell, coloured where its word says whether all is well.
fn marked(tag: &str, text: &str) -> String {
    let word = text.split([' ', ',']).next().unwrap_or_default();
    let class = match word {
        "cleaned" | "already_clean" | "deregistered" | "reaped" => "ok",
        "awaiting_salvage"
        | "suspected"
        | "would_act"
        | "tried"
        | "yellow"
        | "artifacts_unverified" => "wait",
        "artifacts_lost" | "red" | "failed" => "bad",
        "acted" | "kept" | "spared" | "rejected" => "off",
        _ => return format!("<{tag}>{}</{tag}>", escaped(text)),
    };
    format!("<{tag}><b class={class}>{}</b></{tag}>", escaped(text))
}
