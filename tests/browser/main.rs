//! The dashboard in a browser: what `simulation::alarms::dashboard` has drawn, opened by a headless Chromium. It
//! measures itself (`measure.js`), and its pictures are left in `target/dashboard/`. So does the demo's page
//! ([`demo`]), in `target/demo/`.
//!
//! `make browser` draws them first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod chromium;
mod demo;
mod picture;

use chromium::Looked;
use serde_json::Value;
use session_cleanup_tests::template::TEMPLATE;
use std::fs;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/dashboard");

const THEMES: [&str; 2] = ["light", "dark"];

/// A page as the simulation has left it.
fn drawn(theme: &str) -> String {
    fs::read_to_string(format!("{FOLDER}/{theme}.html"))
        .expect("the dashboard is drawn: run `make browser`, which does that first")
}

/// The same page with a mistake in it.
fn planted(name: &str, mistake: impl Fn(&str) -> String) -> Looked {
    let (page, path) = (drawn("light"), format!("{FOLDER}/planted-{name}.html"));
    let wrong = mistake(&page);
    assert_ne!(wrong, page, "{name} is planted");
    fs::write(&path, wrong).unwrap();
    chromium::look_at(&path)
}

fn titles() -> Vec<String> {
    let body = &TEMPLATE["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
    let titles = body.as_str().unwrap().split("\"title\": \"").skip(1);
    titles.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn every_widget_of_the_template_is_there_and_shows_something() {
    for theme in THEMES {
        let looked = chromium::look_at(&format!("{FOLDER}/{theme}.html"));
        let widgets = looked.widgets();
        let shown: Vec<&str> = widgets.iter().map(|one| one["title"].as_str().unwrap()).collect();
        assert_eq!(shown, titles(), "{theme}");
        for widget in widgets {
            let seen = if widget["kind"] == "chart" { &widget["curves"] } else { &widget["text"] };
            assert!(seen.as_u64() > Some(0), "{theme}: {widget} shows nothing");
        }
    }
}

#[test]
fn nothing_is_cut_off_or_covered_and_nothing_is_asked_of_anyone() {
    for theme in THEMES {
        let looked = chromium::look_at(&format!("{FOLDER}/{theme}.html"));
        assert_eq!(looked.wrong(), Vec::<&str>::new(), "{theme}");
        assert_eq!(looked.requests, Vec::<String>::new(), "{theme}: asked of other machines");
    }
}

/// An action of CloudWatch's calls what the widget names, with the rights of whoever looks.
#[test]
fn the_inspectors_part_holds_text_and_tables_and_nothing_that_acts() {
    let looked = chromium::look_at(&format!("{FOLDER}/light.html"));
    let widgets = looked.widgets();
    let custom = widgets.iter().find(|widget| widget["kind"] == "custom").unwrap();
    let elements = custom["elements"].as_array().unwrap();
    assert!(elements.iter().any(|one| one == "td"), "{elements:?}");
    let plain = ["p", "b", "table", "tbody", "tr", "th", "td"];
    let others: Vec<&Value> =
        elements.iter().filter(|one| !plain.contains(&one.as_str().unwrap())).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn a_picture_is_taken_of_each_that_is_small_enough_for_the_pages() {
    for theme in THEMES {
        let looked = chromium::look_at(&format!("{FOLDER}/{theme}.html"));
        let path = format!("{FOLDER}/dashboard-{theme}.png");
        chromium::picture(&format!("{FOLDER}/{theme}.html"), &path, looked.size());
        let small = picture::with_a_palette(&fs::read(&path).unwrap());
        fs::write(&path, &small).unwrap();
        let bytes = small.len();
        assert!((50_000..400_000).contains(&bytes), "{path} has {bytes} bytes");
    }
}

#[test]
fn a_planted_mistake_is_seen() {
    type Mistake = fn(&str) -> String;
    let mistakes: [(&str, &str, Mistake); 5] = [
        ("title", "overflows", |page| {
            page.replace("<h2>", &format!("<h2>{}", "wide ".repeat(200)))
        }),
        ("picture", "forbidden", |page| {
            page.replace("</main>", "<img src=\"http://192.0.2.1/a.png\"></main>")
        }),
        ("script", "script error", |page| {
            page.replace("</main>", "</main><script nonce=measure>nobody()</script>")
        }),
        ("legend", "cut off", |page| {
            page.replace(".legend {", ".legend { position: relative; top: 40px;")
        }),
        ("labels", "overlap", |page| {
            page.replace("class=legend>", "class=legend style=\"margin-top:-9px\">")
        }),
    ];
    for (name, says, mistake) in mistakes {
        let looked = planted(name, mistake);
        let wrong = looked.wrong();
        assert!(wrong.iter().any(|one| one.contains(says)), "{name}: {wrong:?}");
    }
}

/// Otherwise it says nothing that there was none.
#[test]
fn a_request_of_another_machine_is_seen() {
    let looked = planted("request", |page| {
        let allowed = page.replace("default-src 'none'", "default-src 'none'; img-src *");
        allowed.replace("</main>", "<img src=\"http://dashboard.invalid/a.png\"></main>")
    });
    let asked = |line: &String| line.contains("http://dashboard.invalid/a.png");
    assert!(looked.requests.iter().any(asked), "{:?}", looked.requests);
}
