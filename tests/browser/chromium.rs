//! A headless Chromium, of the system's packages.

use serde_json::Value;
use std::fs::{self, File};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than it ever takes to open a file.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a page says of itself, and how many requests it and the browser made of others.
pub(crate) struct Looked {
    findings: Value,
    pub(crate) requests: usize,
}

impl Looked {
    pub(crate) fn wrong(&self) -> Vec<&str> {
        let wrong = self.findings["wrong"].as_array().unwrap().iter();
        wrong.map(|one| one.as_str().unwrap()).collect()
    }

    pub(crate) fn widgets(&self) -> &[Value] {
        self.findings["widgets"].as_array().unwrap()
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
    requests: usize,
}

/// Whatever is asked of another machine goes to a proxy that only counts.
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
        .args(["--force-device-scale-factor=1", "--virtual-time-budget=3000"])
        .arg(format!("--proxy-server=http://{}", proxy.local_addr().unwrap()))
        .arg(format!("--user-data-dir={}", profile.join("data").display()))
        .args(arguments)
        .arg(format!("file://{page}"))
        .stdin(Stdio::null())
        .stdout(File::create(&stdout).unwrap())
        .stderr(File::create(&stderr).unwrap())
        .spawn()
        .expect("chromium is missing: on Debian, apt install chromium fonts-liberation");
    let (began, mut requests) = (Instant::now(), 0);
    let status = loop {
        // Closed without an answer.
        requests += std::iter::from_fn(|| proxy.accept().ok()).count();
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
    // Its own children may still be at it.
    drop(fs::remove_dir_all(&profile));
    Ran { stdout, stderr, requests }
}
