//! Every single fault, of every kind, at every call of a sweep: in the end all is clean, and nobody
//! is harmed.

use super::boundary::Told;
use super::fleet::{
    Living, Why, assert_put_right, calls_of_a_sweep, leave_zombie, quick_world, suspect,
};
use crate::invoke::FAULTS;
use session_cleanup_tests::world::{Fault, World};

async fn story(fault: Option<Fault>) -> usize {
    let world: World = quick_world();
    let living = Living::start(&world);
    // Row 7 rests on every listing, the zombie on all three sources.
    Why::Lapsed.start(&world);
    leave_zombie(&world, 1);
    suspect(&world).await;
    if let Some(fault) = fault {
        world.fault(fault);
    }
    let calls = calls_of_a_sweep(&world).await.len();
    world.faults_cease();
    assert_put_right(&world).await;
    living.assert_untouched(&world);
    calls
}

#[tokio::test(start_paused = true)]
async fn any_single_fault_of_any_call_of_a_sweep_is_overcome() {
    let calls = story(None).await;
    let mut stories = 0;
    for number in 1..=calls {
        for (name, kind) in FAULTS {
            let _told = Told::new(format!("call {number} of the sweep: {name}"));
            story(Some(kind(Fault::anywhere().by("sweep").nth(number)))).await;
            stories += 1;
        }
    }
    println!("single faults of a sweep: {stories} stories");
    assert!(stories >= 7 * 25, "only {stories}");
}
