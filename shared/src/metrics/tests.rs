use super::*;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// The one line that `write` writes.
fn line(write: impl FnOnce(&Metrics)) -> Value {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&lines);
    let metrics = Metrics::new(&Clock::default(), "a-stack", move |line| {
        seen.lock().unwrap().push(line.to_owned());
    });
    write(&metrics);
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 1);
    serde_json::from_str(&lines[0]).unwrap()
}

#[test]
fn a_metric_is_one_line_in_embedded_metric_format() {
    let line = line(|metrics| {
        metrics.count(Metric::ARTIFACTS_LOST, &[("session_id", json!("s-1"))]);
    });
    assert_eq!(line["ArtifactsLost"], 1);
    assert_eq!(line["session_id"], "s-1");
    let definition = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(definition["Namespace"], NAMESPACE);
    assert_eq!(definition["Metrics"][0]["Name"], "ArtifactsLost");
    assert_eq!(
        (&definition["Dimensions"], &line["Stack"]),
        (&json!([["Stack"]]), &json!("a-stack"))
    );
    assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
}

#[test]
fn hours_are_written_with_their_thousandths() {
    let line = line(|metrics| metrics.write(&[Metric::ORPHAN_VCPU_HOURS.of(1_250)], &[]));
    assert_eq!(line["OrphanVcpuHours"], 1.25);
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"], "None");
}

#[test]
fn no_two_metrics_and_no_two_steps_share_a_name() {
    let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len());
    let steps: BTreeSet<_> = STEPS.iter().map(|step| step.name()).collect();
    assert_eq!(steps.len(), STEPS.len());
}

#[test]
fn a_steps_metric_has_the_steps_name() {
    for step in STEPS {
        let words = step.name().split('_');
        let name: String =
            words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect::<String>();
        assert_eq!(step.duration().name, format!("{name}Duration"));
        assert_eq!(step.duration().unit, Unit::Milliseconds);
    }
}

#[test]
fn the_metrics_of_the_documentation_are_the_code() {
    let page = include_str!("../../../docs/metrics.md");
    for Metric { name, unit, meaning } in METRICS {
        let row = format!("| `{name}` | {} | {meaning} |", unit.word());
        assert!(page.contains(&row), "docs/metrics.md lacks the row {row}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, METRICS.len(), "docs/metrics.md has rows that nobody writes");
}
