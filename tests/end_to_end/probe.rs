//! The reaper's own health check on real sockets: what counts as an answer, and what as silence.

use crate::patrol::{patrol, target_in};
use session_cleanup_tests::local_aws::eventually;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const PORT: u16 = 8080;

/// Short: some of what listens here never answers.
const SHORT: [(&str, &str); 2] = [("CONNECT_TIMEOUT", "500ms"), ("PROBE_TIMEOUT", "2s")];

/// Who listens at an address that no task has.
enum Stranger {
    /// Nobody.
    Absent,
    /// It takes connections and never says a word.
    Mute,
    /// It closes every connection at once.
    Closes,
    /// It says this to everyone.
    Says(&'static str),
}

impl Stranger {
    async fn settles_at(self, address: Ipv4Addr, strangers: &mut JoinSet<()>) {
        let says = match self {
            Self::Absent => return,
            Self::Mute => None,
            Self::Closes => Some(""),
            Self::Says(words) => Some(words),
        };
        let listener = TcpListener::bind((address, PORT)).await.unwrap();
        strangers.spawn(async move {
            let mut kept = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                match says {
                    None => kept.push(stream),
                    Some("") => drop(stream),
                    Some(words) => {
                        let _ = stream.read(&mut [0; 1024]).await;
                        let _ = stream.write_all(words.as_bytes()).await;
                    }
                }
            }
        });
    }
}

#[test]
fn only_an_address_that_takes_no_connection_is_silent() {
    patrol(30, &SHORT, async |patrol| {
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let unavailable = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        let not_found = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        let failed = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
        let moved = "HTTP/1.1 302 Found\r\nlocation: /active\r\ncontent-length: 0\r\n\r\n";
        let cases = [
            (Stranger::Absent, "silent", "G4 suspected"),
            (Stranger::Mute, "answers", "G6 foreign"),
            (Stranger::Closes, "answers", "G6 foreign"),
            (Stranger::Says("220 mail.example.org ESMTP\r\n"), "answers", "G6 foreign"),
            (Stranger::Says(ok), "active", "G6 foreign"),
            (Stranger::Says(unavailable), "answers", "G6 foreign"),
            (Stranger::Says(not_found), "answers", "G6 foreign"),
            (Stranger::Says(failed), "answers", "G6 foreign"),
            (Stranger::Says(moved), "answers", "G6 foreign"),
        ];
        let mut strangers = JoinSet::new();
        let mut expected = Vec::new();
        for (stranger, probe, row) in cases {
            let address = patrol.address();
            patrol.world.leave_target("sessions", address);
            stranger.settles_at(address, &mut strangers).await;
            expected.push((address, probe, row));
        }
        let report = patrol.report().await;
        for (address, probe, row) in expected {
            let found = target_in(&report, address);
            assert_eq!(found["probe"], probe, "{found:#}");
            assert_eq!(found["row"], row, "{found:#}");
        }
    });
}

/// A listener whose queue of connections is full, and what fills it.
async fn busy(address: Ipv4Addr) -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind((address, PORT).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let mut queue = Vec::new();
    let full = eventually("a full queue of connections", Duration::from_secs(10), async || {
        let connecting = TcpStream::connect((address, PORT));
        match timeout(Duration::from_millis(200), connecting).await {
            Ok(connected) => queue.push(connected.unwrap()),
            Err(_) => return Ok(Some(())),
        }
        Ok(None)
    });
    full.await.unwrap();
    (listener, queue)
}

/// It looks like nobody, and it lives: no task is stopped for silence.
#[test]
fn a_session_so_busy_that_its_queue_is_full_is_not_reached_and_keeps_its_task_and_its_target() {
    patrol(31, &SHORT, async |patrol| {
        // The world opens no listener for one that is deaf; the full queue is ours.
        let session = patrol.session("busy").deaf();
        let session = session.started_ago(Duration::from_mins(30)).start();
        let _queue = busy(session.address()).await;
        for _ in 0..2 {
            let report = patrol.enforce().await;
            let found = crate::patrol::task_in(&report, &session);
            assert_eq!(found["evidence"]["probe"], "blind", "{report:#}");
            assert_eq!(found["row"], "T9b unrouted", "{report:#}");
            assert_eq!(found["action"], "kept", "{report:#}");
            patrol.half_an_interval_passes().await;
        }
        patrol.assert_untouched(&session, 0);
    });
}
