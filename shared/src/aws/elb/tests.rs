use super::*;
use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;

fn health(state: &str, reason: Option<&str>) -> TargetHealth {
    let health = types::TargetHealth::builder()
        .state(state.into())
        .set_reason(reason.map(TargetHealthReasonEnum::from))
        .build();
    TargetHealth::read(Some(&health))
}

fn described(id: Option<&str>, port: Option<i32>) -> TargetHealthDescription {
    let target = TargetDescription::builder().set_id(id.map(str::to_owned)).set_port(port).build();
    TargetHealthDescription::builder().target(target).build()
}

#[test]
fn each_state_of_a_target_is_read_as_what_it_says() {
    for (state, read) in [
        ("healthy", TargetHealth::Healthy),
        ("initial", TargetHealth::Initial),
        ("draining", TargetHealth::Draining),
        ("unused", TargetHealth::Unused),
        ("unavailable", TargetHealth::Unavailable),
    ] {
        assert_eq!(health(state, None), read, "{state}");
        assert!(!read.is_unanswered(), "{state}");
    }
}

#[test]
fn a_target_has_not_answered_only_for_two_reasons() {
    for (reason, read, unanswered) in [
        ("Target.Timeout", Unhealthy::Timeout, true),
        ("Target.FailedHealthChecks", Unhealthy::FailedHealthChecks, true),
        ("Target.ResponseCodeMismatch", Unhealthy::ResponseCodeMismatch, false),
        ("Elb.InternalError", Unhealthy::Other, false),
        ("Target.SomethingNew", Unhealthy::Other, false),
    ] {
        let health = health("unhealthy", Some(reason));
        assert_eq!(health, TargetHealth::Unhealthy(read), "{reason}");
        assert_eq!(health.is_unanswered(), unanswered, "{reason}");
    }
    assert_eq!(health("unhealthy", None), TargetHealth::Unhealthy(Unhealthy::Other));
}

#[test]
fn a_reason_counts_only_for_a_target_that_is_unhealthy() {
    for state in ["initial", "draining", "unused", "unavailable", "healthy"] {
        assert!(!health(state, Some("Target.Timeout")).is_unanswered(), "{state}");
    }
}

#[test]
fn a_state_that_is_not_known_or_not_there_is_no_evidence_of_anything() {
    assert_eq!(health("unhealthy.draining", Some("Target.Timeout")), TargetHealth::Unrecognised);
    assert_eq!(health("sleeping", None), TargetHealth::Unrecognised);
    assert_eq!(TargetHealth::read(None), TargetHealth::Unrecognised);
    assert!(!TargetHealth::Unrecognised.is_unanswered());
}

#[test]
fn a_target_is_an_ipv4_address_with_a_port_or_it_is_not_understood() {
    let read = TargetAddress { ip: "127.0.10.1".parse().unwrap(), port: 8080 };
    assert_eq!(address(&described(Some("127.0.10.1"), Some(8080))), Some(read));
    for (id, port) in [
        (Some("i-0123456789abcdef0"), Some(8080)),
        (Some("::1"), Some(8080)),
        (Some("127.0.10.1"), None),
        (Some("127.0.10.1"), Some(-1)),
        (Some("127.0.10.1"), Some(65_536)),
        (None, Some(8080)),
    ] {
        assert_eq!(address(&described(id, port)), None, "{id:?} {port:?}");
    }
    assert_eq!(address(&TargetHealthDescription::builder().build()), None);
}
