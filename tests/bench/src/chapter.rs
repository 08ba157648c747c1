//! What a chapter of the page says: tables, plots, and which of the numbers to reach it met.

use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// One chapter.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Chapter {
    /// Its heading.
    pub(crate) title: String,
    /// What is measured, and how, in some sentences.
    pub(crate) about: String,
    /// Its plots: the name of the file, and what a reader sees there.
    pub(crate) plots: Vec<(String, String)>,
    /// Its tables.
    pub(crate) tables: Vec<Table>,
    /// The numbers to reach.
    pub(crate) limits: Vec<Limit>,
    /// What the figures don't say of themselves.
    pub(crate) remarks: Vec<String>,
}

/// A table in Markdown.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A number to reach, and what was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Limit {
    what: String,
    seen: f64,
    most: f64,
    unit: String,
}

impl Chapter {
    /// One without figures yet.
    pub(crate) fn new(title: &str, about: &str) -> Self {
        Self {
            title: title.to_owned(),
            about: about.to_owned(),
            plots: Vec::new(),
            tables: Vec::new(),
            limits: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Adds a number to reach: at most `most`.
    pub(crate) fn reach(&mut self, what: &str, seen: f64, most: f64, unit: &str) {
        let (what, unit) = (what.to_owned(), unit.to_owned());
        self.limits.push(Limit { what, seen, most, unit });
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut blocks = vec![format!("## {}\n", self.title), format!("{}\n", self.about)];
        let plot = |(file, alt): &(String, String)| format!("![{alt}](benchmarks/{file})\n");
        blocks.extend(self.plots.iter().map(plot));
        blocks.extend(self.tables.iter().map(Table::markdown));
        if !self.remarks.is_empty() {
            let remarks = self.remarks.iter().map(|remark| format!("- {remark}\n"));
            blocks.push(remarks.collect::<Vec<_>>().concat());
        }
        blocks.join("\n")
    }
}

impl Table {
    /// One with these heads and no rows yet.
    pub(crate) fn new<const N: usize>(heads: [&str; N]) -> Self {
        Self { heads: heads.map(str::to_owned).to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&dyn Display; N]) {
        self.rows.push(cells.iter().map(ToString::to_string).collect());
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = "| --- ".repeat(self.heads.len());
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{rule}|\n{rows}", line(&self.heads))
    }
}

impl Limit {
    /// Whether it was reached.
    pub(crate) fn is_met(&self) -> bool {
        self.seen <= self.most
    }

    /// As a row of the table of all of them.
    pub(crate) fn cells(&self) -> [String; 4] {
        let Self { what, seen, most, unit } = self;
        let verdict = if self.is_met() { "met" } else { "**missed**" };
        [what.clone(), figure(*most, unit), figure(*seen, unit), verdict.to_owned()]
    }
}

/// A figure with as many digits as say something.
pub(crate) fn figure(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        at_least if at_least >= 100.0 => 0,
        at_least if at_least >= 10.0 => 1,
        at_least if at_least >= 0.1 => 2,
        _ => 4,
    };
    format!("{value:.digits$} {unit}")
}

/// The middle of some figures.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
