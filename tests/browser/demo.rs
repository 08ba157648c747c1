//! The page that `make demo` leaves, opened by a headless Chromium in both themes.

use crate::chromium::{self, Looked};
use crate::{THEMES, picture};
use serde_json::Value;
use std::fs;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/demo");

/// The parts, as they follow each other.
const PARTS: [&str; 9] = [
    "fargate-session-cleanup: the demo",
    "One cleanup, two ways",
    "Sessions whose end was reported",
    "What the reaper reports before it may act",
    "What came of it once it acts",
    "A warm pool without a load balancer",
    "Someone asks why",
    "A stack with two mistakes, examined",
    "Promises",
];

/// What is worth a picture in README.md: the figures, the bars and the first table.
const SHOWN: usize = 3;

/// The page in a theme, with a script that measures it; `change` is done to it first.
fn drawn(theme: &str, name: &str, change: impl Fn(&str) -> String) -> String {
    let page = fs::read_to_string(format!("{FOLDER}/index.html"));
    let page = page.expect("there is a page: run `make browser`, which runs the demo first");
    assert!(!page.contains("<script"), "it runs nothing");
    let measured = format!("<script nonce=measure>{}</script></head>", include_str!("measure.js"));
    let page = change(&page)
        .replace("<html lang=en>", &format!("<html lang=en data-theme={theme}>"))
        .replace("style-src", "script-src 'nonce-measure'; style-src")
        .replace("</head>", &measured);
    let path = format!("{FOLDER}/{name}.html");
    fs::write(&path, page).unwrap();
    path
}

fn looked(theme: &str) -> Looked {
    chromium::look_at(&drawn(theme, theme, str::to_owned))
}

#[test]
fn every_part_is_there_and_shows_something() {
    for theme in THEMES {
        let looked = looked(theme);
        let widgets = looked.widgets();
        let titles: Vec<&str> = widgets.iter().map(|one| one["title"].as_str().unwrap()).collect();
        assert_eq!(titles, PARTS, "{theme}");
        for widget in widgets {
            let seen = [&widget["text"], &widget["curves"]].map(Value::as_u64);
            assert!(seen.iter().any(|count| *count > Some(20)), "{theme}: {widget} shows nothing");
        }
    }
}

#[test]
fn nothing_of_it_is_cut_off_or_covered_and_it_asks_nothing_of_anyone() {
    for theme in THEMES {
        let looked = looked(theme);
        assert_eq!(looked.wrong(), Vec::<&str>::new(), "{theme}");
        assert_eq!(looked.requests, Vec::<String>::new(), "{theme}: asked of other machines");
    }
}

#[test]
fn a_mistake_planted_in_it_is_seen() {
    let wide = drawn("light", "planted-wide", |page| {
        page.replace("</table>", "</table><table><td style=\"min-width:3000px\">wide</table>")
    });
    let covered = drawn("light", "planted-covered", |page| {
        page.replace(".lead {", ".lead { position: relative; top: 34px;")
    });
    for (path, says) in [(wide, "overflows"), (covered, "overlap")] {
        let looked = chromium::look_at(&path);
        assert!(
            looked.wrong().iter().any(|one| one.contains(says)),
            "{path}: {:?}",
            looked.wrong()
        );
    }
}

#[test]
fn a_picture_is_taken_of_it_for_the_pages() {
    for theme in THEMES {
        let page = drawn(theme, theme, |page| {
            let parts: Vec<&str> = page.split("<section").collect();
            format!("{}</main></body></html>", parts[..SHOWN].join("<section"))
        });
        let height = chromium::look_at(&page).bottom();
        assert!((500..2_000).contains(&height), "{theme}: {height} pixels");
        let path = format!("{FOLDER}/demo-{theme}.png");
        chromium::picture(&page, &path, (1240, height));
        let small = picture::with_a_palette(&fs::read(&path).unwrap());
        fs::write(&path, &small).unwrap();
        assert!((10_000..300_000).contains(&small.len()), "{path} has {} bytes", small.len());
    }
}
