use super::*;
use crate::event::tests::config;
use serde_json::json;

fn about(text: &str) -> Question {
    Question::parse(&json!({"explain": text}), &config()).unwrap()
}

fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

#[test]
fn thirty_two_hexadecimal_digits_may_be_a_tasks_id_and_nothing_else_may() {
    let digits = "0123456789abcdef0123456789ABCDEF";
    let either = Question::Explain(AskedAbout::TaskIdOrSession(id(digits)));
    assert_eq!(about(&format!(" {digits} ")), either);
    for session in [&digits[1..], "0123456789abcdef0123456789abcdeg", "run-1", "cafe"] {
        assert_eq!(about(session), Question::Explain(AskedAbout::Session(id(session))));
    }
}

#[test]
fn a_task_of_another_account_is_refused_before_any_call() {
    let task = "arn:aws:ecs:us-east-1:000000000000:task/sessions/0123abcd";
    let ours = TaskArn::parse(task).unwrap().0;
    assert_eq!(about(task), Question::Explain(AskedAbout::Task(ours)));
    let foreign = task.replace("000000000000", "111111111111");
    let error = Question::parse(&json!({"explain": foreign}), &config()).unwrap_err();
    assert_eq!(error.field, "explain");
}

#[test]
fn so_many_sweeps_are_told_as_are_asked_for_and_no_more_than_fifty() {
    let ask = |sweeps| Question::parse(&json!({"sweeps": sweeps}), &config());
    for (sweeps, last) in [(json!({}), 5), (json!({"last": 1}), 1), (json!({"last": 50}), 50)] {
        assert_eq!(ask(sweeps), Ok(Question::Sweeps { last }));
    }
    for wrong in [0, 51, -1] {
        assert_eq!(ask(json!({"last": wrong})).unwrap_err().field, "sweeps.last");
    }
}

#[test]
fn one_thing_is_asked_at_a_time() {
    let ask = |question| Question::parse(&question, &config()).unwrap_err();
    assert!(ask(json!({})).problem.contains("asks nothing"));
    assert!(ask(json!({"session": "s", "sweeps": {}})).problem.contains("several"));
    assert_eq!(
        Question::parse(&json!({"session": "s"}), &config()),
        Ok(Question::Session(id("s")))
    );
}
