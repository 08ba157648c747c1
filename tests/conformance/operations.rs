//! Nothing that the functions can send is left out of the stories.

use crate::ROOT;
use crate::judges::ask;
use crate::models::VERDICT;
use std::collections::BTreeSet;

/// The operations that were recorded, such as `ecs ListTasks`.
fn recorded() -> BTreeSet<&'static str> {
    VERDICT["operations"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_operation_that_the_source_can_send_is_recorded() {
    let sendable = ask("sendable.py", &[&format!("{ROOT}/shared/src")]);
    let recorded = recorded();
    let mut named = BTreeSet::new();
    for call in sendable.as_array().unwrap() {
        let may_be: Vec<&str> =
            call.as_array().unwrap().iter().filter_map(|o| o.as_str()).collect();
        let was: Vec<_> = may_be.iter().filter(|one| recorded.contains(**one)).copied().collect();
        assert!(!was.is_empty(), "no story sends {may_be:?}");
        named.extend(was);
    }
    assert_eq!(named, recorded, "the source is read wrongly: more is sent than is found in it");
}

/// The kinds of answers that change what a function does next.
#[test]
fn each_kind_of_answer_that_matters_is_recorded() {
    let answered = VERDICT["answered"].as_object().unwrap();
    for kind in [
        "ecs DescribeTasks 400",
        "ecs ListClusters 200",
        "ecs StopTask 200",
        "ecs StopTask 400",
        "ecs TagResource 200",
        "elbv2 DeregisterTargets 403",
        "elbv2 RegisterTargets 200",
        "elbv2 RegisterTargets 400",
        "s3 DeleteObject 204",
        "s3 HeadObject 301",
        "s3 HeadObject 307",
        "s3 HeadObject 403",
        "s3 HeadObject 404",
        "s3 PutObject 404",
        "s3 PutObject 412",
    ] {
        assert!(answered.contains_key(kind), "no story has {kind}: {answered:?}");
    }
}
