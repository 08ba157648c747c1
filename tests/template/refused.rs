//! What start-up refuses, the template refuses before there is a stack: by a parameter's own pattern, or by a rule.
//! What only start-up can refuse is listed, with the reason.

use crate::configuration::camel_case;
use crate::resolve::Parameters;
use crate::{TEMPLATE, python};
use serde_json::Value;
use session_cleanup::config::{Config, VARIABLES};
use std::collections::{BTreeMap, BTreeSet};

const CLUSTER: &str = "arn:aws:ecs:us-east-1:000000000000:cluster/sessions";
const GROUP: &str =
    "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123456789abcdef";

/// A stack that everything is configured of. All else is as the template has it.
pub(crate) const WORKS: [(&str, &str); 6] = [
    ("Clusters", CLUSTER),
    ("Families", "session"),
    ("TargetGroupArns", GROUP),
    ("ArtifactBucket", "artifacts"),
    ("SubnetIds", "subnet-0123456789abcdef0"),
    ("SecurityGroupIds", "sg-0123456789abcdef0"),
];

/// Parameters that don't go together, and what is said of them.
pub(crate) const DO_NOT_GO_TOGETHER: [(&[(&str, &str)], &str); 6] = [
    (&[("SubnetIds", ""), ("SecurityGroupIds", "")], "SubnetIds is needed"),
    (&[("SecurityGroupIds", "")], "SubnetIds needs SecurityGroupIds"),
    (&[("SubnetIds", ""), ("ArtifactMode", "none")], "SecurityGroupIds needs SubnetIds"),
    (&[("ArtifactBucket", ""), ("ArtifactMode", "none")], "ArtifactBucket is needed"),
    (&[("CompletionMode", "observe"), ("LogLevel", "warn")], "LogLevel must be info or debug"),
    (&[("SweepSchedule", "rate(1 day)")], "SweepSchedule and SweepInterval belong together"),
];

/// Set by nobody who deploys, or as something else than it is.
const NOT_A_PARAMETER_OF_ITS_OWN: [(&str, &str); 4] = [
    ("STACK_NAME", "it is the stack's own"),
    ("LEDGER_BUCKET", "it is the stack's own, and AWS names it"),
    ("SWEEP_INTERVAL", "it follows from how often to sweep"),
    (
        "CONTAINER_AUTHORIZATION",
        "the parameter says where the secret is, and nobody can read it there",
    ),
];

/// What start-up says of what it alone can refuse, what such a value has in it, and why that is.
const ONLY_AT_START_UP: [(&str, &str, &str); 7] = [
    ("longer than MAX_SESSION_AGE", "", "a rule of CloudFormation compares for equality alone"),
    ("longer than CONNECT_TIMEOUT", "", "the same"),
    ("it must be at least", "", "nor can it add up"),
    ("TARGET_GROUP_ARNS are of", "", "nor take an ARN apart"),
    ("a port from 1 to 65535", ".", "a Number may have a fraction: 80.5"),
    ("a whole number from 1 to 100", ".", "the same"),
    ("a whole number above 0", ".", "the same"),
];

/// Tried with each variable: what people type, and what they should not.
fn attempts() -> Vec<String> {
    let long = "x".repeat(5000);
    [
        "",
        " ",
        "0",
        "1",
        "-1",
        "80.5",
        "5",
        "60",
        "61",
        "101",
        "65536",
        "1000000",
        "0s",
        "00s",
        "0ms",
        "1ms",
        "30",
        "30s",
        "5m",
        "2h",
        "7d",
        "2001ms",
        "3s",
        "99999s",
        "5 m",
        "-5m",
        "5x",
        "m",
        "1.5h",
        "99999999999s",
        "\u{a0}5m",
        "/",
        "/x",
        "/a b",
        "/a?b",
        "/a#b",
        "/\u{e9}",
        "a b",
        "a/b",
        "a,,b",
        ",",
        "*",
        "a*",
        "*a",
        "session,*",
        "aws.x",
        "aws.",
        "my.source",
        "env:",
        "env: ",
        "env:\u{a0}",
        "tag:,env:X",
        "env:X",
        "started-by",
        "startedby",
        "complete",
        "none",
        "discard",
        "maybe",
        "true",
        "yes",
        "enforce",
        "report",
        "observe",
        "info",
        "loud",
        "ab",
        "artifacts",
        "Artifacts",
        "my_bucket",
        "session",
        "name:1",
        "\u{e9}",
        "a\nb",
        "arn:aws:ecs:us-east-1:000000000000:service/sessions",
        "arn:aws:ecs:us-east-1:1:cluster/sessions",
        "arn:aws:ecs::000000000000:cluster/sessions",
        "arn:aws:ecs:us-east-1:000000000000:cluster/a b",
        CLUSTER,
        "arn:aws:ecs:us-west-2:000000000000:cluster/sessions",
        "arn:aws:ecs:us-east-1:111111111111:cluster/sessions",
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/x/0123456789abcdef",
        GROUP,
        "arn:aws:elasticloadbalancing:us-east-1:111111111111:targetgroup/sessions/0123456789abcdef",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([long, format!("{CLUSTER},"), format!("{CLUSTER},{GROUP}"), format!("{GROUP},")])
    .collect()
}

/// Values that must stay allowed, apart from the defaults.
const GOOD: [(&str, &[&str]); 14] = [
    (
        "CLUSTERS",
        &[
            "arn:aws:ecs:us-east-1:000000000000:cluster/a,arn:aws:ecs:us-east-1:000000000000:cluster/B_2",
        ],
    ),
    ("FAMILIES", &["session", "session,run-*", "Session_2-*"]),
    ("TARGET_GROUP_ARNS", &["", GROUP]),
    ("IDENTITY_SOURCES", &["started-by", "tag:my id,env:X", "env:MY_ID", "tag:a/b:c=d"]),
    ("SESSION_CONTAINER", &["main", "a_b-C"]),
    ("CONTAINER_PORT", &["1", "65535"]),
    ("COMPLETE_PATH", &["/", "/a/b;c=1,2", "/~x/$y/%20"]),
    ("ARTIFACT_BUCKET", &["my.bucket-1", "abc"]),
    ("ARTIFACT_PREFIX", &["runs/2026/", "env=prod/", "run-"]),
    ("ARTIFACT_MARKER", &["_SUCCESS", "a/b/c.json"]),
    ("EVENT_SOURCE", &["com.example.sessions", "awsome", "aws-sessions"]),
    ("UPLOAD_TIMEOUT", &["500ms", "29s", "1s"]),
    ("CONNECT_TIMEOUT", &["1ms", "999ms", "1999ms", "2000ms", "1s", "2s"]),
    ("HARD_AGE", &["7d", "48h", "121m"]),
];

/// The parameters of a stack that works, with changes.
pub(crate) fn with(changes: &[(&str, &str)]) -> Parameters {
    let declared = TEMPLATE["Parameters"].as_object().unwrap().iter();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let defaults = declared.map(|(name, parameter)| (name.clone(), text(&parameter["Default"])));
    let set = WORKS.iter().chain(changes).map(|(name, value)| ((*name).into(), (*value).into()));
    defaults.chain(set).collect()
}

/// What start-up says of a stack's parameters.
fn start_up(parameters: &Parameters) -> Result<(), String> {
    let config = Config::from_variables(|variable| match variable {
        "LEDGER_BUCKET" => Some("ledger".to_owned()),
        "CONTAINER_AUTHORIZATION" | "AWS_REGION" => None,
        "STACK_NAME" => Some("stack".to_owned()),
        "SWEEP_INTERVAL" => Some(parameters["SweepEvery"].clone()),
        "FUNCTION_TIMEOUT" | "REAPER_TIMEOUT" => {
            Some(parameters[&camel_case(variable)].clone() + "s")
        }
        _ => parameters.get(&camel_case(variable)).cloned(),
    });
    config.map(drop).map_err(|error| error.to_string())
}

/// Whether patterns match texts, as a whole.
fn matches(pairs: &BTreeSet<(String, String)>) -> BTreeMap<(String, String), bool> {
    let list: Vec<_> = pairs.iter().collect();
    let list = serde_json::to_string(&list).unwrap();
    let matched: Vec<bool> =
        serde_json::from_value(python(include_str!("matches.py"), "", &list)).unwrap();
    pairs.iter().cloned().zip(matched).collect()
}

/// Which of these values their parameters take.
pub(crate) fn allowed(values: &[(String, String)]) -> Vec<bool> {
    let pattern = |parameter: &str| {
        TEMPLATE["Parameters"][parameter]["AllowedPattern"].as_str().unwrap_or("(?s).*").to_owned()
    };
    let pairs = values.iter().map(|(name, value)| (pattern(name), value.clone())).collect();
    let matched = matches(&pairs);
    let fits = |(name, value): &(String, String)| {
        let parameter = &TEMPLATE["Parameters"][name];
        assert!(parameter.is_object(), "there is no parameter {name}");
        let one_of = parameter["AllowedValues"].as_array();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_listed = one_of.is_none_or(|known| known.iter().any(|known| text(known) == *value));
        let longest = parameter["MaxLength"].as_u64().unwrap_or(4096);
        let is_in_range = parameter["Type"] != "Number"
            || value.parse::<f64>().is_ok_and(|number| {
                number >= parameter["MinValue"].as_f64().unwrap_or(f64::MIN)
                    && number <= parameter["MaxValue"].as_f64().unwrap_or(f64::MAX)
            });
        let is_short = u64::try_from(value.chars().count()).unwrap() <= longest;
        is_listed && is_in_range && is_short && matched[&(pattern(name), value.clone())]
    };
    values.iter().map(fits).collect()
}

/// What the template's rules say of parameters: the descriptions of the assertions that don't hold.
pub(crate) fn broken_rules(parameters: &Parameters) -> Vec<&'static str> {
    let rules = TEMPLATE["Rules"].as_object().unwrap().values();
    let applies = |rule: &&Value| {
        rule.get("RuleCondition").is_none_or(|condition| holds(condition, parameters))
    };
    let assertions = rules.filter(applies).flat_map(|rule| rule["Assertions"].as_array().unwrap());
    let broken = assertions.filter(|assertion| !holds(&assertion["Assert"], parameters));
    broken.map(|assertion| assertion["AssertDescription"].as_str().unwrap()).collect()
}

fn holds(function: &Value, parameters: &Parameters) -> bool {
    let text = |value: &Value| match value["Ref"].as_str() {
        Some(name) => parameters[name].clone(),
        None => value.as_str().unwrap().to_owned(),
    };
    let (name, of) = function.as_object().unwrap().iter().next().unwrap();
    match name.as_str() {
        "Fn::Not" => !holds(&of[0], parameters),
        "Fn::And" => of.as_array().unwrap().iter().all(|one| holds(one, parameters)),
        "Fn::Or" => of.as_array().unwrap().iter().any(|one| holds(one, parameters)),
        "Fn::Equals" => text(&of[0]) == text(&of[1]),
        "Fn::Contains" => of[0].as_array().unwrap().contains(&Value::from(text(&of[1]))),
        _ => panic!("what does {name} do?"),
    }
}

#[test]
fn what_start_up_refuses_the_template_refuses_too_but_for_what_is_listed() {
    let mut tried = Vec::new();
    for variable in VARIABLES.iter().map(|variable| variable.name) {
        if !NOT_A_PARAMETER_OF_ITS_OWN.iter().any(|(name, _)| *name == variable) {
            tried.extend(attempts().into_iter().map(|value| (camel_case(variable), value)));
        }
    }
    let mut refused = BTreeSet::new();
    let mut listed = BTreeSet::new();
    for ((name, value), is_allowed) in tried.iter().zip(allowed(&tried)) {
        let parameters = with(&[(name, value)]);
        let Err(problem) = start_up(&parameters) else { continue };
        refused.insert(name);
        if !is_allowed || !broken_rules(&parameters).is_empty() {
            continue;
        }
        let is_it = |says, has| problem.contains(says) && value.contains(has);
        let entry = ONLY_AT_START_UP.iter().find(|(says, has, _)| is_it(*says, *has));
        let (says, ..) = entry.unwrap_or_else(|| {
            panic!("the template takes {name}={value:?}, and then no function starts: {problem}")
        });
        listed.insert(*says);
    }
    assert_eq!(
        listed,
        ONLY_AT_START_UP.map(|(says, ..)| says).into(),
        "a list without idle entries"
    );
    // Start-up takes any text as the prefix of keys.
    let unlimited = [("ArtifactPrefix", "what any key may begin with")];
    assert_eq!(
        refused.len(),
        VARIABLES.len() - NOT_A_PARAMETER_OF_ITS_OWN.len() - unlimited.len(),
        "of each variable something is refused: {refused:?}"
    );
}

#[test]
fn good_values_stay_allowed() {
    assert_eq!(start_up(&with(&[])), Ok(()));
    let mut values: Vec<_> =
        with(&[]).into_iter().filter(|(name, _)| *name != "AlarmTopicArn").collect();
    for (variable, good) in GOOD {
        for value in good {
            let changed = with(&[(&camel_case(variable), value)]);
            assert_eq!(start_up(&changed), Ok(()), "{variable}={value}");
            assert!(broken_rules(&changed).is_empty(), "{variable}={value}");
            values.push((camel_case(variable), (*value).to_owned()));
        }
    }
    for ((name, value), is_allowed) in values.iter().zip(allowed(&values)) {
        assert!(is_allowed, "{name} does not take {value:?}");
    }
}

#[test]
fn parameters_that_do_not_go_together_are_refused_by_a_rule_that_says_so() {
    assert!(broken_rules(&with(&[])).is_empty());
    for (changes, says) in DO_NOT_GO_TOGETHER {
        let broken = broken_rules(&with(changes));
        assert!(broken.iter().any(|description| description.contains(says)), "{says}: {broken:?}");
    }
    let three = [("ArtifactMode", "discard"), ("ArtifactBucket", ""), ("SubnetIds", "")];
    assert!(broken_rules(&with(&[&three[..], &[("SecurityGroupIds", "")]].concat())).is_empty());
}

/// IAM would read them as any text, or as a variable.
#[test]
fn no_key_of_artifacts_holds_a_wildcard_of_a_policy() {
    let keys = ["ArtifactPrefix", "ArtifactMarker"];
    let values = keys.iter().flat_map(|key| ["a*", "a?", "a${aws:username}"].map(|v| (*key, v)));
    let values: Vec<_> = values.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    assert!(allowed(&values).iter().all(|is_allowed| !is_allowed));
}
