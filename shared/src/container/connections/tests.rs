use super::*;
use crate::aws::{Failure, HttpSeam};
use crate::clock::Clock;
use crate::config::Config;
use crate::container::{Probe, SessionContainers};
use crate::session::{SessionId, TargetAddress};
use http_body_util::Empty;
use hyper_util::rt::TokioExecutor;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123";
const PATIENCE: Duration = Duration::from_secs(10);

/// Containers that listen on this port, over the client of a deployed function.
fn containers(port: u16) -> SessionContainers {
    let port = port.to_string();
    let config = Config::from_variables(|name| {
        let value = match name {
            "CLUSTERS" => "sessions",
            "FAMILIES" => "session",
            "TARGET_GROUP_ARNS" => GROUP,
            "ARTIFACT_BUCKET" => "artifacts",
            "LEDGER_BUCKET" => "ledger",
            "CONTAINER_PORT" => &port,
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap();
    let seam = HttpSeam::https(&config.scope.home).unwrap();
    SessionContainers::new(&seam, &config, &Clock::default())
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut head).await.unwrap() > 0);
    }
    String::from_utf8(head).unwrap()
}

/// A container that answers one request so and never closes a connection by itself: the head of the
/// request, once we have closed it.
async fn answers(answer: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut rest = [0; 1024];
        // Its end, or a reset where something of the answer was left unread.
        while let Ok(1..) = stream.read(&mut rest).await {}
        head
    });
    (port, serving)
}

fn session() -> SessionId {
    SessionId::parse("ours").unwrap()
}

#[tokio::test]
async fn a_connection_is_closed_after_its_answer_whatever_the_container_does() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
    ] {
        let (port, closed) = answers(answer).await;
        let containers = containers(port);
        let turn = containers.turn().await.unwrap();
        containers.complete(&turn, Ipv4Addr::LOCALHOST, &session()).await.unwrap();
        let head = timeout(PATIENCE, closed).await.expect("it is closed").unwrap();
        assert!(head.to_ascii_lowercase().contains("connection: close"), "{head}");
    }
}

#[tokio::test]
async fn the_connection_of_a_probe_is_closed_even_where_its_answer_is_not_read_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{}",
        "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ] {
        let (port, closed) = answers(answer).await;
        let containers = containers(port);
        let address = TargetAddress { ip: Ipv4Addr::LOCALHOST, port };
        assert!(containers.probe(address, Some(&session())).await.is_some());
        timeout(PATIENCE, closed).await.expect("it is closed").unwrap();
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_closes_its_connection() {
    let (port, closed) = answers("").await;
    let containers = containers(port);
    let turn = containers.turn().await.unwrap();
    let session = session();
    let asking = containers.complete(&turn, Ipv4Addr::LOCALHOST, &session);
    assert!(timeout(Duration::from_millis(200), asking).await.is_err());
    timeout(PATIENCE, closed).await.expect("it is closed").unwrap();
}

#[tokio::test]
async fn a_refused_connection_is_the_containers_own_word() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let containers = containers(port);
    let turn = containers.turn().await.unwrap();
    let refused = containers.complete(&turn, Ipv4Addr::LOCALHOST, &session()).await.unwrap_err();
    assert_eq!(refused.failure, Failure::Unknown, "{refused}");
    let address = TargetAddress { ip: Ipv4Addr::LOCALHOST, port };
    assert_eq!(containers.probe(address, None).await, Some(Probe::Silent));
}

/// A connection by an interface that there is none of.
#[tokio::test]
async fn what_fails_at_home_before_there_is_a_connection_was_not_asked() {
    let mut connector = legacy::connect::HttpConnector::new();
    connector.set_interface("no-interface");
    let client: legacy::Client<_, Empty<&[u8]>> =
        legacy::Client::builder(TokioExecutor::new()).build(connector);
    let asking = client.get("http://127.0.0.1:9/".parse().unwrap());
    let error = ConnectorError::io(asking.await.unwrap_err().into());
    assert!(never_left(&SdkError::dispatch_failure(error)));
}

#[test]
fn descriptors_and_ports_that_have_run_out_are_our_own_failure() {
    for code in OUR_LIMITS {
        let error = ConnectorError::io(io::Error::from_raw_os_error(code).into());
        assert!(never_left(&SdkError::dispatch_failure(error)), "{code}");
    }
}

/// The request may have left by then.
#[test]
fn memory_that_runs_out_once_connected_may_have_been_after_the_question() {
    let error = ConnectorError::io(io::Error::from_raw_os_error(12).into());
    assert!(!never_left(&SdkError::dispatch_failure(error)));
}

#[tokio::test]
async fn neither_kind_of_connection_takes_the_others_last_turn() {
    let connections = Connections::default();
    let mut turns = Vec::new();
    for _ in 0..OF_A_KIND {
        turns.push(connections.turn(Purpose::Probe).await.unwrap());
    }
    for _ in OF_A_KIND..AT_ONCE {
        turns.push(connections.turn(Purpose::Completion).await.unwrap());
    }
    let one_more = timeout(Duration::from_millis(50), connections.turn(Purpose::Completion));
    assert!(one_more.await.is_err(), "all are open");
    turns.swap_remove(0);
    assert!(connections.turn(Purpose::Completion).await.is_some());
}
