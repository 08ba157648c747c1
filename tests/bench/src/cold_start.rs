//! What a function meets when it starts: Lambda's Runtime API and AWS, both on loopback sockets
//! that send at once (with delayed ACKs 40 ms would be added to what is measured).

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The event that is handed to a function as its first invocation.
const EVENT: &str = include_str!("../../../events/session-ended.json");

/// A function that has not come this far by then never will.
const PATIENCE: Duration = Duration::from_secs(20);

/// How far a start is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// The function asks for its first invocation. It trusts whom it trusts when it is deployed.
    FirstNext,
    /// It gets one, and its first AWS call is answered over TLS. It trusts the authority of the
    /// fake AWS and no other, which is as good as free to read: what its own cost is in
    /// [`Until::FirstNext`].
    FirstAnswer,
}

/// One start.
pub(crate) struct Start {
    /// How long it took.
    pub(crate) took: Duration,
    /// The most memory that the process had resident, in KiB.
    pub(crate) peak_kib: u64,
}

/// Certificates for the fake AWS; they are the same in all runs.
pub(crate) struct FakeLambda {
    tls: Arc<ServerConfig>,
    authority: PathBuf,
}

impl FakeLambda {
    /// Makes the certificates; the authority's is written to `authority`, for the functions to
    /// trust.
    pub(crate) fn set(authority: &Path) -> Self {
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "Authority of the benchmark");
        let ca_key = KeyPair::generate().unwrap();
        std::fs::write(authority, ca.self_signed(&ca_key).unwrap().pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .signed_by(&key, &Issuer::new(ca, ca_key))
            .unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self { tls: Arc::new(tls), authority: authority.to_owned() }
    }

    /// Starts `function` with an environment as Lambda gives it, and follows it.
    pub(crate) fn follow(&self, function: &mut Command, until: Until) -> Start {
        let runtime = TcpListener::bind("127.0.0.1:0").unwrap();
        let aws = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = aws.local_addr().unwrap();
        prepare(function, runtime.local_addr().unwrap());
        if until == Until::FirstAnswer {
            function
                .env("AWS_ENDPOINT_URL", format!("https://{endpoint}"))
                .env("AWS_CA_BUNDLE", &self.authority)
                .env("SSL_CERT_FILE", &self.authority);
        }
        // The threads end when the function does, because that closes their connections.
        let (reached, when) = mpsc::channel();
        if until == Until::FirstAnswer {
            let (tls, reached) = (Arc::clone(&self.tls), reached.clone());
            thread::spawn(move || serve_aws(&aws, tls, &reached));
        }
        thread::spawn(move || serve_runtime_api(&runtime, until, &reached));
        let started = Instant::now();
        let running = Running(
            function
                .spawn()
                .unwrap_or_else(|problem| panic!("{function:?} does not start: {problem}")),
        );
        let at = when
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("{function:?} did not come that far in {PATIENCE:?}"));
        Start { took: at - started, peak_kib: running.peak_kib() }
    }
}

/// The environment of a function, and nothing of ours.
fn prepare(function: &mut Command, runtime_api: SocketAddr) {
    let group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123";
    function
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("CLUSTERS", "sessions")
        .env("FAMILIES", "session")
        .env("TARGET_GROUP_ARNS", group)
        .env("ARTIFACT_BUCKET", "artifacts")
        .env("LEDGER_BUCKET", "ledger")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
}

/// A function that is stopped when it has shown what it was started for.
struct Running(Child);

impl Running {
    fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn serve_runtime_api(listener: &TcpListener, until: Until, reached: &mpsc::Sender<Instant>) {
    let mut stream = accept(listener);
    let request = read_request(&mut stream);
    let now = Instant::now();
    assert!(request.starts_with("GET /2018-06-01/runtime/invocation/next "), "{request}");
    if until == Until::FirstNext {
        reached.send(now).unwrap();
    } else {
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + PATIENCE;
        let headers = format!(
            "Content-Type: application/json\r\n\
             Lambda-Runtime-Aws-Request-Id: 11111111-1111-1111-1111-111111111111\r\n\
             Lambda-Runtime-Deadline-Ms: {}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: \
             arn:aws:lambda:us-east-1:000000000000:function:bench\r\n",
            deadline.as_millis()
        );
        answer(&mut stream, &headers, EVENT);
    }
    wait_for_the_end(&mut stream);
}

fn serve_aws(listener: &TcpListener, tls: Arc<ServerConfig>, reached: &mpsc::Sender<Instant>) {
    let stream = accept(listener);
    let mut stream = StreamOwned::new(ServerConnection::new(tls).unwrap(), stream);
    let request = read_request(&mut stream);
    assert!(request.contains("AmazonEC2ContainerServiceV20141113.DescribeTasks"), "{request}");
    let headers = "Content-Type: application/x-amz-json-1.1\r\n";
    answer(&mut stream, headers, r#"{"tasks":[],"failures":[]}"#);
    reached.send(Instant::now()).unwrap();
    wait_for_the_end(&mut stream);
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads one request, head and body.
fn read_request(stream: &mut impl Read) -> String {
    let mut request = String::new();
    let mut buffer = [0; 8192];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the connection ended within a request: {request}");
        request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return request;
            }
        }
    }
}

fn answer(stream: &mut impl Write, headers: &str, body: &str) {
    let length = body.len();
    let text = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).unwrap();
    stream.flush().unwrap();
}

fn wait_for_the_end(stream: &mut impl Read) {
    while stream.read(&mut [0; 8192]).is_ok_and(|read| read > 0) {}
}
