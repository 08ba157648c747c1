//! The dashboard of the template, drawn: a page as CloudWatch would show it, of six hours in which the functions
//! did what they do. The browser opens it (`tests/browser/`); people find it in `docs/`.
//!
//! The layout, titles, labels, colours and alarms are the template's, the figures are what the functions printed,
//! and the widget is what the inspector answered. How CloudWatch draws is imitated: its grid of 24 columns, its
//! tiles, its tables, and straight lines from one data point to the next.

mod body;
mod chart;
mod page;
mod series;
mod story;

use body::{Alarms, Kind, Widget};
use page::Theme;
use series::Drawn;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use story::Told;

/// Where the browser looks for the pages.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/dashboard");

static TOLD: LazyLock<Told> = LazyLock::new(|| super::in_virtual_time(story::tell()));

/// Both pages: their names and what is in them.
fn pages(told: &Told) -> Vec<(&'static str, String)> {
    let themes = [("light.html", Theme::LIGHT), ("dark.html", Theme::DARK)];
    themes.into_iter().map(|(name, theme)| (name, page::draw(told, theme))).collect()
}

#[test]
fn the_six_hours_are_drawn() {
    fs::create_dir_all(FOLDER).unwrap();
    for (name, page) in pages(&TOLD) {
        fs::write(Path::new(FOLDER).join(name), page).unwrap();
    }
}

#[test]
fn six_hours_are_drawn_the_same_each_time() {
    let again = super::in_virtual_time(story::tell());
    assert_eq!(pages(&again), pages(&TOLD));
}

/// An empty picture shows nothing of how the dashboard reads.
#[test]
fn the_six_hours_have_something_to_show_in_every_widget() {
    for Widget { title, kind, .. } in &body::widgets() {
        match kind {
            Kind::Alarms(names) => {
                let alarms = Alarms::of(names, &TOLD);
                assert!(alarms.any_rings() && alarms.any_is_quiet(), "{title}: {alarms:?}");
            }
            Kind::Custom => assert!(TOLD.widget.contains("<table>"), "{}", TOLD.widget),
            Kind::Lines(metrics) | Kind::Stacked(metrics) | Kind::Numbers(metrics) => {
                let drawn = Drawn::of(metrics, &TOLD);
                assert!(drawn.iter().any(|curve| curve.largest() > 0.0), "{title} is empty");
            }
        }
    }
}
