//! One instance of a function: the real binary in a process of its own, with Lambda's Runtime API in front of
//! it, on a loopback socket that sends at once (with delayed ACKs 40 ms would be added to what is measured).

use jiff::Timestamp;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A function that has not started by then never will.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// A function as it is deployed.
pub(crate) fn deployed(name: &str) -> Command {
    Command::new(Path::new("target/lambda").join(name).join("bootstrap"))
}

/// A running function.
pub(crate) struct Instance {
    process: Child,
    /// Since when it runs.
    started: Instant,
    /// The same by the clock on the wall.
    started_at: Timestamp,
    events: mpsc::Sender<Event>,
    asked: mpsc::Receiver<Instant>,
    answers: mpsc::Receiver<(Instant, Value)>,
    log: Option<JoinHandle<Log>>,
}

struct Event {
    body: String,
    timeout: Duration,
    handed_out: mpsc::Sender<Instant>,
}

/// What it has written to its standard output, from where Lambda takes it to CloudWatch Logs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Log {
    /// Lines.
    pub(crate) lines: usize,
    /// Bytes.
    pub(crate) bytes: usize,
}

/// One invocation.
pub(crate) struct Answer {
    /// From the moment at which the event was handed over to the first byte of the answer.
    pub(crate) took: Duration,
    /// The CPU time that the process used for it.
    pub(crate) cpu: Duration,
    /// What was answered.
    pub(crate) body: Value,
}

impl Instance {
    /// Starts `function` with an environment as Lambda gives it, and `variables` on top.
    pub(crate) fn start(function: &mut Command, variables: &[(&str, String)]) -> Self {
        let runtime = TcpListener::bind("127.0.0.1:0").unwrap();
        function
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime.local_addr().unwrap().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let (events, waiting) = mpsc::channel();
        let (asks, asked) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        // The threads end when the process does, because that closes their connections.
        thread::spawn(move || serve(&runtime, &waiting, &asks, &answer));
        let (started, started_at) = (Instant::now(), Timestamp::now());
        let mut process = function
            .spawn()
            .unwrap_or_else(|problem| panic!("{function:?} does not start: {problem}"));
        let log = process.stdout.take().map(|output| thread::spawn(move || read_log(output)));
        Self { process, started, started_at, events, asked, answers, log }
    }

    /// The moment at which it asks for the next invocation, since its start.
    pub(crate) fn asks_for_next(&self) -> Duration {
        let at = self.asked.recv_timeout(STARTS_WITHIN);
        at.unwrap_or_else(|_| panic!("it did not ask for an event")) - self.started
    }

    /// How long after its start something was seen.
    pub(crate) fn since_start(&self, seen: Timestamp) -> Duration {
        seen.duration_since(self.started_at).unsigned_abs()
    }

    /// Hands over one event, and waits for the answer.
    pub(crate) fn invoke(&self, event: &Value, timeout: Duration) -> Answer {
        let before = self.cpu();
        let (handed_out, at) = mpsc::channel();
        self.events.send(Event { body: event.to_string(), timeout, handed_out }).unwrap();
        let began = at.recv_timeout(timeout).unwrap();
        let (ended, body) = self
            .answers
            .recv_timeout(timeout)
            .unwrap_or_else(|_| panic!("no answer in {timeout:?}"));
        Answer { took: ended - began, cpu: self.cpu().saturating_sub(before), body }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The CPU time that it has used, to the nanosecond.
    pub(crate) fn cpu(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let of_one = |thread: std::io::Result<std::fs::DirEntry>| {
            let text = std::fs::read_to_string(thread.unwrap().path().join("schedstat"));
            // A thread may end while they are read.
            text.ok()?.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
        };
        threads.filter_map(of_one).sum()
    }

    /// The most memory that it had resident, in MiB.
    pub(crate) fn peak(&self) -> f64 {
        peak(self.id())
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        descriptors(self.id())
    }

    /// Ends it; what it has logged.
    pub(crate) fn end(mut self) -> Log {
        self.kill();
        self.log.take().and_then(|log| log.join().ok()).unwrap_or_default()
    }

    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The most memory that a process had resident, in MiB; nothing once it is over.
pub(crate) fn peak(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

fn read_log(output: ChildStdout) -> Log {
    let mut log = Log::default();
    let mut line = Vec::new();
    let mut output = BufReader::new(output);
    while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        log.lines += 1;
        log.bytes += line.len();
        line.clear();
    }
    log
}

/// Lambda's Runtime API for one instance (Lambda developer guide, "Using the Lambda runtime API").
fn serve(
    listener: &TcpListener,
    events: &mpsc::Receiver<Event>,
    asks: &mpsc::Sender<Instant>,
    answers: &mpsc::Sender<(Instant, Value)>,
) {
    // A runtime whose connection has been idle for long, as in a long invocation, opens another.
    while let Ok((mut stream, _)) = listener.accept() {
        stream.set_nodelay(true).unwrap();
        while let Some((head, body)) = read_request(&mut stream) {
            let now = Instant::now();
            if head.starts_with("GET /2018-06-01/runtime/invocation/next ") {
                let _ = asks.send(now);
                let Ok(event) = events.recv() else { return };
                let handed_out = Instant::now();
                hand_out(&mut stream, &event);
                let _ = event.handed_out.send(handed_out);
            } else {
                let _ = answers.send((now, serde_json::from_slice(&body).unwrap_or_default()));
                answer(&mut stream, "202 Accepted", "", "{}");
            }
        }
    }
}

fn hand_out(stream: &mut TcpStream, event: &Event) {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + event.timeout;
    let headers = format!(
        "Content-Type: application/json\r\n\
         Lambda-Runtime-Aws-Request-Id: 11111111-1111-1111-1111-111111111111\r\n\
         Lambda-Runtime-Deadline-Ms: {}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:bench\r\n",
        deadline.as_millis()
    );
    answer(stream, "200 OK", &headers, &event.body);
}

fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &str) {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    // Who has gone reads nothing any more.
    let _ = stream.write_all(text.as_bytes());
}

/// One request, head and body; `None` once the connection is closed.
fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut request = Vec::new();
    let mut buffer = [0; 8 * 1024];
    loop {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&request[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            if request.len() >= end + 4 + length.unwrap_or(0) {
                return Some((head, request.split_off(end + 4)));
            }
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            Ok(_) | Err(_) => return None,
        }
    }
}
