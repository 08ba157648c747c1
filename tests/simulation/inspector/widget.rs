//! The dashboard's widget.

use super::HOUR;
use crate::invoke::{INTERVAL, ask, look};
use serde_json::{Value, json};
use session_cleanup_tests::world::{Api, Fault, Setup, World};

/// As `CloudWatch` calls it.
fn call() -> Value {
    json!({"widgetContext": {
        "dashboardName": "fargate-session-cleanup-us-east-1", "widgetId": "widget-1", "locale": "en",
        "timezone": {"label": "UTC", "offsetISO": "+00:00", "offsetInMinutes": 0}, "period": 300,
        "isAutoPeriod": true, "theme": "light", "linkCharts": true, "title": "Findings", "forms": {"all": {}},
        "params": {}, "width": 588, "height": 369,
    }})
}

async fn draw(world: &World) -> String {
    let answer = ask(world, &call()).await;
    answer.as_str().unwrap_or_else(|| panic!("no HTML: {answer:#}")).to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_widget_shows_what_the_last_sweep_found() {
    let world = World::new(Setup::default());
    world.session("old").started_ago(HOUR * 3).start();
    look(&world, "look").await;
    tokio::time::sleep(INTERVAL).await;
    let html = draw(&world).await;
    for part in [
        "<b>1 orphan</b>, 1 left running",
        "<tr><td>old</td><td>would_act</td>",
        "<td>T8 too_old</td></tr>",
        "(5 min ago)",
        "<b>report</b>",
    ] {
        assert!(html.contains(part), "no {part:?} in {html}");
    }
}

/// Whoever is woken reads from the top.
#[tokio::test(start_paused = true)]
async fn what_was_acted_on_stands_before_what_was_only_looked_at() {
    let world = World::new(Setup::default());
    world.session("demo").started_ago(HOUR * 9).tag("cleanup-protection", "true").start();
    world.session("old").started_ago(HOUR * 3).start();
    look(&world, "look").await;
    let html = draw(&world).await;
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text} in {html}"));
    assert!(place("<td>old</td>") < place("<td>demo</td>"), "{html}");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_reads_the_ledger_and_calls_nothing_else() {
    let world = World::new(Setup::default());
    world.session("old").started_ago(HOUR * 3).unregistered().start();
    look(&world, "look").await;
    let health = world.count(Api::ContainerHealth);
    draw(&world).await;
    let calls = world.calls();
    let by_inspector = calls.iter().filter(|call| call.caller == "inspector");
    let apis: Vec<Api> = by_inspector.map(|call| call.api).collect();
    assert!(!apis.is_empty());
    assert!(apis.iter().all(|api| [Api::GetObject, Api::ListObjects].contains(api)), "{apis:?}");
    assert_eq!(world.count(Api::ContainerHealth), health);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_found_nothing_and_one_that_is_long_ago_are_told() {
    let world = World::new(Setup::default());
    assert!(draw(&world).await.contains("No sweep is recorded"));
    look(&world, "look").await;
    assert!(draw(&world).await.contains("<b>Nothing.</b>"));
    tokio::time::sleep(INTERVAL * 4).await;
    assert!(draw(&world).await.contains("too long ago: sweeps are paused, or fail"));
}

/// While a sweep acts, and where it died or could not store its report, nobody is told that all is well.
#[tokio::test(start_paused = true)]
async fn a_sweep_that_found_something_and_left_no_report_is_not_called_fine() {
    let world = World::new(Setup::default());
    world.session("old").started_ago(HOUR * 3).start();
    world.fault(Fault::on(Api::PutObject).of("ledger/sweeps/").denied().always());
    look(&world, "look").await;
    let html = draw(&world).await;
    assert!(html.contains("Its report is not there") && !html.contains("Nothing"), "{html}");
}

#[tokio::test(start_paused = true)]
async fn the_widget_says_what_it_is_where_it_is_edited() {
    let world = World::new(Setup::default());
    let answer = ask(&world, &json!({"describe": true})).await;
    assert!(answer.as_str().unwrap().contains("it never sweeps"), "{answer}");
    assert_eq!(world.count_by("inspector"), 0);
}

/// Ids, reasons and answers come from outside: none of them is ever an element of the page.
#[tokio::test(start_paused = true)]
async fn nothing_from_outside_gets_into_the_page_as_html() {
    const EVIL: &str = "<cwdb-action action=\"call\" endpoint=\"arn:aws:lambda:x\">{}</cwdb-action><script>&'\u{1b}";
    let world = World::new(Setup::default());
    let task = world.session("x").start();
    let target = json!({"group": world.setup().target_group_arn("sessions"),
        "address": {"ip": "10.0.0.1", "port": 8080}, "row": EVIL, "why": EVIL, "action": EVIL, "result": EVIL});
    let report = json!({"version": 1, "mode": EVIL, "started_at": world.now().to_string(), "warnings": [EVIL],
        "counts": {"orphans": EVIL}, "not_decided": [EVIL], "problems": [EVIL],
        "tasks": [{"task_arn": task.arn(), "session_id": EVIL, "row": EVIL, "why": EVIL, "action": EVIL, "result": EVIL}],
        "targets": [target]});
    // No key has a control character.
    let key = format!("sweeps/{}-{}.json", world.now().as_second(), EVIL.replace('\u{1b}', ""));
    world.put_object("ledger", &key, report.to_string());
    let html = draw(&world).await;
    let allowed = ["p", "b", "table", "tr", "th", "td"];
    assert!(
        html.contains("&lt;cwdb-action action=&quot;call&quot;"),
        "it is shown as it stands: {html}"
    );
    for element in html.split('<').skip(1) {
        let name = element.trim_start_matches('/');
        let name: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(allowed.contains(&name.as_str()), "an element <{element}");
        let rest = &element[element.find(&name).unwrap() + name.len()..];
        assert!(rest.starts_with('>'), "no element has attributes: <{element}");
    }
    assert!(html.chars().all(|c| !c.is_control()), "{html:?}");
}
