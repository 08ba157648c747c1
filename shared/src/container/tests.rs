use super::*;
use crate::tests::fuzz::{document, whatever};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
fn a_200_counts_unless_its_body_contradicts() {
    let alice = session("alice");
    let xml = "<?xml version=\"1.0\"?>\n<upload page=\"index.html\">done</upload>";
    let vague = r#"{"session_id":null,"upload_completed":null}"#;
    let by_text = r#"{"session_id":"alice","upload_completed":"True"}"#;
    let not_json = "{done}";
    for body in ["", "ok", "true", "{}", "[]", vague, by_text, not_json, xml] {
        assert!(!contradicts(body, &alice), "{body}");
    }
    for body in [r#"{"ok":true}"#, r#"{"session_id":"alice"}"#] {
        assert!(!contradicts(body, &alice), "{body}");
    }
    let uploaded = json!({"session_id": "alice", "upload_completed": true}).to_string();
    assert!(!contradicts(&uploaded, &alice));
    for body in [
        "<!DOCTYPE html><h1>It works!</h1>",
        "\n <html>",
        "<h1>It works!</h1>",
        "<?xml version='1.0'?><!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' ''>",
        "<?xml version=\"1.0\"?> <HTML xmlns=\"http://www.w3.org/1999/xhtml\">",
        r#"{"upload_completed":false}"#,
        r#"{"session_id":"bob","upload_completed":true}"#,
        // Each field counts by itself, whatever the others are.
        r#"{"session_id":42}"#,
        r#"{"session_id":["alice"]}"#,
        r#"{"session_id":null,"upload_completed":false}"#,
        r#"{"session_id":"alice","upload_completed":"false"}"#,
        r#"{"session_id":"alice","upload_completed":0}"#,
    ] {
        assert!(contradicts(body, &alice), "{body}");
    }
}

/// What its end says is not known.
#[tokio::test]
async fn a_200_does_not_count_whose_document_is_too_long_to_be_read() {
    for mark in ["", "\u{feff}"] {
        let files = vec!["report.html"; 6_000];
        let body = json!({"files": files, "upload_completed": false}).to_string();
        let read = beginning(SdkBody::from(format!("{mark}{body}"))).await.unwrap();
        assert!(contradicts(&read, &session("alice")));
        let text = beginning(SdkBody::from(mark.to_owned() + &"done ".repeat(20_000))).await;
        assert!(!contradicts(&text.unwrap(), &session("alice")), "it is no document");
    }
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

/// It says how what follows is encoded, and nothing else.
#[tokio::test]
async fn a_byte_order_mark_before_an_answer_is_no_part_of_it() {
    let said = |text: &str| beginning(SdkBody::from(format!("\u{feff}{text}")));
    let page = said("<!DOCTYPE html><h1>It works!</h1>").await.unwrap();
    assert!(contradicts(&page, &session("ours")));
    let theirs = said(r#"{"session_id":"theirs"}"#).await.unwrap();
    assert!(contradicts(&theirs, &session("ours")));
    assert!(!names(&theirs, Some(&session("ours"))) && names(&theirs, Some(&session("theirs"))));
}

#[tokio::test]
async fn of_an_answer_without_end_only_the_beginning_is_read() {
    let endless = "x".repeat(3 * BODY_LIMIT);
    assert_eq!(beginning(SdkBody::from(endless)).await.unwrap().len(), BODY_LIMIT);
}

/// Containers at a port of this machine.
fn containers(port: u16) -> SessionContainers {
    let config = Config::from_variables(|name| match name {
        "CLUSTERS" => Some("arn:aws:ecs:us-east-1:000000000000:cluster/sessions".to_owned()),
        "FAMILIES" => Some("session".to_owned()),
        "ARTIFACT_MODE" => Some("discard".to_owned()),
        "LEDGER_BUCKET" => Some("ledger".to_owned()),
        "CONTAINER_PORT" => Some(port.to_string()),
        _ => None,
    });
    let config = config.unwrap();
    let seam = HttpSeam::https(&config.scope.home).unwrap();
    SessionContainers::new(
        &seam,
        &config,
        &Clock::new(SharedTimeSource::new(SystemTimeSource::new())),
    )
}

/// A container must not lead us to another address of the network.
#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("http://{}/session/complete", elsewhere.local_addr().unwrap());
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address =
        TargetAddress { ip: Ipv4Addr::LOCALHOST, port: server.local_addr().unwrap().port() };
    let answers = tokio::spawn(async move {
        for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let (mut stream, _) = server.accept().await.unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let containers = containers(address.port);
    let turn = containers.turn().await.unwrap();
    for status in [302, 307] {
        let answer = containers.complete(&turn, address.ip, &session("ours")).await.unwrap();
        assert_eq!(answer, CompletionAnswer::Failed { status, body: String::new() });
    }
    assert_eq!(containers.probe(address, None).await, Some(Probe::Answers));
    answers.await.unwrap();
    assert_eq!(elsewhere.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

/// Ids are compared as they stand, and a body without end costs no more than its beginning.
#[test]
fn whatever_a_container_sends_at_most_its_beginning_is_read_and_it_names_one_session_or_none() {
    let samples = [
        json!({"status": "complete", "session_id": "s-1"}),
        json!({"session_id": null}),
        json!({"session_id": "s-1", "more": ["x"]}),
        json!("complete"),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    whatever(|bytes: &[u8]| {
        let sent = document(&samples, bytes);
        let read = runtime.block_on(beginning(SdkBody::from(sent.clone()))).unwrap();
        assert_eq!(read, String::from_utf8_lossy(&sent[..sent.len().min(BODY_LIMIT)]));
        assert!(!names(&read, None));
        let said: Option<serde_json::Value> = serde_json::from_str(&read).ok();
        let says = said.is_some_and(|said| said["session_id"] == "s-1");
        assert!(!names(&read, Some(&session("s-1"))) || says, "{read}");
        assert!(!names(&read, Some(&session("another"))));
    });
}
