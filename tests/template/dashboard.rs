//! The dashboard: that it shows what there is, of this stack alone, and answers first whether all is well.

use crate::alarms::{is_written, page};
use crate::{all, default_of, properties};
use serde_json::{Value, json};
use session_cleanup::metrics::{DIMENSION, NAMESPACE};
use std::collections::BTreeSet;

/// The dashboard's widgets. What `CloudFormation` fills in stands between quotes, but for numbers.
fn widgets() -> Vec<Value> {
    let body = properties("Dashboard")["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let mut parts = body.split("\"value\": ${");
    let first = parts.next().unwrap().to_owned();
    let body = parts.fold(first, |before, part| {
        let (parameter, after) = part.split_once('}').unwrap();
        let number = default_of(parameter);
        assert!(number.is_number(), "{parameter} is a number");
        format!("{before}\"value\": {number}{after}")
    });
    let body: Value = serde_json::from_str(&body).expect("the dashboard is JSON");
    body["widgets"].as_array().unwrap().clone()
}

fn of_type<'a>(widgets: &'a [Value], kind: &str) -> Vec<&'a Value> {
    widgets.iter().filter(|widget| widget["type"] == kind).collect()
}

#[test]
fn the_dashboard_shows_metrics_that_are_written_and_this_stacks_alone() {
    let mut shown = BTreeSet::new();
    for widget in of_type(&widgets(), "metric") {
        let (mut namespace, mut dimension) = (Value::Null, Value::Null);
        for metric in widget["properties"]["metrics"].as_array().unwrap() {
            // A dot repeats what is above it.
            if metric[0] != "." && metric[0] != "..." {
                namespace = metric[0].clone();
            }
            if metric[0] != "..." && metric[2] != "." {
                dimension = json!([metric[2], metric[3]]);
            }
            if namespace == NAMESPACE {
                let name = metric[1].as_str().unwrap();
                assert!(is_written(name), "nobody writes {name}");
                assert_eq!(dimension, json!([DIMENSION, "${AWS::StackName}"]), "{name}");
                shown.insert(name.to_owned());
            }
        }
    }
    for (name, alarm) in all("AWS::CloudWatch::Alarm") {
        let metric = alarm["MetricName"].as_str().unwrap();
        let is_shown = shown.contains(metric) || alarm["Namespace"] != NAMESPACE;
        assert!(is_shown, "{name} rings for what nobody can see");
    }
}

/// Those that page someone are apart from those that can wait, and those that ring stand first.
#[test]
fn the_first_row_shows_every_alarm_and_says_which_ones_page_someone() {
    let widgets = widgets();
    let shown = of_type(&widgets, "alarm");
    let [pages, tickets] = shown[..] else { panic!("{} lists of alarms", shown.len()) };
    for widget in [pages, tickets] {
        assert_eq!((&widget["y"], &widget["width"]), (&json!(0), &json!(12)));
        assert_eq!(widget["properties"]["sortBy"], "stateUpdatedTimestamp");
        assert!(widget["properties"].get("states").is_none(), "green ones are shown, too");
    }
    let listed = |widget: &Value| -> BTreeSet<String> {
        let alarms = widget["properties"]["alarms"].as_array().unwrap().iter();
        alarms.map(|alarm| alarm.as_str().unwrap().to_owned()).collect()
    };
    let declared = |is_page: bool| -> BTreeSet<String> {
        let alarms = all("AWS::CloudWatch::Alarm").into_iter();
        let meant = alarms.filter(|(_, alarm)| (alarm["AlarmActions"] == page()) == is_page);
        meant.map(|(name, _)| format!("${{{name}.Arn}}")).collect()
    };
    assert_eq!(listed(pages), declared(true));
    assert_eq!(listed(tickets), declared(false));
}

/// A refresh asks it again: it only reads. Nothing it is asked depends on what is shown.
#[test]
fn the_widget_is_the_inspectors_and_is_asked_for_nothing_but_a_refresh() {
    let widgets = widgets();
    let custom = of_type(&widgets, "custom");
    let [widget] = custom[..] else { panic!("{} custom widgets", custom.len()) };
    assert_eq!(widget["properties"]["endpoint"], "${InspectorFunction.Arn}");
    let asks = json!({"refresh": true, "resize": false, "timeRange": false});
    assert_eq!(widget["properties"]["updateOn"], asks);
    assert!(widget["properties"].get("params").is_none());
}

/// Whoever looks does not know our names yet.
#[test]
fn every_curve_says_in_words_what_it_is_and_every_axis_what_it_counts() {
    const RED: &str = "#d62728";
    for widget in of_type(&widgets(), "metric") {
        let properties = &widget["properties"];
        let title = properties["title"].as_str().unwrap();
        let is_chart = properties["view"] != "singleValue";
        for metric in properties["metrics"].as_array().unwrap() {
            let options = metric.as_array().unwrap().last().unwrap();
            let label = options["label"].as_str().unwrap_or_default();
            let is_a_name = label.chars().skip(1).any(|c| c.is_ascii_uppercase());
            assert!(label.contains(' ') || !is_a_name && !label.is_empty(), "{title}: {metric}");
            assert!(
                options["color"].is_string(),
                "{title}: CloudWatch's own fourth colour is {RED}"
            );
            let side = if options["yAxis"] == "right" { "right" } else { "left" };
            let axis = &properties["yAxis"][side]["label"];
            assert!(axis.is_string() || !is_chart, "{title}: what does the {side} axis count?");
        }
    }
}

/// Dashboards are of all Regions: two stacks of one name would overwrite each other's.
#[test]
fn the_dashboards_name_has_the_region_in_it() {
    let name = &properties("Dashboard")["DashboardName"];
    assert_eq!(*name, json!({"Fn::Sub": "${AWS::StackName}-${AWS::Region}"}));
}

#[test]
fn no_two_widgets_of_the_dashboard_share_a_place_and_none_leaves_the_grid() {
    let mut taken = BTreeSet::new();
    for widget in widgets() {
        let [x, y, width, height] =
            ["x", "y", "width", "height"].map(|name| widget[name].as_u64().unwrap());
        assert!(x + width <= 24, "the grid has 24 columns: {widget}");
        for place in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(taken.insert(place), "{place:?} is taken: {widget}");
        }
    }
    let rows = taken.iter().map(|(_, y)| y + 1).max().unwrap();
    assert_eq!(taken.len() as u64, rows * 24, "there are no holes");
}
