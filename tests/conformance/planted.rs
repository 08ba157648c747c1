//! The judge of the exchanges finds what is wrong in them: each kind of mistake is planted once.

use crate::judges::{ask, problems};
use crate::recording::{RECORDING, Recording};
use crate::tape::Exchange;

/// A mistake: in which exchange it is planted, how, and what must be said of it.
struct Mistake {
    of: fn(&Exchange) -> bool,
    plant: fn(&mut Exchange),
    says: &'static str,
}

fn is(exchange: &Exchange, operation: &str) -> bool {
    let target = exchange.headers.get("x-amz-target").is_some_and(|t| t.ends_with(operation));
    (target || exchange.body.starts_with(&format!("Action={operation}&")))
        && exchange.answer.as_ref().is_some_and(|answer| answer.status == 200)
}

fn puts(exchange: &Exchange) -> bool {
    exchange.method == "PUT" && exchange.headers.contains_key("x-amz-checksum-crc32")
}

fn in_request(exchange: &mut Exchange, from: &str, to: &str) {
    assert!(exchange.body.contains(from), "{from} is not in {}", exchange.body);
    exchange.body = exchange.body.replacen(from, to, 1);
}

fn in_answer(exchange: &mut Exchange, from: &str, to: &str) {
    let body = &mut exchange.answer.as_mut().unwrap().body;
    assert!(body.contains(from), "{from} is not in {body}");
    *body = body.replacen(from, to, 1);
}

const IN_REQUESTS: [Mistake; 11] = [
    Mistake {
        of: |exchange| is(exchange, "ListTasks"),
        plant: |exchange| in_request(exchange, "RUNNING", "DEAD"),
        says: "ListTasks, request: request.desiredStatus is 'DEAD', which is none of",
    },
    Mistake {
        of: |exchange| is(exchange, "DescribeTasks"),
        plant: |exchange| in_request(exchange, "\"cluster\"", "\"clusterName\""),
        says: "request.clusterName is not in the model",
    },
    Mistake {
        of: |exchange| is(exchange, "StopTask"),
        plant: |exchange| in_request(exchange, "\"task\"", "\"reason\""),
        says: "request.task is required, and missing",
    },
    Mistake {
        of: |exchange| is(exchange, "TagResource"),
        plant: |exchange| in_request(exchange, "\"value\":\"", "\"value\":\"!"),
        says: "which does not match",
    },
    Mistake {
        of: |exchange| is(exchange, "TagResource"),
        plant: |exchange| {
            in_request(exchange, "\"tags\":[", &format!("\"tags\":[{}", "{},".repeat(50)));
        },
        says: "at most 50 is allowed",
    },
    Mistake {
        of: |exchange| is(exchange, "DeregisterTargets"),
        plant: |exchange| in_request(exchange, ".Port=8080", ".Port=70000"),
        says: "at most 65535 is allowed",
    },
    Mistake {
        of: |exchange| is(exchange, "DeregisterTargets"),
        plant: |exchange| in_request(exchange, ".Port=", ".Gate="),
        says: "the form has ['Targets.member.1.Gate'], which the model has not",
    },
    Mistake {
        of: |exchange| is(exchange, "ListClusters"),
        plant: |exchange| {
            let target = exchange.headers.get_mut("x-amz-target").unwrap();
            target.push_str("OfAll");
        },
        says: "ecs has no operation ListClustersOfAll",
    },
    Mistake {
        of: puts,
        plant: |exchange| {
            exchange.headers.insert("if-non-match".to_owned(), "*".to_owned());
        },
        says: "headers that nobody knows: ['if-non-match']",
    },
    Mistake { of: puts, plant: |exchange| exchange.body.push(' '), says: "the checksum is" },
    Mistake {
        of: |exchange| exchange.uri.contains("list-type=2&"),
        plant: |exchange| {
            exchange.uri = exchange.uri.replace("list-type=2&", "list-type=2&page=1&");
        },
        says: "the query has ['page'], which the model has not",
    },
];

const IN_ANSWERS: [Mistake; 9] = [
    Mistake {
        of: |exchange| is(exchange, "StopTask"),
        plant: |exchange| in_answer(exchange, "UserInitiated", "OwnerInitiated"),
        says: "answer.task.stopCode is 'OwnerInitiated', which is none of",
    },
    Mistake {
        of: |exchange| is(exchange, "DescribeTasks"),
        plant: |exchange| in_answer(exchange, "\"createdAt\":", "\"createdAt\":1000"),
        says: "botocore can't parse it",
    },
    Mistake {
        of: |exchange| is(exchange, "DescribeTasks"),
        plant: |exchange| in_answer(exchange, "\"createdAt\":1", "\"createdAt\":"),
        says: "createdAt is no time of this century",
    },
    Mistake {
        of: |exchange| is(exchange, "DescribeTasks"),
        plant: |exchange| in_answer(exchange, "\"launchType\"", "\"startType\""),
        says: "sent.tasks[0].startType is not in the model",
    },
    Mistake {
        of: |exchange| is(exchange, "DescribeTargetHealth"),
        plant: |exchange| in_answer(exchange, "<State>", "<State>very "),
        says: "TargetHealth.State is 'very ",
    },
    Mistake {
        of: |exchange| is(exchange, "DescribeTargetHealth"),
        plant: |exchange| in_answer(exchange, "<TargetHealth>", "<TargetHealth><Since>1</Since>"),
        says: "TargetHealth.Since is not in the model",
    },
    Mistake {
        of: |exchange| exchange.answer.as_ref().is_some_and(|answer| answer.status == 412),
        plant: |exchange| in_answer(exchange, "PreconditionFailed", "ConditionFailed"),
        says: "ConditionFailed is neither an error of the operation nor a common one",
    },
    Mistake {
        of: |exchange| exchange.answer.as_ref().is_some_and(|answer| answer.status == 412),
        plant: |exchange| exchange.answer.as_mut().unwrap().status = 409,
        says: "PreconditionFailed comes with 409 and not with 412",
    },
    Mistake {
        of: |exchange| exchange.method == "HEAD",
        plant: |exchange| exchange.answer.as_mut().unwrap().body.push_str("<Error/>"),
        says: "the answer to a HEAD has a body",
    },
];

#[test]
fn each_kind_of_mistake_is_found_once_it_is_planted() {
    let mistakes: Vec<&Mistake> = IN_REQUESTS.iter().chain(&IN_ANSWERS).collect();
    let planted = mistakes.iter().map(|mistake| {
        let found = RECORDING.exchanges.iter().find(|exchange| (mistake.of)(exchange));
        let mut exchange =
            found.unwrap_or_else(|| panic!("nowhere to plant: {}", mistake.says)).clone();
        (mistake.plant)(&mut exchange);
        exchange
    });
    let planted = Recording::of("planted", planted.collect());
    let answer = ask("exchanges.py", &[&planted.path]);
    let found = problems(&answer);
    for mistake in mistakes {
        let is_found = found.iter().any(|problem| problem.contains(mistake.says));
        assert!(is_found, "{} is not among {found:#?}", mistake.says);
    }
}
