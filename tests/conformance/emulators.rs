//! The simulated AWS and a moto server are told the same, and answer the same, but for what is listed.

use crate::ROOT;
use crate::judges::python;
use serde::Deserialize;
use serde_json::Value;
use session_cleanup_tests::World;
use session_cleanup_tests::served::{Artifacts, Served};
use session_cleanup_tests::world::{Dwell, HealthTimes, Setup};
use std::time::Duration;
use tokio::process::Command;

/// A point of an answer in which the two differ.
#[derive(Clone, Debug, Deserialize)]
struct Difference {
    step: String,
    point: String,
    ours: Value,
    moto: Value,
}

/// One that is known, with its ground. In step and point a `*` stands for anything.
#[derive(Clone, Debug, Deserialize)]
struct Listed {
    #[serde(flatten)]
    difference: Difference,
    because: String,
    reference: String,
}

#[derive(Debug, Deserialize)]
struct Told {
    differences: Vec<Difference>,
    steps: Vec<String>,
    points: usize,
}

impl Listed {
    fn all() -> Vec<Self> {
        let path = format!("{ROOT}/tests/conformance/differences.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn covers(&self, found: &Difference) -> bool {
        let known = &self.difference;
        fits(&known.step, &found.step)
            && fits(&known.point, &found.point)
            && (&known.ours, &known.moto) == (&found.ours, &found.moto)
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let rest = text.strip_prefix(before);
    rest.is_some_and(|rest| (0..=rest.len()).any(|at| fits(after, rest.get(at..).unwrap_or("-"))))
}

/// What is found and not listed, and what is listed and not found.
fn judged(found: &[Difference], listed: &[Listed]) -> Vec<String> {
    let new = found.iter().filter(|one| !listed.iter().any(|known| known.covers(one)));
    let new = new.map(|one| format!("not listed: {one:?}"));
    let gone = listed.iter().filter(|known| !found.iter().any(|one| known.covers(one)));
    new.chain(gone.map(|known| format!("no difference any more: {:?}", known.difference))).collect()
}

/// A world whose tasks run at once and whose targets are judged at once, as moto's are.
fn world() -> World {
    World::new(Setup {
        clusters: vec!["sessions".to_owned(), "more".to_owned()],
        dwell: Dwell {
            provisioning: Duration::ZERO,
            pending: Duration::ZERO,
            activating: Duration::ZERO,
            // However slow the machine: what has been stopped is still on its way when it is looked at.
            deactivating: Duration::from_hours(1),
            ..Dwell::default()
        },
        health: HealthTimes { registration: Duration::ZERO, ..HealthTimes::default() },
        ..Setup::in_real_time()
    })
}

#[tokio::test]
async fn the_simulated_aws_and_moto_answer_alike_but_for_what_is_listed() {
    let served = Served::start(&world(), 0, Artifacts::World).await.unwrap();
    let told = Command::from(python("emulators.py", &[&served.endpoint()])).output().await.unwrap();
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "emulators.py says {said}");
    let told: Told = serde_json::from_slice(&told.stdout).unwrap();
    let wrong = judged(&told.differences, &Listed::all());
    assert!(wrong.is_empty(), "{wrong:#?}");
    let (steps, alike) = (told.steps.len(), told.points - told.differences.len());
    assert!(steps > 70 && alike > 250, "{steps} steps, {alike} points alike: the test can't tell");
}

#[test]
fn each_listed_difference_has_its_ground_in_what_aws_writes() {
    for Listed { difference, because, reference } in Listed::all() {
        assert!(reference.starts_with("https://docs.aws.amazon.com/"), "{difference:?}");
        assert!(because.len() > 20, "{difference:?}");
    }
}

#[test]
fn a_difference_that_is_new_is_noticed_and_so_is_one_that_is_gone() {
    let listed = Listed::all();
    let found: Vec<Difference> = listed.iter().map(|known| known.difference.clone()).collect();
    assert_eq!(judged(&found, &listed), Vec::<String>::new());
    let gone = judged(&found[1..], &listed);
    assert!(gone.len() == 1 && gone[0].starts_with("no difference any more"), "{gone:?}");
    let mut new = found.clone();
    new[0].ours = Value::Null;
    assert_eq!(judged(&new, &listed).len(), 2, "another value is another difference");
    assert!(fits("a *.b", "a task.b") && !fits("a *.b", "a task.c") && !fits("a", "ab"));
}
