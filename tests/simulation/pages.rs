//! What the pages quote of the functions is what the functions say.

mod play;
mod recorder;
mod said;
mod words;

use said::{Said, problems};
use session_cleanup_tests::pages::Page;

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
}
