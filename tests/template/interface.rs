//! What people see of the template: the parameters in the console, the outputs, the environments of samconfig.toml.

use crate::refused::{allowed, broken_rules, with};
use crate::{ROOT, TEMPLATE, list, properties, python};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn every_parameter_has_a_label_and_stands_in_one_group() {
    let interface = &TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"];
    let mut grouped: Vec<_> = list(&interface["ParameterGroups"])
        .into_iter()
        .flat_map(|group| list(&group["Parameters"]))
        .map(|name| name.as_str().unwrap())
        .collect();
    grouped.sort_unstable();
    let parameters: Vec<_> = TEMPLATE["Parameters"].as_object().unwrap().keys().collect();
    assert_eq!(grouped, parameters);
    let labels = interface["ParameterLabels"].as_object().unwrap();
    assert_eq!(labels.keys().collect::<Vec<_>>(), parameters);
    for (name, label) in labels {
        let says = label["default"].as_str().unwrap_or_default();
        assert!((3..=40).contains(&says.len()), "{name} is labelled {says:?}");
    }
}

#[test]
fn an_owner_is_told_bus_source_and_policy_and_a_person_the_dashboard() {
    let output = |name: &str| TEMPLATE["Outputs"][name]["Value"].clone();
    let bus =
        "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}";
    assert_eq!(output("EventBusArn"), json!({"Fn::Sub": bus}));
    assert_eq!(output("EventSource"), json!({"Ref": "EventSource"}));
    assert_eq!(output("OwnerPolicyArn"), json!({"Ref": "OwnerPolicy"}));
    let link = output("DashboardUrl")["Fn::Sub"].as_str().unwrap().to_owned();
    assert!(link.starts_with("https://") && link.ends_with("/${Dashboard}"), "{link}");
}

/// Where only the reader of samconfig.toml knows better, it says what is wanted, between these.
const TO_BE_FILLED_IN: char = '<';

fn environments() -> BTreeMap<String, Value> {
    let file = python(include_str!("samconfig.py"), &format!("{ROOT}/samconfig.toml"), "");
    let tables = file.as_object().unwrap().clone().into_iter();
    tables.filter(|(_, table)| table.is_object()).collect()
}

/// The parameters that an environment sets.
fn set(environment: &Value) -> Vec<(String, String)> {
    let overrides = &environment["deploy"]["parameters"]["parameter_overrides"];
    let pairs = overrides.as_array().into_iter().flatten().map(|one| one.as_str().unwrap());
    let pairs = pairs.map(|one| one.split_once('=').unwrap_or_else(|| panic!("{one} has no =")));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Each is whole: SAM takes nothing of one environment over into another.
#[test]
fn dev_and_prod_are_stacks_of_their_own_that_deploy_once_they_are_filled_in() {
    let environments = environments();
    let names: BTreeSet<_> = environments.keys().map(String::as_str).collect();
    assert_eq!(names, ["default", "dev", "prod"].into());
    let mut stacks = BTreeSet::new();
    let mut sources = BTreeSet::new();
    for (name, environment) in &environments {
        let deploy = &environment["deploy"]["parameters"];
        assert!(
            stacks.insert(environment["global"]["parameters"]["stack_name"].as_str()),
            "{name}"
        );
        assert_eq!(deploy["capabilities"], "CAPABILITY_IAM", "{name}");
        assert_eq!(deploy["confirm_changeset"], true, "{name}");
        assert_eq!(environment["build"]["parameters"]["beta_features"], true, "{name}");
        if name == "default" {
            assert!(set(environment).is_empty(), "README gives its parameters");
            continue;
        }
        let values = set(environment);
        let source = values.iter().find(|(name, _)| name == "EventSource");
        assert!(sources.insert(source.map(|(_, value)| value.clone())), "two stacks on one bus");
        let mut missing = 0;
        for ((parameter, value), is_allowed) in values.iter().zip(allowed(&values)) {
            let is_open = value.starts_with(TO_BE_FILLED_IN);
            assert_eq!(is_allowed, !is_open, "{name}: {parameter}={value}");
            missing += usize::from(is_open);
        }
        assert!(missing > 3, "{name}: clusters, groups, bucket, network");
        let filled: Vec<_> = values
            .iter()
            .filter(|(_, value)| !value.starts_with(TO_BE_FILLED_IN))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert!(broken_rules(&with(&filled)).is_empty(), "{name}");
    }
}

#[test]
fn whatever_the_environment_a_first_deployment_only_looks() {
    for (name, environment) in environments() {
        let mode = set(&environment).into_iter().find(|(parameter, _)| parameter == "ReaperMode");
        assert!(mode.is_none_or(|(_, mode)| mode == "report"), "{name}");
    }
    assert_eq!(
        properties("ReaperFunction")["Environment"]["Variables"]["REAPER_MODE"],
        json!({"Ref": "ReaperMode"})
    );
}
