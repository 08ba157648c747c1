//! What single variables may be set to.

use super::*;

#[test]
fn a_bucket_is_named_as_s3_allows() {
    for right in ["abc", "my-artifacts.2", &"x".repeat(63)] {
        assert_eq!(bucket(right).as_deref(), Ok(right));
    }
    for wrong in ["ab", "Artifacts", "my_artifacts", "my/artifacts", &"x".repeat(64)] {
        assert!(bucket(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_container_is_named_as_ecs_allows_or_not_at_all() {
    assert_eq!(container("run-1_a"), Ok(Some("run-1_a".to_owned())));
    assert_eq!(container(""), Ok(None));
    assert!(container("a b").is_err());
}

/// AWS's own events would otherwise be read as an owner's.
#[test]
fn an_owners_source_is_none_of_awss() {
    assert_eq!(event_source("session.lifecycle").as_deref(), Ok("session.lifecycle"));
    for wrong in ["", "aws.ecs"] {
        assert!(event_source(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_bucket_that_is_named_where_there_are_no_artifacts_is_a_bucket_all_the_same() {
    let named = |value: &str| {
        let value = value.to_owned();
        let of = move |name: &str| (name == "ARTIFACT_BUCKET").then(|| value.clone());
        Variables::new(&of).artifact_bucket(ArtifactMode::Discard)
    };
    assert_eq!(named("").ok(), Some(None));
    assert_eq!(named("artifacts").ok(), Some(Some("artifacts".to_owned())));
    assert!(named("a").is_err());
}
