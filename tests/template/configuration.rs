//! What the functions are told.

use crate::{TEMPLATE, all, default_of, properties};
use serde_json::{Map, Value, json};
use session_cleanup::config::{ArtifactMode, Config, VARIABLES};

fn variables(function: &str) -> &'static Map<String, Value> {
    properties(function)["Environment"]["Variables"].as_object().unwrap()
}

#[test]
fn every_variable_is_a_parameter_of_the_same_name_and_default() {
    let set = variables("CompletionFunction");
    let known: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
    for name in set.keys() {
        assert!(known.contains(&name.as_str()), "the template sets {name}, which nobody reads");
    }
    for variable in VARIABLES {
        let value = set.get(variable.name);
        let value = value.unwrap_or_else(|| panic!("the template sets no {}", variable.name));
        let parameter = camel_case(variable.name);
        let by_reference = json!({"Ref": parameter});
        // Lambda's own time limits are numbers.
        let in_seconds = json!({"Fn::Sub": format!("${{{parameter}}}s")});
        let unit = if *value == in_seconds { "s" } else { "" };
        // A secret: the parameter says only where it is.
        let secret = json!({"Fn::If": [
            format!("Has{parameter}"),
            {"Fn::Sub": format!("{{{{resolve:${{{parameter}}}}}}}")},
            "",
        ]});
        // The stack's own name is no parameter, and has no default.
        if variable.name == "STACK_NAME" {
            assert_eq!(*value, json!({"Ref": "AWS::StackName"}));
            continue;
        }
        // `SweepInterval` is for demonstrations; what it is else is chosen from a list.
        let chosen = json!({"Fn::If":
            ["HasAnotherSchedule", {"Ref": "SweepInterval"}, {"Ref": "SweepEvery"}]});
        let chosen_from = if *value == chosen { "SweepEvery" } else { &parameter };
        let is_known = [by_reference, in_seconds, secret, chosen].contains(value);
        assert!(is_known, "{} is {value}", variable.name);
        if let Some(default) = variable.default {
            let given = default_of(chosen_from);
            let given = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
            assert_eq!(given + unit, default, "{parameter}");
        }
    }
}

pub(crate) fn camel_case(name: &str) -> String {
    let word = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
    name.split('_').map(word).collect()
}

#[test]
fn every_artifact_mode_has_its_word_in_the_functions_in_the_template_and_on_the_page() {
    // A new mode does not compile here before it has a word. List it, too.
    let word = |mode: ArtifactMode| match mode {
        ArtifactMode::Complete => "complete",
        ArtifactMode::SelfUpload { .. } => "none",
        ArtifactMode::Discard => "discard",
    };
    let by_itself = ArtifactMode::SelfUpload { marker_written_last: false };
    let modes = [ArtifactMode::Complete, by_itself, ArtifactMode::Discard];
    let allowed = &TEMPLATE["Parameters"]["ArtifactMode"]["AllowedValues"];
    assert_eq!(*allowed, json!(modes.map(word)), "template.yaml");
    let page = include_str!("../../docs/configuration.md");
    let row = page.lines().find(|line| line.starts_with("| `ARTIFACT_MODE` |")).unwrap();
    let group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/x/0123";
    for mode in modes {
        assert!(row.contains(&format!("`{}`:", word(mode))), "docs/configuration.md: {row}");
        let config = Config::from_variables(|name| match name {
            "ARTIFACT_MODE" => Some(word(mode).to_owned()),
            "TARGET_GROUP_ARNS" => Some(group.to_owned()),
            "AWS_REGION" => None,
            "ARTIFACT_BUCKET" => Some("artifacts".to_owned()),
            name if VARIABLES.iter().any(|v| v.name == name && v.default.is_some()) => None,
            name => Some(name.to_lowercase().replace('_', "-")),
        });
        assert_eq!(config.map(|config| config.artifacts.mode), Ok(mode), "{}", word(mode));
    }
}

/// Whoever types the token itself would have put it into the stack's history.
#[test]
fn the_secret_parameter_takes_a_reference_and_no_secret() {
    let pattern =
        TEMPLATE["Parameters"]["ContainerAuthorization"]["AllowedPattern"].as_str().unwrap();
    assert_eq!(pattern, "^((secretsmanager|ssm):[^{}]+)?$");
}

#[test]
fn both_functions_are_told_the_same() {
    assert_eq!(variables("ReaperFunction"), variables("CompletionFunction"));
}

#[test]
fn a_new_deployment_only_looks() {
    assert_eq!(default_of("ReaperMode"), "report");
}

#[test]
fn lambda_keeps_the_time_limits_that_the_functions_are_told() {
    for (function, limit) in
        [("CompletionFunction", "FunctionTimeout"), ("ReaperFunction", "ReaperTimeout")]
    {
        assert_eq!(properties(function)["Timeout"], json!({"Ref": limit}), "{function}");
    }
}

#[test]
fn every_function_has_a_log_group_of_its_own_that_forgets() {
    let mut seen = Vec::new();
    for (function, properties) in all("AWS::Lambda::Function") {
        let logging = &properties["LoggingConfig"];
        assert_eq!(logging["LogFormat"], "Text", "{function}: metrics are lines without a level");
        let group = logging["LogGroup"]["Ref"].as_str().unwrap();
        let retention = &crate::properties(group)["RetentionInDays"];
        assert_eq!(*retention, json!({"Ref": "LogRetentionDays"}));
        assert!(!seen.contains(&group), "{group} is shared");
        seen.push(group);
    }
}
