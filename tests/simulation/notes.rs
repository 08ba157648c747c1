//! What a receipt says of a call that was not answered: which API, of what. Someone on call must know where
//! to look.

use crate::invoke::{assert_unharmed, function_with, report, sweeps};
use session_cleanup_tests::world::{Api, Fault, SessionBuilder, Setup, World};

/// What is not answered, of which kind of session, and the API that must be named.
type Silence = (&'static str, Fault, fn(SessionBuilder) -> SessionBuilder, &'static str);

fn silences() -> [Silence; 7] {
    let on = |api| Fault::on(api).always().hangs();
    [
        ("the stop", on(Api::StopTask), |session| session, "StopTask"),
        ("the receipt", on(Api::PutObject).of("ledger/receipts/"), |session| session, "PutObject"),
        ("every look", on(Api::DescribeTasks), |session| session, "DescribeTasks"),
        ("the marker", on(Api::HeadObject), |session| session, "HeadObject"),
        ("a dead one's marker", on(Api::HeadObject), |session| session.stopped(1), "HeadObject"),
        ("a dead one's receipt", on(Api::GetObject), |session| session.stopped(1), "GetObject"),
        ("registering", on(Api::RegisterTargets), SessionBuilder::answers_403, "RegisterTargets"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_note_on_a_call_that_gave_up_names_the_api() {
    for (what, fault, quirk, api) in silences() {
        let world = World::new(Setup::default());
        let alice = quirk(world.session("alice")).start();
        let event = world.session_ended_event(&alice, "completed");
        world.fault(fault);
        // Shorter than an attempt of ours may take.
        let variables = [("STOP_TIMEOUT", "3s"), ("RECEIPT_TIMEOUT", "3s")];
        let (context, _) = function_with(&world, "completion", &variables);
        let report = report(&context, &event).await.unwrap_err();
        let notes = report["notes"].to_string();
        assert!(notes.contains(api), "{what}: {notes}");
        let empty = ["\"; ", "there was no time for an attempt"];
        assert!(!empty.iter().any(|nothing| notes.contains(nothing)), "{what}: {notes}");
        world.faults_cease();
        sweeps(&world, "sweep", 2).await;
        assert_unharmed(&world);
    }
}
