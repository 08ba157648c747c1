//! What `CloudFormation` makes of the template's functions, with everything configured.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The parameters of a stack, by name.
pub(crate) type Parameters = BTreeMap<String, String>;

/// What is longer in no account.
const PSEUDO: [(&str, &str); 5] = [
    ("AWS::Partition", "aws-us-gov"),
    ("AWS::Region", "ap-southeast-99"),
    ("AWS::AccountId", "123456789012"),
    ("AWS::URLSuffix", "amazonaws.com.cn"),
    ("AWS::StackName", "a-stack-whose-name-is-as-long-as-a-function-lets-it-be"),
];

/// A value as it is deployed. Of a condition its first branch; what is only known once it exists is as long as
/// it may get.
pub(crate) fn resolve(value: &Value, parameters: &Parameters) -> Value {
    let Some(object) = value.as_object() else {
        let Some(list) = value.as_array() else { return value.clone() };
        let items = list.iter().map(|item| resolve(item, parameters));
        return items.filter(|item| !item.is_null()).collect();
    };
    let text = |value: &Value| resolve(value, parameters).as_str().unwrap_or_default().to_owned();
    match object.iter().next().map(|(name, of)| (name.as_str(), of)) {
        Some(("Ref", name)) => named(name.as_str().unwrap(), parameters),
        Some(("Fn::GetAtt", of)) => json!(exists(&format!("{}.{}", of[0], of[1]))),
        Some(("Fn::If", branches)) => resolve(&branches[1], parameters),
        Some(("Fn::Split", of)) => {
            text(&of[1]).split(of[0].as_str().unwrap()).map(Value::from).collect()
        }
        Some(("Fn::Sub", of)) => json!(substituted(of.as_str().unwrap(), parameters)),
        _ => {
            let fields =
                object.iter().map(|(key, value)| (key.clone(), resolve(value, parameters)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn named(name: &str, parameters: &Parameters) -> Value {
    let pseudo = PSEUDO.iter().find(|(known, _)| *known == name);
    match (parameters.get(name), pseudo) {
        (Some(value), _) => json!(value),
        (None, Some((_, value))) => json!(value),
        (None, None) if name == "AWS::NoValue" => Value::Null,
        (None, None) => json!(exists(name)),
    }
}

/// The name or ARN of a resource: `arn`, partition, service, Region and account are 60 characters at most, its
/// own name is 64 of a function, a bucket, a rule or a queue.
fn exists(name: &str) -> String {
    format!("{name:x<124}")
}

fn substituted(text: &str, parameters: &Parameters) -> String {
    let mut parts = text.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| {
        let (name, after) = part.split_once('}').unwrap();
        before + named(name, parameters).as_str().unwrap_or_default() + after
    })
}
