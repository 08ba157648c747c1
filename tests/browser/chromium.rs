//! A headless Chromium, of the system's packages.

use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Where Chromium asks for its own sake, for updates and for the time, whatever it is told. That ends at the proxy.
const ITS_OWN: [&str; 3] = ["google.com", "googleapis.com", "gvt1.com"];

/// Longer than it ever takes to open a file.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a page says of itself, and what it asked of other machines.
pub(crate) struct Looked {
    findings: Value,
    pub(crate) requests: Vec<String>,
}

impl Looked {
    pub(crate) fn wrong(&self) -> Vec<&str> {
        let wrong = self.findings["wrong"].as_array().unwrap().iter();
        wrong.map(|one| one.as_str().unwrap()).collect()
    }

    pub(crate) fn widgets(&self) -> &[Value] {
        self.findings["widgets"].as_array().unwrap()
    }

    /// Where what is on the page ends, however high the window is.
    pub(crate) fn bottom(&self) -> u64 {
        self.findings["bottom"].as_u64().unwrap()
    }

    /// Width and height of the whole page.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.findings["width"].as_u64().unwrap(), self.findings["height"].as_u64().unwrap())
    }
}

/// Opens the page, and lets it measure itself.
pub(crate) fn look_at(page: &str) -> Looked {
    let ran = chromium(&["--window-size=1440,2600", "--dump-dom"], page);
    let findings = ran.stdout.split("<pre id=\"findings\" hidden=\"\">").nth(1);
    let findings =
        findings.unwrap_or_else(|| panic!("{page} did not measure itself: {}", ran.stderr));
    let findings = findings.split("</pre>").next().unwrap();
    let findings = findings.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    Looked { findings: serde_json::from_str(&findings).unwrap(), requests: ran.requests }
}

/// Takes a picture of the whole page.
pub(crate) fn picture(page: &str, into: &str, (width, height): (u64, u64)) {
    let (screenshot, size) =
        (format!("--screenshot={into}"), format!("--window-size={width},{height}"));
    let ran = chromium(&[&screenshot, &size, "--hide-scrollbars"], page);
    assert!(fs::exists(into).unwrap(), "{}", ran.stderr);
}

struct Ran {
    stdout: String,
    stderr: String,
    requests: Vec<String>,
}

/// Whatever is asked of another machine goes to a proxy that only writes it down: nothing leaves this one.
fn chromium(arguments: &[&str], page: &str) -> Ran {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let started = STARTED.fetch_add(1, Ordering::Relaxed);
    let profile = std::env::temp_dir().join(format!("dashboard-{}-{started}", std::process::id()));
    fs::create_dir_all(&profile).unwrap();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| profile.join(name));
    let mut child = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--force-device-scale-factor=1", "--disable-lcd-text", "--virtual-time-budget=3000"])
        .arg(format!("--proxy-server=http://{}", proxy.local_addr().unwrap()))
        .arg(format!("--user-data-dir={}", profile.join("data").display()))
        .args(arguments)
        .arg(format!("file://{page}"))
        .stdin(Stdio::null())
        .stdout(File::create(&stdout).unwrap())
        .stderr(File::create(&stderr).unwrap())
        .spawn()
        .expect("chromium is missing: on Debian, apt install chromium fonts-liberation");
    let (began, mut requests) = (Instant::now(), Vec::new());
    let status = loop {
        let asked = std::iter::from_fn(|| proxy.accept().ok());
        requests.extend(asked.map(|(connection, _)| first_line(connection)));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(20));
    };
    let [stdout, stderr] = [stdout, stderr].map(|path| fs::read_to_string(path).unwrap());
    assert!(status.success(), "chromium ended with {status}: {stderr}");
    requests.retain(|line| !ITS_OWN.iter().any(|host| is_of(line, host)));
    // Its own children may still be at it.
    drop(fs::remove_dir_all(&profile));
    Ran { stdout, stderr, requests }
}

/// What is asked; the connection is closed without an answer.
fn first_line(connection: TcpStream) -> String {
    connection.set_nonblocking(false).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut line = String::new();
    // Whatever came before it fell silent.
    drop(BufReader::new(connection).read_line(&mut line));
    line
}

/// Whether a request's first line names a machine below `domain`.
fn is_of(line: &str, domain: &str) -> bool {
    let asked = line.split(' ').nth(1).unwrap_or_default();
    let host = asked.trim_start_matches("http://").split(['/', ':']).next().unwrap_or_default();
    host.strip_suffix(domain).is_some_and(|below| below.is_empty() || below.ends_with('.'))
}
