//! What the pages name of the template, of the AWS CLI and of the metrics is there.

use crate::{TEMPLATE, python};
use serde_json::json;
use session_cleanup::config::VARIABLES;
use session_cleanup::metrics::METRICS;
use session_cleanup_tests::pages::Page;
use std::collections::BTreeSet;

const MAKEFILE: &str = include_str!("../../Makefile");

/// CamelCase words that are neither the template's nor a metric nor AWS's own: of the source, of Lambda's records of
/// failed invocations, of ECS's reasons, of HTTP and of IAM.
const OF_OTHERS: [&str; 16] = [
    "Authorization",
    "CleanupPanicked",
    "Deny",
    "Disabling",
    "EventAgeExceeded",
    "EventRefused",
    "FargateSessionCleanup",
    "Handover",
    "HttpSeam",
    "Nobody",
    "OutOfMemory",
    "ReadOnlyAccess",
    "RetriesExhausted",
    "Review",
    "SessionNotClean",
    "VisibilityTimeouts",
];

/// Parameters that are gone: pages say so.
const GONE: [&str; 1] = ["NoSweepPeriod"];

fn keys(part: &str) -> BTreeSet<&'static str> {
    TEMPLATE[part].as_object().unwrap().keys().map(String::as_str).collect()
}

/// What a page names and what is not there.
fn problems(page: &Page) -> Vec<String> {
    let (parameters, outputs, resources) = (keys("Parameters"), keys("Outputs"), keys("Resources"));
    let mut problems = Vec::new();
    let mut demand = |what: &str, name: &str, known: bool| {
        if !known {
            problems.push(format!("{}: there is no {what} {name}", page.path));
        }
    };
    let shell = shell(page);
    for name in after(&shell, &["$(output ", "OutputKey=='"]) {
        demand("output", name, outputs.contains(name) || name == "$1");
    }
    for name in after(&shell, &["$(resource ", "--logical-resource-id "]) {
        demand("resource", name, resources.contains(name) || name.starts_with('"'));
    }
    for name in after(&shell, &["ParameterKey=='"]) {
        demand("parameter", name, parameters.contains(name));
    }
    for name in
        after(&shell, &["Environment.Variables."]).into_iter().filter(|name| !name.starts_with('['))
    {
        demand("variable", name, VARIABLES.iter().any(|variable| variable.name == name));
    }
    for name in after(&shell, &["fargate-session-cleanup-", "$STACK-"]) {
        let is_one = ["completion", "reaper", "inspector"].contains(&name);
        demand("function", name, is_one);
    }
    for name in after(&shell, &["make "]) {
        demand("target of make", name, MAKEFILE.contains(&format!("\n{name}:")));
    }
    for name in overrides(&shell) {
        demand("parameter", name, parameters.contains(name));
    }
    let alarms = page.text.split(|c: char| !c.is_ascii_alphanumeric());
    for name in alarms.filter(|word| word.ends_with("Alarm") && word.len() > "Alarm".len()) {
        demand("alarm", name, resources.contains(name) || name == "NameAlarm");
    }
    problems
}

/// What is typed into a shell: of blocks and between backticks.
fn shell(page: &Page) -> String {
    let blocks = page.blocks().into_iter().filter(|block| block.language == "sh");
    let blocks = blocks.map(|block| block.text.to_owned());
    let begins =
        |quote: &String| ["aws ", "make ", "sam "].iter().any(|word| quote.starts_with(word));
    blocks.chain(page.inline().into_iter().filter(begins)).collect::<Vec<_>>().join("\n")
}

/// The word after each of these.
fn after<'a>(text: &'a str, beginnings: &[&str]) -> Vec<&'a str> {
    let ends = |c: char| c.is_whitespace() || "')\";|,`".contains(c);
    let words = beginnings.iter().flat_map(|beginning| {
        text.split(beginning).skip(1).filter_map(|rest| rest.split(ends).next())
    });
    words.filter(|word| !word.is_empty()).collect()
}

/// The parameters that `sam deploy` is given.
fn overrides(text: &str) -> Vec<&str> {
    // A line that ends in a backslash goes on.
    let lines = |rest: &'_ str| -> usize {
        let whole = rest.lines().take_while(|line| line.ends_with('\\')).count();
        rest.lines().take(whole + 1).map(|line| line.len() + 1).sum::<usize>().min(rest.len())
    };
    let deployments = text.split("--parameter-overrides").skip(1);
    let given = deployments.flat_map(|rest| rest[..lines(rest)].split_whitespace());
    given.filter_map(|word| Some(word.split_once('=')?.0)).collect()
}

/// CamelCase words between backticks.
fn names(page: &Page) -> Vec<String> {
    let is_a_name = |quote: &String| {
        quote.starts_with(|c: char| c.is_ascii_uppercase())
            && quote.chars().any(|c| c.is_ascii_lowercase())
            && quote.chars().all(|c| c.is_ascii_alphabetic())
    };
    page.inline().into_iter().filter(is_a_name).collect()
}

/// Those of them that nobody knows, and what the AWS CLI says of the commands.
fn held_against_aws(pages: &[Page]) -> Vec<String> {
    let blocks: Vec<String> = pages.iter().map(shell).collect();
    let names: BTreeSet<String> = pages.iter().flat_map(names).collect();
    let asked = json!({ "blocks": blocks, "names": names }).to_string();
    let answer = python(include_str!("pages.py"), "", &asked);
    let texts = |field: &str| {
        let list = answer[field].as_array().unwrap().iter();
        list.map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let known = |name: &String| {
        ["Parameters", "Outputs", "Resources"].iter().any(|part| keys(part).contains(name.as_str()))
            || METRICS.iter().any(|metric| metric.name == name)
            || OF_OTHERS.contains(&name.as_str())
            || GONE.contains(&name.as_str())
    };
    let unknown = texts("unknown").into_iter().filter(|name| !known(name));
    let unknown = unknown.map(|name| format!("nobody knows a {name}"));
    let seen = answer["seen"].as_u64().unwrap_or_default();
    assert!(seen > 0, "no command is seen: the test can't tell");
    texts("problems").into_iter().chain(unknown).collect()
}

#[test]
fn every_command_output_parameter_and_metric_that_a_page_names_is_there() {
    let pages = Page::all();
    let mut wrong: Vec<String> = pages.iter().flat_map(problems).collect();
    wrong.extend(held_against_aws(&pages));
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
}

#[test]
fn what_is_not_there_is_told() {
    let text = "`OutcomeCleand` of NoSuchAlarm\n```sh\n\
        aws ecs stop-tasks --cluster c\n\
        aws ecs stop-task --cluster c --tasks t\n\
        aws ecs stop-task --cluster c\n\
        aws sqs get-queue-attributes --queue-url \"$(output Queue)\" --query Attributs\n\
        aws lambda invoke --function-name fargate-session-cleanup-reeper --payload fileb://x\n\
        sam deploy --parameter-overrides ReapMode=enforce\n\
        make docter STACK=x\n```\n";
    let page = Page { path: "p".to_owned(), text: text.to_owned() };
    let mut found = problems(&page);
    found.extend(held_against_aws(&[page]));
    let told = [
        "no output Queue",
        "no function reeper",
        "no target of make docter",
        "no parameter ReapMode",
        "no alarm NoSuchAlarm",
        "no operation stop-tasks",
        "no option --tasks",
        "--task is missing",
        "nothing at Attributs",
        "no file where",
        "nobody knows a OutcomeCleand",
    ];
    for word in told {
        assert!(found.iter().any(|problem| problem.contains(word)), "{word}: {found:#?}");
    }
    assert_eq!(found.len(), told.len(), "{found:#?}");
}

/// Whoever is woken pastes one block, and then any other.
#[test]
fn every_variable_of_a_command_is_set_before_it_or_beside_it() {
    for page in Page::all() {
        let blocks = page.blocks();
        let shell = blocks.iter().filter(|block| block.language == "sh").map(|block| block.text);
        let shell: Vec<&str> = shell.collect();
        for (place, block) in shell.iter().enumerate() {
            // Of the runbook any section may be the first that is read.
            let before = if page.path == "docs/runbook.md" { 1 } else { place };
            let set = [&shell[..before.min(shell.len())], &[block]].concat().join("\n");
            for name in used(block) {
                let beginnings = [format!("{name}="), format!("for {name} in")];
                let is_set = beginnings.iter().any(|beginning| set.contains(beginning));
                assert!(is_set || SHELLS_OWN.contains(&name), "{}: ${name} in {block}", page.path);
            }
        }
    }
}

const SHELLS_OWN: [&str; 3] = ["PWD", "PATH", "HOME"];

/// The variables that a block uses, `$1` and those of `jq` left out.
fn used(block: &str) -> Vec<&str> {
    let names = block.split('$').skip(1).map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
    });
    names.filter(|name| name.len() > 1 && *name != "id").collect()
}

#[test]
fn every_heading_that_a_page_links_to_is_there() {
    let pages = Page::all();
    for page in &pages {
        let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let Some((path, anchor)) = link.split_once('#') else { continue };
            if path.contains("://") {
                continue;
            }
            let path = if path.is_empty() { page.path.clone() } else { joined(folder, path) };
            let Some(target) = pages.iter().find(|page| page.path == path) else { continue };
            assert!(anchors(target).contains(anchor), "{} links to {link}", page.path);
        }
    }
}

fn joined(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// As GitHub makes them of headings.
fn anchors(page: &Page) -> BTreeSet<String> {
    let prose: String = page.text.split("```").step_by(2).collect();
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn variables_are_told_from_what_else_begins_with_a_dollar() {
    assert_eq!(used("echo \"$ONE ${TWO##*/} $1 $(output X)\""), ["ONE", "TWO"]);
}
