//! The dashboard's body as `CloudFormation` fills it in, read as `CloudWatch` reads it ("Dashboard body structure
//! and syntax" in its API reference).

use super::story::Told;
use serde_json::Value;
use session_cleanup_tests::alarms::{ASSUMPTIONS, MetricId, State, alarm};
use session_cleanup_tests::template::TEMPLATE;

/// What the metric lines name.
pub(super) const STACK: &str = "fargate-session-cleanup";

/// One widget, in a grid of 24 columns.
pub(super) struct Widget {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) title: String,
    pub(super) kind: Kind,
    /// Lines at a fixed height.
    pub(super) annotations: Vec<Annotation>,
    /// What the axes count, left and right.
    pub(super) axes: [String; 2],
}

pub(super) enum Kind {
    /// The alarms' names.
    Alarms(Vec<String>),
    Custom,
    Numbers(Vec<Metric>),
    Lines(Vec<Metric>),
    Stacked(Vec<Metric>),
}

pub(super) struct Annotation {
    pub(super) value: f64,
    pub(super) label: String,
    pub(super) color: String,
}

/// One curve or number.
pub(super) struct Metric {
    pub(super) id: MetricId,
    pub(super) statistic: String,
    /// In seconds; `None`: all that is shown.
    pub(super) period: Option<i64>,
    pub(super) label: String,
    pub(super) color: String,
    pub(super) is_on_the_right: bool,
}

/// The widgets, in the order of the template.
pub(super) fn widgets() -> Vec<Widget> {
    let dashboard = &TEMPLATE["Resources"]["Dashboard"]["Properties"];
    let body = dashboard["DashboardBody"]["Fn::Sub"].as_str().expect("a text with references");
    let body: Value = serde_json::from_str(&filled_in(body)).expect("the body is JSON");
    body["widgets"].as_array().unwrap().iter().map(widget).collect()
}

/// References are followed: to parameters by their defaults, to resources by their own names.
fn filled_in(body: &str) -> String {
    let mut parts = body.split("${");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |before, part| {
        let (name, after) = part.split_once('}').unwrap();
        let value = match name {
            "AWS::StackName" => STACK.to_owned(),
            "AWS::Region" => "us-east-1".to_owned(),
            name => match &TEMPLATE["Parameters"][name]["Default"] {
                Value::Null => name.split('.').next().unwrap().to_owned(),
                Value::String(text) => text.clone(),
                number => number.to_string(),
            },
        };
        before + &value + after
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn widget(widget: &Value) -> Widget {
    let properties = &widget["properties"];
    let [x, y, width, height] =
        ["x", "y", "width", "height"].map(|name| widget[name].as_u64().unwrap());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let kind = match widget["type"].as_str().unwrap() {
        "alarm" => Kind::Alarms(list(&properties["alarms"]).iter().map(text).collect()),
        "custom" => Kind::Custom,
        "metric" => {
            let metrics = metrics(properties);
            match properties["view"].as_str() {
                Some("singleValue") => Kind::Numbers(metrics),
                None if properties["stacked"] == true => Kind::Stacked(metrics),
                None => Kind::Lines(metrics),
                Some(other) => panic!("nobody draws {other}"),
            }
        }
        other => panic!("nobody draws {other}"),
    };
    let annotations = list(&properties["annotations"]["horizontal"]);
    let annotations = annotations.iter().map(|one| Annotation {
        value: one["value"].as_f64().expect("a number"),
        label: text(&one["label"]),
        color: text(&one["color"]),
    });
    let axis = |side: &str| text(&properties["yAxis"][side]["label"]);
    Widget {
        x,
        y,
        width,
        height,
        title: text(&properties["title"]),
        kind,
        annotations: annotations.collect(),
        axes: [axis("left"), axis("right")],
    }
}

/// A dot repeats what is above it, and three dots all that is not said.
fn metrics(properties: &Value) -> Vec<Metric> {
    let mut above: [String; 4] = Default::default();
    let rows = properties["metrics"].as_array().unwrap().iter().map(|row| row.as_array().unwrap());
    let metrics = rows.map(|row| {
        let (names, options) = match row.split_last() {
            Some((options, names)) if options.is_object() => (names, options),
            _ => (row.as_slice(), &Value::Null),
        };
        let names: Vec<&str> = names.iter().map(|name| name.as_str().unwrap()).collect();
        match names[..] {
            ["...", value] => value.clone_into(&mut above[3]),
            [_, _, _, _] => {
                for (place, name) in above.iter_mut().zip(names).filter(|(_, name)| *name != ".") {
                    name.clone_into(place);
                }
            }
            _ => panic!("a metric of {names:?}"),
        }
        let option = |name: &str| options.get(name).or(properties.get(name));
        let text = |name: &str| option(name).and_then(Value::as_str);
        let is_of_all = properties["setPeriodToTimeRange"] == true;
        let period = option("period").and_then(Value::as_i64);
        Metric {
            id: (above[0].clone(), above[1].clone(), above[3].clone()),
            statistic: text("stat").unwrap_or("Average").to_owned(),
            period: period.filter(|_| !is_of_all),
            label: text("label").unwrap_or(&above[1]).to_owned(),
            color: text("color").expect("every curve has its colour").to_owned(),
            is_on_the_right: text("yAxis") == Some("right"),
        }
    });
    metrics.collect()
}

/// The state of each alarm at the end, as the widget sorts them by `stateUpdatedTimestamp`: those that ring, those
/// without data, and the rest, each with the latest change first.
#[derive(Debug)]
pub(super) struct Alarms(pub(super) Vec<(String, State)>);

impl Alarms {
    pub(super) fn of(names: &[String], told: &Told) -> Self {
        let mut alarms: Vec<_> = names
            .iter()
            .map(|name| {
                let alarm = alarm(name, "5m");
                let under = ASSUMPTIONS[0];
                let changes = alarm.changes(&told.published, told.created, told.until, under);
                let last = changes.last().expect("a new alarm gets a state");
                let place = match last.to {
                    State::Alarm => 0,
                    State::InsufficientData => 1,
                    State::Ok => 2,
                };
                (place, -last.at, name.clone(), last.to)
            })
            .collect();
        alarms.sort_by(|one, other| (one.0, one.1, &one.2).cmp(&(other.0, other.1, &other.2)));
        Self(alarms.into_iter().map(|(_, _, name, state)| (name, state)).collect())
    }

    pub(super) fn any_rings(&self) -> bool {
        self.0.iter().any(|(_, state)| *state == State::Alarm)
    }

    pub(super) fn any_is_quiet(&self) -> bool {
        self.0.iter().any(|(_, state)| *state == State::Ok)
    }
}
