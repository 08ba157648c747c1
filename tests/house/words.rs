//! One idea has one word. What it was called before is in here, and nowhere else.

use crate::files;

/// Words that are found nowhere any more, each with what stands for it now.
const GONE: [(&str, &[&str]); 13] = [
    ("snapshot", &["Sighting", "Sightings", "sighting", "sightings", "Sight", "sight"]),
    ("remove", &["TakeAway", "TakenFrom", "take_away", "taking_away"]),
    ("deregistered", &["taken_away", "ZombiesTakenAway"]),
    ("re-registered", &["put_back", "PutBack", "PutBacks", "NotPutBack", "not_put_back"]),
    ("re-registered", &["PutBacksAlarm", "PutBackDuration"]),
    ("probe", &["Witness", "witness", "witnesses", "WITNESS_TIMEOUT", "WitnessTimeout"]),
    ("owner", &["producer", "producers", "Producer", "Producers"]),
    ("holder", &["OwnedElsewhere", "was_the_owner"]),
    ("failed salvage", &["vain_since", "salvage_was_vain", "vain_salvage", "first_vain"]),
    (
        "blast radius",
        &["ReapLimitReached", "ReapLimitReachedAlarm", "LimitReached", "limit_reached"],
    ),
    ("dead-lettered", &["EventsGivenUpAlarm", "SweepsGivenUpAlarm"]),
    ("oracle", &["second_opinion"]),
    ("CleanupPanicked", &["PlanPanicked"]),
];

/// The same, of more than one word.
const GONE_PHRASES: [&str; 6] =
    ["taken away", "take away", "put back", "puts back", "putting back", "independent witness"];

/// Names that no code has any more; as words of a sentence they are as good as any.
const GONE_FROM_CODE: [(&str, &[&str]); 9] = [
    ("Context", &["Setting", "setting"]),
    ("AddressCheck", &["Look"]),
    ("IdentifiedSession", &["Subject"]),
    ("Removal, Removed", &["Taking", "Taken"]),
    ("Authority, Known", &["Ground", "Grounds", "TaskGrounds", "grounds"]),
    ("blast radius", &["most_stops", "most_taken", "MOST", "MOST_BYTES", "MOST_INTENTS"]),
    ("Deadline", &["answered_within", "last_limit", "in_time"]),
    ("tag_session_ended, next_suspects", &["remember_the_end", "remember"]),
    ("ToldToStop, Held", &["Ending", "Owned"]),
];

/// This list, and what is history.
const LEFT_OUT: [&str; 2] = ["tests/house/words.rs", "CHANGELOG.md"];

#[test]
fn the_old_vocabulary_is_found_nowhere() {
    let endings = [".rs", ".md", ".yaml", ".toml", ".json", ".py", "Makefile", "/run"];
    let mut found = Vec::new();
    for (path, text) in files("", &endings) {
        if LEFT_OUT.contains(&path.as_str()) {
            continue;
        }
        let is_code = path.starts_with("shared/") || path.starts_with("functions/");
        for (number, line) in text.lines().enumerate() {
            let mut gone = gone(line, &GONE);
            if is_code && !line.trim_start().starts_with("//") {
                gone.extend(self::gone(line, &GONE_FROM_CODE));
            }
            let phrases = GONE_PHRASES.iter().filter(|phrase| line.contains(**phrase));
            gone.extend(phrases.map(|phrase| format!("{phrase:?}")));
            found.extend(gone.into_iter().map(|word| format!("{path}:{}: {word}", number + 1)));
        }
    }
    assert!(found.is_empty(), "{} of them: {found:#?}", found.len());
}

/// The words of a line that are gone, and what they are now.
fn gone(line: &str, gone: &[(&str, &[&str])]) -> Vec<String> {
    let words: Vec<&str> = line
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let all = gone.iter().flat_map(|(now, before)| before.iter().map(move |word| (now, word)));
    let here = all.filter(|(_, before)| words.contains(before));
    here.map(|(now, before)| format!("{before} is {now} now")).collect()
}

#[test]
fn a_word_that_is_gone_is_found_as_a_word_and_not_as_a_part_of_one() {
    assert_eq!(gone("let put_back = 1;", &GONE), ["put_back is re-registered now"]);
    assert!(gone("output_backwards", &GONE).is_empty());
}

/// A reader of the repository must be able to open whatever it cites.
#[test]
fn nothing_cites_a_page_that_the_repository_does_not_hold() {
    let page = ["DESIGN", "md"].join(".");
    for (path, text) in files("", &[".rs", ".md", ".yaml", ".toml", ".py", "Makefile", "/run"]) {
        assert!(!text.contains(&page), "{path} cites {page}");
        let numbered = text.lines().find(|line| line.contains('\u{a7}'));
        assert_eq!(numbered, None, "{path} cites a numbered section");
    }
}
