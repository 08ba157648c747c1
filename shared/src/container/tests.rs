use super::*;
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::json;

fn session(id: &str) -> SessionId {
    SessionId::parse(id).unwrap()
}

/// A request that failed before any answer.
fn failed(error: ConnectorError) -> SdkError<Infallible, HttpResponse> {
    SdkError::dispatch_failure(error)
}

fn io(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, "as the kernel says")
}

#[derive(Debug, thiserror::Error)]
#[error("client error (Connect)")]
struct Wrapped(#[source] io::Error);

#[test]
fn a_refusal_shows_a_route_and_an_unreachable_address_does_not() {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    for (kind, expected) in [
        (ConnectionRefused, NoConnection::Refused),
        (HostUnreachable, NoConnection::Unreached),
        (NetworkUnreachable, NoConnection::Unreached),
    ] {
        assert_eq!(
            no_connection(&failed(ConnectorError::io(io(kind).into()))),
            Some(expected),
            "{kind}"
        );
        let deep = ConnectorError::io(Box::new(Wrapped(io(kind))));
        assert_eq!(no_connection(&failed(deep)), Some(expected), "{kind}, as a cause");
    }
}

#[test]
fn a_connection_that_does_not_come_about_in_time_has_nobody_who_answers() {
    let timeout = ConnectorError::timeout(io(io::ErrorKind::TimedOut).into());
    assert_eq!(no_connection(&failed(timeout)), Some(NoConnection::Unreached));
}

#[test]
fn a_connection_that_came_about_and_broke_has_somebody() {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    for kind in [ConnectionReset, UnexpectedEof, BrokenPipe] {
        assert_eq!(no_connection(&failed(ConnectorError::io(io(kind).into()))), None, "{kind}");
    }
    let garbage = ConnectorError::other("not HTTP".into(), None);
    assert_eq!(no_connection(&failed(garbage)), None);
}

#[test]
fn an_error_of_any_other_kind_says_nothing_of_the_address() {
    assert_eq!(no_connection(&SdkError::construction_failure("bad path")), None);
    assert_eq!(no_connection(&SdkError::timeout_error("too late")), None);
}

#[test]
fn a_health_answer_is_a_sessions_word_only_where_it_names_that_session() {
    let body = |id: &str| json!({ "status": "complete", "session_id": id }).to_string();
    assert!(names(&body("ours"), Some(&session("ours"))));
    assert!(!names(&body("theirs"), Some(&session("ours"))));
    assert!(!names(&body("theirs"), None), "nobody in particular was expected");
}

/// A proxy, a framework that starts, a server that sheds load.
#[test]
fn a_health_answer_that_names_no_session_is_nobodys_word() {
    for body in
        ["", "OK", "{}", "[]", r#"{"session_id": null}"#, r#"{"session_id": "#, "upstream is away"]
    {
        assert!(!names(body, Some(&session("ours"))), "{body}");
    }
}

#[tokio::test]
async fn a_long_health_answer_names_its_session_all_the_same() {
    let detail = "é".repeat(5_000);
    let body = json!({ "detail": detail, "session_id": "ours" }).to_string();
    let read = beginning(SdkBody::from(body)).await.unwrap();
    assert!(names(&read, Some(&session("ours"))));
}

#[tokio::test]
async fn of_an_answer_without_end_only_the_beginning_is_read() {
    let endless = "x".repeat(3 * BODY_LIMIT);
    assert_eq!(beginning(SdkBody::from(endless)).await.unwrap().len(), BODY_LIMIT);
}
