//! Faults that come by chance, and the record with which they come again.

use std::collections::BTreeSet;
use std::time::Instant;

use session_cleanup_tests::World;
use session_cleanup_tests::world::{
    Api, Fault, FaultKind, Latency, Met, Origin, Outcome, Setup, TaskHandle, Weather,
};
use tokio::time::timeout;

use crate::clients::{Clients, secs};

/// The kinds that end a call, whatever it calls.
const STORM: [FaultKind; 8] = [
    FaultKind::Throttled,
    FaultKind::Denied,
    FaultKind::ServerError,
    FaultKind::Refused,
    FaultKind::Reset,
    FaultKind::Hangs,
    FaultKind::AnswerLost,
    FaultKind::AnswerHangs,
];

fn storm(share: f64) -> Weather {
    STORM.into_iter().fold(Weather::none(), |weather, kind| weather.with(kind, share))
}

fn stage(seed: u64) -> (World, TaskHandle) {
    let world = World::new(Setup { seed, latency: Latency::none(), ..Setup::default() });
    let alice = world.session("alice").start();
    (world, alice)
}

/// Calls that change nothing, one after another; how each ended.
async fn look(world: &World, caller: &str, task: &TaskHandle, times: usize) -> Vec<Outcome> {
    let clients = Clients::of(world, caller);
    let before = world.calls().len();
    for _ in 0..times {
        let call = clients.ecs.describe_tasks().cluster("sessions").tasks(task.arn()).send();
        let _ = timeout(secs(5), call).await;
    }
    world.calls()[before..].iter().map(|call| call.outcome.clone()).collect()
}

fn kinds(met: &[Met]) -> Vec<(&str, usize, FaultKind)> {
    met.iter().map(|one| (&*one.caller, one.nth, one.kind)).collect()
}

#[test]
fn every_kind_has_a_name_of_its_own_that_reads_back() {
    let names: BTreeSet<String> = FaultKind::ALL.iter().map(FaultKind::to_string).collect();
    assert_eq!(names.len(), FaultKind::ALL.len());
    for (place, kind) in FaultKind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, place, "the list has the order of the kinds");
        let name = kind.to_string();
        assert_eq!(name.parse(), Ok(kind));
        assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{name}");
    }
    assert!("weather".parse::<FaultKind>().is_err());
}

#[test]
fn a_weather_has_a_share_for_each_kind() {
    let weather = Weather::stormy(0.25).with(FaultKind::Denied, 0.0);
    assert!((weather.share(FaultKind::Hangs) - 0.25).abs() < f64::EPSILON);
    assert!(weather.share(FaultKind::Denied).abs() < f64::EPSILON);
    assert_eq!(Weather::none(), Weather::stormy(0.0));
    assert_eq!(Weather::none(), Weather::default());
}

#[tokio::test(start_paused = true)]
async fn weather_repeats_with_its_seed() {
    let mut histories = Vec::new();
    for seed in [1, 1, 2] {
        let (world, alice) = stage(seed);
        world.weather(storm(0.05));
        look(&world, "a", &alice, 100).await;
        histories.push(world.faults_met());
    }
    assert_eq!(histories[0], histories[1]);
    assert_ne!(histories[0], histories[2]);
}

#[tokio::test(start_paused = true)]
async fn weather_strikes_as_often_as_its_shares_say() {
    let (world, alice) = stage(3);
    let weather = Weather::none().with(FaultKind::Throttled, 0.2).with(FaultKind::Reset, 0.1);
    world.weather(weather);
    look(&world, "a", &alice, 2000).await;
    let met = world.faults_met();
    let count = |kind| met.iter().filter(|one| one.kind == kind).count();
    assert!((320..=440).contains(&count(FaultKind::Throttled)), "{}", count(FaultKind::Throttled));
    assert!((140..=240).contains(&count(FaultKind::Reset)), "{}", count(FaultKind::Reset));
    assert_eq!(count(FaultKind::Throttled) + count(FaultKind::Reset), met.len());
    assert!(met.iter().all(|one| one.origin == Origin::Weather && one.api == Api::DescribeTasks));
}

#[tokio::test(start_paused = true)]
async fn what_befalls_a_call_does_not_depend_on_the_calls_of_others() {
    let (alone, alice) = stage(4);
    alone.weather(storm(0.05));
    look(&alone, "a", &alice, 60).await;
    let (together, alice) = stage(4);
    together.weather(storm(0.05));
    for _ in 0..6 {
        look(&together, "b", &alice, 7).await;
        look(&together, "a", &alice, 10).await;
    }
    let of_a: Vec<Met> =
        together.faults_met().into_iter().filter(|one| one.caller == "a").collect();
    assert!(of_a.len() > 10);
    assert_eq!(of_a, alone.faults_met());
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_taken_out_of_the_weather_leaves_the_others_as_they_were() {
    let (all, alice) = stage(5);
    all.weather(storm(0.05));
    look(&all, "a", &alice, 200).await;
    let (fewer, alice) = stage(5);
    fewer.weather(storm(0.05).with(FaultKind::Hangs, 0.0));
    look(&fewer, "a", &alice, 200).await;
    let (all, fewer) = (all.faults_met(), fewer.faults_met());
    let mut others = all.iter().filter(|one| one.kind != FaultKind::Hangs);
    assert!(others.all(|one| fewer.contains(one)));
    assert!(fewer.len() < all.len());
}

#[tokio::test(start_paused = true)]
async fn a_history_is_played_again_with_the_list_of_its_faults_and_without_weather() {
    let (world, alice) = stage(6);
    world.weather(storm(0.05));
    let outcomes = look(&world, "a", &alice, 60).await;
    let met = world.faults_met();
    assert!(met.len() > 10);

    let (again, alice) = stage(6);
    again.faults(met.iter().map(Fault::from));
    assert_eq!(look(&again, "a", &alice, 60).await, outcomes);
    assert_eq!(kinds(&again.faults_met()), kinds(&met));
    assert!(again.faults_met().iter().all(|one| one.origin == Origin::Set));

    let (without, alice) = stage(6);
    without.faults(met.iter().skip(1).map(Fault::from));
    look(&without, "a", &alice, 60).await;
    assert_eq!(kinds(&without.faults_met()), kinds(&met[1..]), "the others stay as they were");
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_one_call_strikes_that_call_only() {
    let (world, alice) = stage(7);
    world.fault(Fault::at("a", 2, FaultKind::Throttled));
    let outcomes = look(&world, "a", &alice, 3).await;
    let whole = Outcome::Answered(200, None);
    assert_eq!(outcomes, [whole.clone(), Outcome::Throttled, whole.clone()]);
    assert_eq!(look(&world, "b", &alice, 2).await, [whole.clone(), whole.clone()]);
    world.fault(Fault::at("b", 3, FaultKind::Throttled));
    world.faults_cease();
    assert_eq!(look(&world, "b", &alice, 1).await, [whole]);
    assert_eq!(world.faults_met().len(), 1, "what was met stays on record");
    assert_eq!(world.faults_met()[0].to_string(), "call 2 of a, DescribeTasks: throttled");
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_faults_of_single_calls_are_cheap() {
    let (world, alice) = stage(8);
    let faults = (1..=10_000).map(|nth| Fault::at("a", nth * 2, FaultKind::Throttled));
    world.faults(faults);
    let start = Instant::now();
    look(&world, "a", &alice, 200).await;
    assert_eq!(world.faults_met().len(), 100);
    assert!(start.elapsed() < secs(10));
}
