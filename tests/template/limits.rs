//! That the longest values which parameters take still fit into what AWS has room for: nothing that a parameter
//! allows fails in the middle of a deployment.

use crate::configuration::camel_case;
use crate::refused::{allowed, with};
use crate::resolve::{Parameters, resolve};
use crate::{TEMPLATE, all, list, properties};
use serde_json::{Map, Value};
use session_cleanup::config::VARIABLES;

const PAGE: &str = include_str!("../../docs/configuration.md");

/// Lambda measures the environment as JSON (what its error calls *string measured*).
const ENVIRONMENT: usize = 4096;
/// `EventBridge`'s quota of an event pattern, in characters.
const PATTERN: usize = 2048;
/// IAM's quotas of a managed policy and of a role's own policies, in characters that are no white space.
const MANAGED_POLICY: usize = 6144;
const POLICIES_OF_A_ROLE: usize = 10_240;

/// What is kept for the token of containers, which nobody can measure before it is resolved.
const TOKEN: usize = 200;

const CLUSTER: (&str, &str) = ("arn:aws:ecs:us-east-1:000000000000:cluster/", "");
const GROUP: (&str, &str) =
    ("arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/", "/0123456789abcdef");

/// As many ARNs as fit into `most` characters, with names of at least `shortest` and at most `longest`.
fn arns((start, end): (&str, &str), shortest: usize, longest: usize, most: usize) -> String {
    let comma = 1;
    let one = start.len() + shortest + end.len() + comma;
    let mut rest = (most + comma) % one;
    let mut arns = Vec::new();
    for _ in 0..(most + comma) / one {
        let more = rest.min(longest - shortest);
        rest -= more;
        arns.push(format!("{start}{}{end}", "x".repeat(shortest + more)));
    }
    arns.join(",")
}

/// The longest value of each parameter whose text reaches a function, but for the lists.
const LONGEST: [(&str, &str, usize); 8] = [
    ("IdentitySources", "env:", 100),
    ("SessionContainer", "", 64),
    ("CompletePath", "/", 64),
    ("HealthPath", "/", 64),
    ("ArtifactBucket", "", 63),
    ("ArtifactPrefix", "", 100),
    ("ArtifactMarker", "", 100),
    ("EventSource", "", 64),
];

/// A stack whose parameters are as long as they may be; names of clusters of `cluster` characters.
fn longest(cluster: usize) -> Parameters {
    let mut changes: Vec<(String, String)> = vec![
        ("Clusters".into(), arns(CLUSTER, cluster, 255, 1024)),
        ("Families".into(), "x".repeat(255)),
        ("TargetGroupArns".into(), arns(GROUP, 11, 32, 768)),
        ("ContainerPort".into(), "65535".into()),
        ("ConnectTimeout".into(), "2000ms".into()),
        ("BlastRadiusAtLeast".into(), "100000".into()),
    ];
    for (name, start, length) in LONGEST {
        changes.push((name.into(), format!("{start}{}", "x".repeat(length - start.len()))));
    }
    for (name, parameter) in TEMPLATE["Parameters"].as_object().unwrap() {
        let pattern = parameter["AllowedPattern"].as_str().unwrap_or_default();
        if pattern.ends_with("(ms|s|m|h)$") || pattern.ends_with("(ms|s|m|h|d)$") {
            changes.push((name.clone(), "99999ms".into()));
        }
    }
    let changes: Vec<_> =
        changes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    with(&changes)
}

#[test]
fn what_is_measured_here_is_the_longest_that_each_parameter_takes() {
    let parameters = longest(11);
    let mut values = Vec::new();
    for name in ["Clusters", "Families", "TargetGroupArns"]
        .iter()
        .chain(LONGEST.map(|(name, ..)| name).iter())
    {
        values.push(((*name).to_owned(), parameters[*name].clone()));
        values.push(((*name).to_owned(), parameters[*name].clone() + "x"));
    }
    let most = [true, false].iter().cycle();
    for (((name, value), is_allowed), expected) in values.iter().zip(allowed(&values)).zip(most) {
        assert_eq!(is_allowed, *expected, "{name} of {} characters", value.len());
    }
}

#[test]
fn the_longest_environment_fits_into_lambda_s_four_kilobytes() {
    let variables = &properties("CompletionFunction")["Environment"]["Variables"];
    for names_of_clusters in [1, 12, 255] {
        let mut resolved = resolve(variables, &longest(names_of_clusters));
        // The longest name of a bucket; and what is kept for a token.
        resolved["LEDGER_BUCKET"] = Value::from("x".repeat(63));
        resolved["CONTAINER_AUTHORIZATION"] = Value::from("x".repeat(TOKEN));
        for variable in VARIABLES {
            let parameter = &TEMPLATE["Parameters"][camel_case(variable.name)];
            let known = parameter["AllowedValues"].as_array();
            let longest = known.and_then(|known| {
                known.iter().filter_map(Value::as_str).max_by_key(|word| word.len())
            });
            if let Some(longest) = longest {
                resolved[variable.name] = Value::from(longest);
            }
        }
        let measured = resolved.to_string().len();
        assert!(measured <= ENVIRONMENT, "{measured} characters of {ENVIRONMENT}");
        println!("environment: {measured} of {ENVIRONMENT}, with a token of {TOKEN}");
    }
    assert!(PAGE.contains(&format!("a token of {TOKEN} characters")), "docs/configuration.md");
    for list in ["Clusters", "TargetGroupArns", "Families"] {
        let most = TEMPLATE["Parameters"][list]["MaxLength"].as_u64().unwrap();
        let most = if most > 999 {
            format!("{},{:03}", most / 1000, most % 1000)
        } else {
            most.to_string()
        };
        assert!(PAGE.contains(&format!("`{list}` {most}")), "docs/configuration.md: {list} {most}");
    }
}

#[test]
fn the_longest_list_of_clusters_fits_into_an_event_pattern() {
    for names_of_clusters in [1, 12, 255] {
        let parameters = longest(names_of_clusters);
        for (name, rule) in all("AWS::Events::Rule") {
            if rule["EventPattern"].is_object() {
                let measured = resolve(&rule["EventPattern"], &parameters).to_string().len();
                assert!(measured <= PATTERN, "{name}: {measured} characters of {PATTERN}");
            }
        }
    }
}

#[test]
fn the_longest_policies_fit_into_iam_s_quotas() {
    let parameters = longest(1);
    let size = |document: &Value| {
        let text = resolve(document, &parameters).to_string();
        text.chars().filter(|c| !c.is_whitespace()).count()
    };
    for (name, policy) in all("AWS::IAM::ManagedPolicy") {
        let measured = size(&policy["PolicyDocument"]);
        assert!(measured <= MANAGED_POLICY, "{name}: {measured} characters of {MANAGED_POLICY}");
    }
    for (name, role) in all("AWS::IAM::Role") {
        let measured: usize =
            list(&role["Policies"]).into_iter().map(|policy| size(&policy["PolicyDocument"])).sum();
        assert!(
            measured <= POLICIES_OF_A_ROLE,
            "{name}: {measured} characters of {POLICIES_OF_A_ROLE}"
        );
    }
}

/// A list that is one text: a function that takes it whole would take two clusters for one that does not exist.
#[test]
fn lists_are_split_wherever_each_of_them_is_meant() {
    fn referred<'a>(value: &'a Value, inside: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
        let fields: Option<&Map<String, Value>> = value.as_object();
        for (key, inner) in fields.into_iter().flatten() {
            match inner.as_str() {
                Some(name) if key == "Ref" => found.push((name, inside)),
                _ => referred(inner, key, found),
            }
        }
        for inner in value.as_array().into_iter().flatten() {
            referred(inner, inside, found);
        }
    }
    let mut found = Vec::new();
    for resource in TEMPLATE["Resources"].as_object().unwrap().values() {
        referred(&resource["Properties"], "", &mut found);
    }
    let of_lists: Vec<_> = found
        .into_iter()
        .filter(|(name, _)| ["Clusters", "TargetGroupArns"].contains(name))
        .collect();
    assert!(of_lists.len() > 6, "only {of_lists:?} are seen: the test can't tell");
    for (name, inside) in of_lists {
        assert!(
            ["Fn::Split", "CLUSTERS", "TARGET_GROUP_ARNS"].contains(&inside),
            "{name} whole, in {inside}"
        );
    }
}
