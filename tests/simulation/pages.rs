//! What the pages quote of the functions is what the functions say.

mod play;
mod recorder;
mod said;
mod words;

use crate::invoke::{INTERVAL, ask, look};
use said::{Said, problems};
use serde_json::json;
use session_cleanup_tests::pages::Page;
use session_cleanup_tests::world::{Setup, World};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn every_line_field_and_word_that_a_page_quotes_is_printed_by_the_functions() {
    let said = Said::of(play::play().await);
    let mut wrong = Vec::new();
    for page in Page::all() {
        wrong.extend(
            problems(&page, &said).into_iter().map(|problem| format!("{}: {problem}", page.path)),
        );
    }
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
    let excused = said.excused_for_nothing(&Page::all());
    assert_eq!(excused, Vec::<&str>::new(), "no page quotes these any more, or the play says them");
}

#[tokio::test(start_paused = true)]
async fn the_answer_in_the_runbook_is_the_inspector_s_own() {
    let world = World::new(Setup::default());
    world.session("report-1042").started_ago(Duration::from_hours(3)).start();
    look(&world, "first").await;
    tokio::time::sleep(INTERVAL * 2).await;
    let answer = ask(&world, &json!({"explain": "report-1042"})).await;
    let text = answer["text"].as_str().unwrap();
    let page = Page::read("docs/runbook.md");
    assert!(page.text.contains(text), "docs/runbook.md says otherwise than\n{text}");
}
