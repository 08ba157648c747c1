//! The alarms as the template declares them, for one value of `SweepEvery`.

use super::cloudwatch::{Alarm, Comparison, Missing, State, Statistic};
use crate::template::TEMPLATE;
use serde_json::Value;

/// What the metric lines of these tests name as their stack.
const STACK: &str = "fargate-session-cleanup";

/// All alarms, as they are deployed with both topics.
#[must_use]
pub fn alarms(every: &str) -> Vec<Alarm> {
    let resources = TEMPLATE["Resources"].as_object().unwrap().iter();
    let alarms = resources.filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    alarms.map(|(name, resource)| read(name, &resource["Properties"], every)).collect()
}

/// One of them.
///
/// # Panics
/// Where the template has none of this name.
#[must_use]
pub fn alarm(name: &str, every: &str) -> Alarm {
    let found = alarms(every).into_iter().find(|alarm| alarm.name == name);
    found.unwrap_or_else(|| panic!("there is no {name}"))
}

fn read(name: &str, properties: &Value, every: &str) -> Alarm {
    let get = |property: &str| resolve(&properties[property], every);
    let text = |property: &str| get(property).as_str().unwrap_or_default().to_owned();
    let dimensions = properties["Dimensions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let dimension = dimensions.first().map(|one| resolve(&one["Value"], every));
    let dimension = dimension.as_ref().and_then(Value::as_str).unwrap_or_default();
    let acts = |property: &str| get(property).is_array();
    let rings_in =
        [("AlarmActions", State::Alarm), ("InsufficientDataActions", State::InsufficientData)];
    assert!(properties.get("DatapointsToAlarm").is_none(), "{name}: the model knows N of N only");
    assert!(properties.get("EvaluationWindow").is_none(), "{name}: the model's window slides");
    assert!(properties.get("Metrics").is_none(), "{name}: the model knows no metric math");
    Alarm {
        name: name.to_owned(),
        metric: (text("Namespace"), text("MetricName"), dimension.to_owned()),
        statistic: match text("Statistic").as_str() {
            "Maximum" => Statistic::Maximum,
            "Sum" => Statistic::Sum,
            "SampleCount" => Statistic::SampleCount,
            other => panic!("{name}: the model knows no statistic {other}"),
        },
        period: get("Period").as_i64().unwrap(),
        periods: usize::try_from(get("EvaluationPeriods").as_u64().unwrap()).unwrap(),
        threshold: get("Threshold").as_f64().unwrap(),
        comparison: match text("ComparisonOperator").as_str() {
            "GreaterThanThreshold" => Comparison::Greater,
            "GreaterThanOrEqualToThreshold" => Comparison::GreaterOrEqual,
            "LessThanThreshold" => Comparison::Less,
            other => panic!("{name}: the model knows no comparison {other}"),
        },
        missing: match text("TreatMissingData").as_str() {
            "breaching" => Missing::Breaching,
            "notBreaching" => Missing::NotBreaching,
            "ignore" => Missing::Ignored,
            "missing" | "" => Missing::NoData,
            other => panic!("{name}: there is no {other}"),
        },
        rings_in: rings_in
            .into_iter()
            .filter_map(|(name, state)| acts(name).then_some(state))
            .collect(),
        tells_of_its_end: acts("OKActions"),
    }
}

/// A value with its references followed: parameters have their defaults, and every topic is there.
fn resolve(value: &Value, every: &str) -> Value {
    let Some(object) = value.as_object() else { return value.clone() };
    let Some((function, of)) = object.iter().next() else { return value.clone() };
    match function.as_str() {
        "Ref" => match of.as_str().unwrap() {
            "AWS::StackName" => Value::from(STACK),
            "SweepEvery" => Value::from(every),
            name => match TEMPLATE["Parameters"].get(name) {
                Some(parameter) => parameter["Default"].clone(),
                // A resource, by its own name.
                None => Value::from(name),
            },
        },
        "Fn::GetAtt" => of[0].clone(),
        "Fn::FindInMap" => {
            let [map, first, second] = [0, 1, 2].map(|nth| resolve(&of[nth], every));
            let [map, first, second] = [&map, &first, &second].map(|key| key.as_str().unwrap());
            TEMPLATE["Mappings"][map][first][second].clone()
        }
        "Fn::If" => resolve(&of[1], every),
        other => panic!("the model does not follow {other}"),
    }
}
