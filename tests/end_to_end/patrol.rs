//! A world that the reaper's own binary sweeps, over sockets and without an emulator.

use crate::function::Function;
use crate::one_stack::{PATIENCE, address, assert_unharmed, play_without_emulator};
use serde_json::{Value, json};
use session_cleanup_tests::World;
use session_cleanup_tests::local_aws::eventually;
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::world::{SessionBuilder, Setup, TaskHandle};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::sleep;

/// Two sweeps that are half of it apart make a suspect; short, and long enough for two busy cores.
const INTERVAL: (&str, &str) = ("SWEEP_INTERVAL", "4s");
const HALF_AN_INTERVAL: Duration = Duration::from_millis(2_100);

/// Functions so quick that an intent is left behind, and a suspect is long enough one, after seconds: as
/// much as fits into them.
pub(crate) const QUICK: [(&str, &str); 11] = [
    ("FUNCTION_TIMEOUT", "10s"),
    ("REAPER_TIMEOUT", "10s"),
    ("IDENTIFY_TIMEOUT", "1s"),
    ("UPLOAD_TIMEOUT", "1s"),
    ("TARGET_TIMEOUT", "1s"),
    ("VERIFY_TIMEOUT", "1s"),
    ("STOP_TIMEOUT", "1s"),
    ("RECEIPT_TIMEOUT", "500ms"),
    ("CONNECT_TIMEOUT", "400ms"),
    ("PROBE_TIMEOUT", "500ms"),
    // Three of them, the longest that suspects count, are longer than the functions.
    ("SWEEP_INTERVAL", "4s"),
];

/// The world, served, and a running instance of the reaper.
pub(crate) struct Patrol {
    pub(crate) world: World,
    served: Served,
    reaper: Function,
    variables: Vec<(&'static str, &'static str)>,
    number: u8,
    sessions: u8,
}

/// Plays a test when its turn comes; `number` keeps its addresses apart from those of others. The
/// variables are for the reaper, on top of the template's defaults.
pub(crate) fn patrol(
    number: u8,
    variables: &[(&'static str, &'static str)],
    test: impl AsyncFnOnce(&mut Patrol),
) {
    play_without_emulator(async {
        let world = World::new(Setup { seed: number.into(), ..Setup::in_real_time() });
        let served = Served::start(&world, 0, Artifacts::World).await.unwrap();
        let variables = [&[INTERVAL], variables].concat();
        let reaper = Function::start_reaper(&world, &served.endpoint(), &variables).await;
        let mut patrol = Patrol { world, served, reaper, variables, number, sessions: 0 };
        test(&mut patrol).await;
        assert_unharmed(&patrol.world);
    });
}

impl Patrol {
    /// Where AWS is.
    pub(crate) fn endpoint(&self) -> String {
        self.served.endpoint()
    }

    /// An address that nobody has.
    pub(crate) fn address(&mut self) -> Ipv4Addr {
        self.sessions += 1;
        address(self.number, self.sessions)
    }

    /// Begins a sentence about a session.
    pub(crate) fn session(&mut self, id: &str) -> SessionBuilder {
        let address = self.address();
        self.world.session(id).at_address(address).uploads_in(Duration::from_millis(100))
    }

    /// Starts it, and waits until its container listens.
    pub(crate) async fn start(&self, session: SessionBuilder) -> TaskHandle {
        let task = session.start();
        self.served.listens(&task).await;
        task
    }

    /// One sweep that only looks.
    pub(crate) async fn report(&mut self) -> Value {
        self.reaper.invoke(&json!({"mode": "report"})).await
    }

    /// One sweep that acts.
    pub(crate) async fn enforce(&mut self) -> Value {
        self.reaper.invoke(&json!({"mode": "enforce"})).await
    }

    /// A direct invocation with any order.
    pub(crate) async fn order(&mut self, order: &Value) -> Value {
        self.reaper.invoke(order).await
    }

    /// What the reaper says to an invocation that it refuses.
    pub(crate) async fn refusal(&mut self, payload: &str) -> String {
        self.reaper.refusal(payload).await
    }

    /// Begins a sweep that acts, and does not wait for it.
    pub(crate) async fn begin_to_enforce(&mut self) {
        self.reaper.begin(r#"{"mode": "enforce"}"#).await;
    }

    /// The reaper dies in the middle of whatever it does; another instance takes its place.
    pub(crate) async fn another_reaper(&mut self) {
        let endpoint = self.served.endpoint();
        let next = Function::start_reaper(&self.world, &endpoint, &self.variables).await;
        std::mem::replace(&mut self.reaper, next).kill().await;
    }

    /// What was suspected before has now been so for long enough.
    pub(crate) async fn half_an_interval_passes(&self) {
        sleep(HALF_AN_INTERVAL).await;
    }

    /// With [`QUICK`] functions: what they have written so far has been left behind.
    pub(crate) async fn intents_are_left_behind(&self) {
        sleep(Duration::from_millis(10_100)).await;
    }

    /// Waits until something is true of the world.
    pub(crate) async fn until(&self, what: &str, mut fact: impl FnMut(&World) -> bool) {
        let there = async || Ok(fact(&self.world).then_some(()));
        eventually(what, PATIENCE, there).await.unwrap();
    }

    /// The most memory that the reaper has had resident so far, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.reaper.peak_kib()
    }

    /// Whether an address is in traffic.
    pub(crate) fn is_registered(&self, address: Ipv4Addr) -> bool {
        self.world.registered(&self.world.setup().target_groups[0]).contains(&address)
    }

    /// Asserts that nobody has asked, stopped, tagged or cut off a session.
    pub(crate) fn assert_untouched(&self, session: &TaskHandle, tags: usize) {
        let history = || self.world.history();
        assert!(!self.world.is_stopping(session), "{}", history());
        assert!(self.world.completion_calls(session).is_empty(), "{}", history());
        assert_eq!(self.world.tags(session).len(), tags, "{}", history());
        assert!(self.is_registered(session.address()), "{}", history());
    }

    /// Asserts the end that everyone wants: artifacts saved, target gone, task stopped.
    pub(crate) fn assert_clean(&self, session: &TaskHandle) {
        let history = || self.world.history();
        assert!(self.world.has_completed(session), "{}", history());
        assert!(self.world.is_stopping(session), "{}", history());
        assert!(!self.is_registered(session.address()), "{}", history());
        assert_eq!(self.world.receipts()[session.id()]["outcome"], "cleaned");
        let folder = format!("{}/", session.session_id());
        let saved = self.world.keys(&self.world.setup().artifact_bucket);
        assert_eq!(saved.iter().filter(|key| key.starts_with(&folder)).count(), 3, "{saved:?}");
    }
}

/// What a report says of a task; null when it is plainly fine.
pub(crate) fn task_in<'a>(report: &'a Value, task: &TaskHandle) -> &'a Value {
    let mut tasks = report["tasks"].as_array().expect("a report").iter();
    tasks.find(|finding| finding["task_arn"] == task.arn()).unwrap_or(&Value::Null)
}

/// What a report says of a target; null when it is plainly fine.
pub(crate) fn target_in(report: &Value, address: Ipv4Addr) -> &Value {
    let mut targets = report["targets"].as_array().expect("a report").iter();
    let is_it = |finding: &&Value| finding["address"]["ip"] == address.to_string();
    targets.find(is_it).unwrap_or(&Value::Null)
}
