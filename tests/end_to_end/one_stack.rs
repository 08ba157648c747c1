//! The stage: one emulator and one stack for all tests, one test at a time.

use serde_json::Value;
use session_cleanup_tests::World;
use session_cleanup_tests::local_aws::{
    Lambda, LocalAws, Platform, REGION, Stack, eventually, free_port,
};
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::world::{SessionBuilder, Setup, TaskHandle};
use std::net::Ipv4Addr;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

/// Short enough for tests, long enough for two busy cores. Between two deliveries pass 11 s,
/// which is longer than any invocation.
const PARAMETERS: [(&str, &str); 11] = [
    ("FunctionTimeout", "10"),
    ("VisibilityFactor", "1"),
    ("MaxReceiveCount", "2"),
    ("IdentifyTimeout", "3s"),
    ("UploadTimeout", "4s"),
    ("TargetTimeout", "3s"),
    ("VerifyTimeout", "3s"),
    ("StopTimeout", "2s"),
    ("ReceiptTimeout", "1s"),
    // Sweeps come when a test asks for them.
    ("SweepSchedule", "rate(1 day)"),
    ("SweepInterval", "5m"),
];

/// Longer than anything that is waited for takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(45);

/// Runs on the thread of the test whose turn it is.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().unwrap());

/// Between two tests the emulator is here. It ends with this process.
static EMULATED: Mutex<Option<Emulated>> = Mutex::new(None);

struct Emulated {
    aws: LocalAws,
    stack: Stack,
    /// Where functions look for ECS and the load balancer.
    port: u16,
}

/// A test's own world, served where the function looks for it.
pub(crate) struct Scene {
    pub(crate) world: World,
    emulated: Option<Emulated>,
    served: Option<Served>,
    number: u8,
    sessions: u8,
}

/// Plays a test when its turn comes. `number` keeps its task ids and addresses apart from those of
/// other tests. A test that fails takes the emulator with it; the next one starts another.
pub(crate) fn play(number: u8, test: impl AsyncFnOnce(&mut Scene)) {
    let mut between = EMULATED.lock().unwrap_or_else(PoisonError::into_inner);
    RUNTIME.block_on(async {
        let emulated = match between.take() {
            Some(emulated) => emulated,
            None => Emulated::start().await,
        };
        let mut scene = Scene::set(emulated, number).await;
        test(&mut scene).await;
        assert_unharmed(&scene.world);
        *between = scene.emulated;
    });
}

/// Plays a test that needs no emulator, when its turn comes.
pub(crate) fn play_without_emulator(test: impl Future<Output = ()>) {
    let _turn = EMULATED.lock().unwrap_or_else(PoisonError::into_inner);
    RUNTIME.block_on(test);
}

/// Asserts what must be true of every world at every end.
pub(crate) fn assert_unharmed(world: &World) {
    world.assert_unharmed();
    assert_eq!(world.live_targets_missing(), Vec::<String>::new(), "{}", world.history());
}

/// An address that no other test of this process uses, and hardly one of another.
pub(crate) fn address(test: u8, session: u8) -> Ipv4Addr {
    let process = u8::try_from(std::process::id() % 200).unwrap();
    Ipv4Addr::new(127, 1 + process, test, session)
}

impl Emulated {
    async fn start() -> Self {
        let port = free_port().unwrap();
        let aws = LocalAws::start("end-to-end", &format!("http://127.0.0.1:{port}")).await;
        let aws = aws.unwrap_or_else(|error| panic!("{error}"));
        let setup = Setup::in_real_time();
        aws.objects().create_bucket(&setup.artifact_bucket).await.unwrap();
        let platform = Platform::of(&setup);
        let stack = aws.deploy("end-to-end", &platform.parameters(&PARAMETERS)).await;
        let stack = stack.unwrap_or_else(|error| panic!("{error}"));
        Self { aws, stack, port }
    }
}

impl Scene {
    async fn set(emulated: Emulated, number: u8) -> Self {
        let world = World::new(Setup { seed: number.into(), ..Setup::in_real_time() });
        let mut scene = Self { world, emulated: Some(emulated), served: None, number, sessions: 0 };
        scene.network_returns().await;
        scene
    }

    fn emulated(&self) -> &Emulated {
        self.emulated.as_ref().expect("the emulator has not been killed")
    }

    pub(crate) fn aws(&self) -> &LocalAws {
        &self.emulated().aws
    }

    /// Where ECS and the load balancer are.
    pub(crate) fn endpoint(&self) -> String {
        self.served.as_ref().expect("the network is there").endpoint()
    }

    pub(crate) fn stack(&self) -> &Stack {
        &self.emulated().stack
    }

    /// ECS, the load balancer and all containers are gone, in the middle of whatever they do.
    pub(crate) fn network_goes(&mut self) {
        self.served = None;
    }

    /// They are back, as they would be had they been there all the time.
    pub(crate) async fn network_returns(&mut self) {
        let Emulated { aws, port, .. } = self.emulated();
        // The port is free once the runtime has ended what listened there before.
        let serving = timeout(PATIENCE, async {
            loop {
                let artifacts = Artifacts::At(aws.endpoint().to_owned());
                match Served::start(&self.world, *port, artifacts).await {
                    Ok(served) => return served,
                    Err(_) => sleep(Duration::from_millis(10)).await,
                }
            }
        });
        self.served = Some(serving.await.expect("the world's port becomes free"));
    }

    /// The emulator ends at once, as in a power cut; what is left is the knowledge of its stack.
    pub(crate) fn kill_the_emulator(&mut self) -> Stack {
        let (aws, stack) = self.take_apart();
        aws.kill();
        stack
    }

    /// The emulator and its stack, for the test to end: the next one starts another.
    pub(crate) fn take_apart(&mut self) -> (LocalAws, Stack) {
        let Emulated { aws, stack, .. } = self.emulated.take().unwrap();
        (aws, stack)
    }

    /// Begins a sentence about a session.
    pub(crate) fn session(&mut self, id: &str) -> SessionBuilder {
        self.sessions += 1;
        self.world.session(id).at_address(address(self.number, self.sessions))
    }

    /// Starts it, and waits until its container listens.
    pub(crate) async fn start(&self, session: SessionBuilder) -> TaskHandle {
        let task = session.start();
        self.served.as_ref().expect("the network is there").listens(&task).await;
        task
    }

    /// Its owner ends it, and says so on the bus.
    pub(crate) async fn end(&self, session: &TaskHandle) {
        let event = self.world.session_ended_event(session, "completed");
        let put = self.stack().put_event("session.lifecycle", "Session Ended", &event["detail"]);
        put.await.unwrap();
    }

    /// Waits until something is true of the world.
    pub(crate) async fn until(&self, what: &str, mut fact: impl FnMut(&World) -> bool) {
        let there = async || Ok(fact(&self.world).then_some(()));
        eventually(what, PATIENCE, there).await.unwrap();
    }

    /// The session's receipt, once it says this.
    pub(crate) async fn receipt(&self, session: &TaskHandle, outcome: &str) -> Value {
        let what = format!("the receipt {outcome} of {}", session.session_id());
        let key = session.receipt_key();
        let receipt = eventually(&what, PATIENCE, async || {
            let receipt = self.stack().ledger(&key).await?.remove(&key);
            Ok(receipt.filter(|receipt| receipt["outcome"] == outcome))
        });
        match receipt.await {
            Ok(receipt) => receipt,
            Err(error) => panic!("{error}\n{}", self.world.history()),
        }
    }

    /// A line of the completion function's log that contains all of these, once it is there. It is printed.
    pub(crate) async fn log_line(&self, parts: &[&str]) -> String {
        let what = format!("a log line with {parts:?}");
        let line = eventually(&what, PATIENCE, async || {
            let mut lines = self.stack().log_lines(Lambda::Completion).await?.into_iter();
            Ok(lines.find(|line| parts.iter().all(|part| line.contains(part))))
        });
        let line = line.await.unwrap_or_else(|error| panic!("{error}\n{}", self.world.history()));
        println!("{}", line.trim_end());
        line
    }

    /// Waits until a message with this in it is in the dead-letter queue.
    pub(crate) async fn dead_letter(&self, part: &str) {
        let what = format!("{part:?} in the dead-letter queue");
        let found = eventually(&what, PATIENCE, async || {
            let letters = self.stack().dead_letters().await?;
            Ok(letters.iter().any(|letter| letter.contains(part)).then_some(()))
        });
        found.await.unwrap();
    }

    /// Asserts the end that everyone wants: artifacts saved, target gone, task stopped.
    pub(crate) async fn assert_cleaned(&self, session: &TaskHandle) {
        let Setup { artifact_bucket, marker, target_groups, .. } = self.world.setup();
        let history = || self.world.history();
        assert!(self.world.has_completed(session), "{}", history());
        assert!(self.world.is_stopping(session), "{}", history());
        let registered = self.world.registered(&target_groups[0]);
        assert!(!registered.contains(&session.address()), "{}", history());
        let folder = format!("{}/", session.session_id());
        let saved = self.aws().objects().keys(&artifact_bucket, &folder).await.unwrap();
        assert!(saved.contains(&format!("{folder}{marker}")), "{saved:?}");
        assert!(saved.len() >= 3, "{saved:?}");
    }
}

/// What `make` prints and says of errors when someone runs a target of it against the emulator, and whether it succeeds.
pub(crate) async fn make(scene: &Scene, target: &str, stack: &str) -> (String, String, bool) {
    let made = Command::new("make")
        .args([target, &format!("STACK={stack}")])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("AWS_ENDPOINT_URL", scene.aws().endpoint())
        .envs([("AWS_DEFAULT_REGION", REGION), ("NO_PROXY", "127.0.0.1")])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .env_remove("MAKEFLAGS")
        .output();
    let made = made.await.unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&made.stdout), text(&made.stderr), made.status.success())
}
