//! The pages of `docs/profiles`, followed word for word: all their commands, in one shell each, against an
//! emulator in which nothing is deployed yet. Only the values of the first block are the test's.

use crate::one_stack::{address, assert_unharmed, play_without_emulator};
use jiff::Timestamp;
use session_cleanup_tests::World;
use session_cleanup_tests::local_aws::{LocalAws, Way, free_port, release};
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::world::{Api, SessionBuilder, Setup, TaskHandle};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::timeout;

const HOUR: Duration = Duration::from_hours(1);
/// Two deployments, an upload and two sweeps, on two busy cores.
const PATIENCE: Duration = Duration::from_mins(3);

/// A platform on which a page is followed.
struct Platform {
    world: World,
    aws: LocalAws,
    served: Served,
    number: u8,
    sessions: u8,
}

/// `number` keeps the addresses of a page's tasks apart from those of other tests.
fn on_a_platform(number: u8, test: impl AsyncFnOnce(&mut Platform)) {
    play_without_emulator(async {
        let port = free_port().unwrap();
        let aws = LocalAws::start("profiles", &format!("http://127.0.0.1:{port}")).await;
        let aws = aws.unwrap_or_else(|error| panic!("{error}"));
        let world = World::new(Setup { seed: number.into(), ..Setup::in_real_time() });
        aws.objects().create_bucket(&world.setup().artifact_bucket).await.unwrap();
        let artifacts = Artifacts::At(aws.endpoint().to_owned());
        let served = Served::start(&world, port, artifacts).await.unwrap();
        let mut platform = Platform { world, aws, served, number, sessions: 0 };
        test(&mut platform).await;
        assert_unharmed(&platform.world);
    });
}

#[test]
fn the_page_of_platforms_with_a_load_balancer_works_as_it_stands() {
    on_a_platform(70, async |platform| {
        let ends = platform.session("page-ends").start();
        let forgotten = platform.session("page-forgotten").started_ago(HOUR * 3).start();
        let lives = platform.session("page-lives").start();
        let page = include_str!("../../docs/profiles/load-balancer.md");
        let group = platform.world.setup().target_group_arn("sessions");
        let values = [
            ("TARGET_GROUP", group.as_str()),
            ("BUCKET", "artifacts"),
            ("SUBNETS", "subnet-0123456789abcdef0,subnet-0fedcba9876543210"),
            ("SECURITY_GROUPS", "sg-0123456789abcdef0"),
        ];
        platform.follow(page, Way::Release, &ends, &values).await;
        platform.assert_saved_and_stopped(&ends);
        platform.assert_saved_and_stopped(&forgotten);
        assert_eq!(platform.world.registered("sessions"), [lives.address()]);
        platform.assert_untouched(&lives);
    });
}

#[test]
fn the_page_of_platforms_without_a_load_balancer_works_as_it_stands() {
    on_a_platform(71, async |platform| {
        let ends = platform.session("page-ends").unregistered().start();
        let forgotten = platform.session("page-forgotten").unregistered();
        let forgotten = forgotten.started_ago(HOUR * 3).start();
        let lives = platform.session("page-lives").unregistered().start();
        let page = include_str!("../../docs/profiles/no-load-balancer.md");
        let values = [
            ("BUCKET", "artifacts"),
            ("SUBNETS", "subnet-0123456789abcdef0"),
            ("SECURITY_GROUPS", "sg-0123456789abcdef0"),
        ];
        platform.follow(page, Way::Source, &ends, &values).await;
        platform.assert_saved_and_stopped(&ends);
        platform.assert_saved_and_stopped(&forgotten);
        platform.assert_untouched(&lives);
        platform.assert_nobody_called(&Api::ELB);
    });
}

#[test]
fn the_page_of_warm_pools_works_as_it_stands() {
    on_a_platform(72, async |platform| {
        let ends = platform.session("page-ends").unregistered().unidentified();
        let ends = ends.started_ago(HOUR * 3).start();
        let began = (platform.world.now() - HOUR * 3).to_string();
        let forgotten = platform.session("page-forgotten").unregistered().identified_by_tag();
        let forgotten = forgotten.tag("session-started-at", &began).started_ago(HOUR * 4).start();
        let waits = platform.session("page-waits").unregistered().unidentified();
        let waits = waits.started_ago(HOUR * 3).start();
        let page = include_str!("../../docs/profiles/warm-pool.md");
        let values = [
            ("BUCKET", "artifacts"),
            ("SUBNETS", "subnet-0123456789abcdef0"),
            ("SECURITY_GROUPS", "sg-0123456789abcdef0"),
        ];
        // The stop deletes them.
        let claim = Arc::new(OnceLock::new());
        let (claimed, of) = (Arc::clone(&claim), ends.clone());
        platform.world.after(Api::TagResource, 1, move |world| {
            claimed.set(world.tags(&of)).unwrap();
        });
        platform.follow(page, Way::Release, &ends, &values).await;
        let claim = claim.get().expect("the page claims its task");
        assert_eq!(claim["session-id"], "page-ends");
        let began: Timestamp = claim["session-started-at"].parse().unwrap();
        assert!(platform.world.now().duration_since(began) < PATIENCE.try_into().unwrap());
        platform.assert_saved_and_stopped(&ends);
        platform.assert_saved_and_stopped(&forgotten);
        platform.assert_untouched(&waits);
        platform.assert_nobody_called(&Api::ELB);
    });
}

#[test]
fn the_page_of_platforms_without_artifacts_works_as_it_stands() {
    on_a_platform(73, async |platform| {
        platform.world.adjust(|setup| setup.artifacts_are_discarded = true);
        let ends = platform.session("page-ends").unregistered().start();
        let forgotten = platform.session("page-forgotten").unregistered();
        let forgotten = forgotten.started_ago(HOUR * 3).start();
        let lives = platform.session("page-lives").unregistered().start();
        let page = include_str!("../../docs/profiles/discard.md");
        platform.follow(page, Way::Release, &ends, &[]).await;
        assert!(platform.world.is_stopping(&ends), "{}", platform.world.history());
        assert!(platform.world.is_stopping(&forgotten), "{}", platform.world.history());
        platform.assert_untouched(&lives);
        let asked = [Api::ContainerComplete, Api::ContainerHealth];
        platform.assert_nobody_called(&[&Api::ELB[..], &asked].concat());
    });
}

impl Platform {
    /// Begins a sentence about a session.
    fn session(&mut self, id: &str) -> SessionBuilder {
        self.sessions += 1;
        self.world.session(id).at_address(address(self.number, self.sessions))
    }

    /// Follows a page with a session of the platform, which ends on it. `values` are those that not every
    /// page wants.
    async fn follow(&self, page: &str, from: Way, session: &TaskHandle, values: &[(&str, &str)]) {
        self.served.listens(session).await;
        self.world.owner_ends(session);
        let setup = self.world.setup();
        let cluster = setup.cluster_arn(&setup.clusters[0]);
        let template = format!("template-{}.yaml", release::ARCHITECTURE);
        let everywhere = [
            ("TEMPLATE", template.as_str()),
            ("CLUSTER", &cluster),
            ("FAMILY", &setup.families[0]),
            ("SESSION_ID", session.session_id()),
            ("TASK_ARN", session.arn()),
        ];
        let commands = commands(page, &[&everywhere, values].concat());
        let commands = match from {
            Way::Release => commands,
            // As the page says: SAM finds what it has built by itself.
            Way::Source => commands.replace(r#"--template-file "$TEMPLATE" "#, ""),
        };
        let followed = timeout(PATIENCE, self.aws.follow(&commands, from)).await;
        let printed = followed.expect("a page takes a minute");
        let printed = printed.unwrap_or_else(|e| panic!("{e}\n{}", self.world.history()));
        assert_quotes(page, &printed);
    }

    fn assert_saved_and_stopped(&self, session: &TaskHandle) {
        assert!(self.world.has_completed(session), "{}", self.world.history());
        assert!(self.world.is_stopping(session), "{}", self.world.history());
    }

    fn assert_untouched(&self, session: &TaskHandle) {
        let history = || self.world.history();
        assert!(!self.world.is_stopping(session), "{}", history());
        assert!(self.world.completion_calls(session).is_empty(), "{}", history());
        assert_eq!(self.world.tags(session).len(), 0, "{}", history());
    }

    fn assert_nobody_called(&self, apis: &[Api]) {
        let calls = self.world.calls();
        let called = calls.iter().find(|call| apis.contains(&call.api));
        assert!(called.is_none(), "{called:?}\n{}", self.world.history());
    }
}

/// The blocks of commands on a page.
fn blocks(page: &str) -> impl Iterator<Item = &str> {
    page.split("```").skip(1).step_by(2).map(|block| block.strip_prefix("sh\n").expect("commands"))
}

/// All commands of a page. The variables that it sets to examples get the values of this platform, each of them.
fn commands(page: &str, values: &[(&str, &str)]) -> String {
    let lines: Vec<&str> = blocks(page).flat_map(str::lines).collect();
    for (name, _) in values {
        let given = lines.iter().filter(|line| is_set(line, name)).count();
        assert_eq!(given, 1, "the page sets {name} {given} times");
    }
    let mut commands = String::new();
    for line in lines {
        let given = values.iter().find(|(name, _)| is_set(line, name));
        let line =
            given.map_or_else(|| line.to_owned(), |(name, value)| format!("{name}='{value}'"));
        commands.push_str(&line);
        commands.push('\n');
    }
    commands
}

fn is_set(line: &str, variable: &str) -> bool {
    line.strip_prefix(variable).is_some_and(|rest| rest.starts_with('='))
}

/// What a page quotes of the answers was printed, and in this order: `"outcome": "cleaned"`.
fn assert_quotes(page: &str, printed: &str) {
    let prose: String = page.split("```").step_by(2).collect();
    let quotes = prose.split('`').skip(1).step_by(2).filter(|quote| quote.starts_with('"'));
    let mut lines = printed.lines();
    for quote in quotes {
        let is_there = lines.any(|line| line.trim().trim_end_matches(',') == quote);
        assert!(is_there, "not printed, or not there: {quote}\n{printed}");
    }
}

#[test]
#[should_panic(expected = "not printed, or not there: \"b\": 2")]
fn a_page_that_quotes_what_is_not_printed_is_found() {
    assert_quotes("`no` `\"a\": 1` `\"b\": 2`", "  \"b\": 2,\n  \"a\": 1,\n");
}

#[test]
fn a_page_ends_with_its_first_wrong_command() {
    on_a_platform(74, async |platform| {
        let commands = "aws events put-event | cat; echo went on";
        let error = platform.aws.follow(commands, Way::Release).await.unwrap_err().to_string();
        assert!(error.contains("+ aws events put-event"), "{error}");
        assert!(!error.contains("went on"), "{error}");
    });
}
