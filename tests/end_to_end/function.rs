//! A function's binary as `make build` left it, under a Runtime API of our own: for what the emulator
//! does not tell, such as memory, and does not do, such as dying between two calls.

use serde_json::Value;
use session_cleanup_tests::World;
use session_cleanup_tests::local_aws::{Lambda, function_binary};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// One running instance of a function.
pub(crate) struct Function {
    process: Child,
    runtime: TcpStream,
    time_limit: Duration,
}

/// Lambda's time limit, as in the template.
const fn time_limit(function: Lambda) -> Duration {
    match function {
        Lambda::Completion | Lambda::Inspector => Duration::from_mins(1),
        Lambda::Reaper => Duration::from_mins(4),
    }
}

impl Function {
    /// Starts the completion function over a served world, with the template's defaults and these
    /// variables on top; it has then asked for its first invocation.
    pub(crate) async fn start(world: &World, endpoint: &str, variables: &[(&str, &str)]) -> Self {
        Self::launch(Lambda::Completion, world, endpoint, variables).await
    }

    /// Starts the reaper in the same way.
    pub(crate) async fn start_reaper(
        world: &World,
        endpoint: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::launch(Lambda::Reaper, world, endpoint, variables).await
    }

    /// Starts the inspector in the same way.
    pub(crate) async fn start_inspector(world: &World, endpoint: &str) -> Self {
        Self::launch(Lambda::Inspector, world, endpoint, &[]).await
    }

    async fn launch(
        function: Lambda,
        world: &World,
        endpoint: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let binary = function_binary(function).unwrap_or_else(|error| panic!("{error}"));
        let setup = world.setup();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let groups: Vec<_> =
            setup.target_groups.iter().map(|name| setup.target_group_arn(name)).collect();
        let process = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", format!("{function:?}"))
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", &setup.region)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("CLUSTERS", setup.clusters.join(","))
            .env("FAMILIES", setup.families.join(","))
            .env("TARGET_GROUP_ARNS", groups.join(","))
            .env("ARTIFACT_BUCKET", &setup.artifact_bucket)
            .env("LEDGER_BUCKET", &setup.ledger_bucket)
            // The fleets of these stories are small, and not about it.
            .env("BLAST_RADIUS_AT_LEAST", "10")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let asks = async {
            let (mut runtime, _) = listener.accept().await.unwrap();
            let (head, _) = read_request(&mut runtime).await;
            assert!(head.starts_with("GET /2018-06-01/runtime/invocation/next "), "{head}");
            runtime
        };
        let runtime = timeout(Duration::from_secs(10), asks).await.expect("the function starts");
        Self { process, runtime, time_limit: time_limit(function) }
    }

    /// Hands it one invocation, and waits until it has answered and asks for the next.
    pub(crate) async fn invoke(&mut self, payload: &Value) -> Value {
        self.begin(&payload.to_string()).await;
        let (head, answer) = self.ended().await;
        assert!(head.contains("/response "), "the function failed: {head}\n{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// The same for an invocation that it refuses: what it says then.
    pub(crate) async fn refusal(&mut self, payload: &str) -> String {
        self.begin(payload).await;
        let (head, answer) = self.ended().await;
        assert!(head.contains("/error "), "the function answered: {head}\n{answer}");
        let error: Value = serde_json::from_str(&answer).unwrap();
        error["errorMessage"].as_str().unwrap_or_default().to_owned()
    }

    /// Hands it one invocation, and does not wait.
    pub(crate) async fn begin(&mut self, payload: &str) {
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + self.time_limit;
        let invocation = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
             Lambda-Runtime-Aws-Request-Id: 11111111-1111-1111-1111-111111111111\r\n\
             Lambda-Runtime-Deadline-Ms: {}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: \
             arn:aws:lambda:us-east-1:000000000000:function:session-cleanup\r\n\
             Content-Length: {}\r\n\r\n{payload}",
            deadline.as_millis(),
            payload.len()
        );
        self.runtime.write_all(invocation.as_bytes()).await.unwrap();
    }

    /// What it posts at the end of an invocation; it has then asked for the next.
    async fn ended(&mut self) -> (String, String) {
        let answering = timeout(self.time_limit, read_request(&mut self.runtime));
        let answered = answering.await.expect("the function answers before its deadline");
        let accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        self.runtime.write_all(accepted).await.unwrap();
        read_request(&mut self.runtime).await;
        answered
    }

    /// It dies at once, in the middle of whatever it does.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.expect("the function runs");
    }

    /// Allows it so many descriptors, as Lambda does.
    pub(crate) async fn limit_descriptors(&self, most: usize) {
        let (id, limit) = (self.process_id().to_string(), format!("--nofile={most}:{most}"));
        let limited = Command::new("prlimit").args(["--pid", &id, &limit]).status().await;
        assert!(limited.expect("prlimit (util-linux) is there").success());
    }

    /// Its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id().expect("the function runs")
    }

    /// The most memory that it has had resident so far, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let id = self.process.id().expect("the function runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// The head and the body of one request.
async fn read_request(stream: &mut TcpStream) -> (String, String) {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            if body.len() >= length.unwrap_or(0_usize) {
                return (head.to_owned(), body.to_owned());
            }
        }
        let read = stream.read_buf(&mut request).await.unwrap();
        assert!(read > 0, "the function ended");
    }
}
