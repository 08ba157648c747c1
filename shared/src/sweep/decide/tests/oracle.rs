//! The oracle: both tables and the limits on harm once more, written from the pages below `docs/decisions/` and
//! not from the code, as plainly as can be. Over random worlds both must say the same of everything.
//!
//! - [`world`]: what a sweep may come upon, in types of the oracle's own; [`dice`]: worlds at random;
//! - [`tasks`], [`targets`], [`limits`], [`memories`]: what the pages say of it, and [`verdicts`] all of it
//!   together;
//! - [`observed`]: the same world as the code gets to know it, and what the code says;
//! - [`tally`]: which rows, limits and causes the cases reach.
//!
//! `ORACLE_CASES` is how many worlds are compared, `ORACLE_SEED` which ones.

mod dice;
mod limits;
mod memories;
mod observed;
mod tally;
mod targets;
mod tasks;
mod verdicts;
mod world;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::RefCell;
use std::time::Instant;
use tally::Tally;
use verdicts::Verdicts;

/// So many worlds take a few seconds without optimisation.
const CASES: u32 = 2_400;

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn the_code_and_the_pages_say_the_same_of_every_world_and_every_row_is_met() {
    let cases = number("ORACLE_CASES", CASES);
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("ORACLE_SEED", 1).to_le_bytes());
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 50_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let tally = RefCell::new(Tally::new());
    let began = Instant::now();
    let result = TestRunner::new_with_rng(config, rng).run(&dice::world(), |world| {
        let expected = verdicts::of(&world);
        tally.borrow_mut().take(&world, &expected);
        let said = observed::by_the_code(&world);
        match difference(&expected, &said) {
            None => Ok(()),
            Some(difference) => Err(TestCaseError::fail(difference)),
        }
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let seconds = began.elapsed().as_secs_f64();
    let (lines, unmet) = tally.borrow().lines_and_unmet();
    println!("{}\n{cases} worlds in {seconds:.1} s", lines.join("\n"));
    assert!(unmet.is_empty(), "no case has met {unmet:?}");
}

/// The first thing of which the two say different things.
fn difference(expected: &Verdicts, said: &Verdicts) -> Option<String> {
    macro_rules! compare {
        ($($field:ident),*) => {
            $(if expected.$field != said.$field {
                return Some(format!(
                    "{}: the pages say\n{:?}\nand the code\n{:?}",
                    stringify!($field), expected.$field, said.$field
                ));
            })*
        };
    }
    compare!(rows, targets, is_order_accepted, lapsing, orphans, zombies, stop_limit);
    compare!(removal_limits, waiting, windows, used, findings, target_findings, unclaimed);
    compare!(asked, neighbours, doubtful_routes, registered_tasks, next);
    None
}
