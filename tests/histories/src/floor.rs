//! What simulated calls cost without the functions: the same real SDK over the same world, one call after the other.

use crate::functions::sdk;
use crate::play::virtual_time;
use crate::search::on_all_cores;
use aws_sdk_ecs::types::TaskField;
use aws_sdk_s3::primitives::ByteStream;
use session_cleanup_tests::world::{Setup, World};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// So many calls are made over one world, about as many as in a history.
const A_WORLD: usize = 250;

/// Makes at least so many bare calls on all cores, in about the mix that histories have; the answer is how many, and
/// how long they took.
#[must_use]
pub fn bare_calls(at_least: usize) -> (u64, Duration) {
    let worlds = at_least.div_ceil(A_WORLD);
    let began = Instant::now();
    on_all_cores(worlds, |nth| {
        virtual_time().block_on(over_one_world(nth as u64));
        ControlFlow::Continue(())
    });
    let calls = u64::try_from(worlds * A_WORLD).unwrap();
    (calls, began.elapsed())
}

async fn over_one_world(seed: u64) {
    let world = World::new(Setup { seed, ..Setup::default() });
    let setup = world.setup();
    let task = world.session("alice").start();
    let config = sdk(&setup).to_builder().http_client(world.caller("bare")).build();
    let config = config.to_builder().time_source(world.time_source()).build();
    let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
    let (ecs, s3) = (aws_sdk_ecs::Client::new(&config), aws_sdk_s3::Client::from_conf(s3));
    for _ in 0..A_WORLD / 5 {
        let describe = ecs.describe_tasks().cluster(&setup.clusters[0]).tasks(task.arn());
        describe.include(TaskField::Tags).send().await.unwrap();
        ecs.list_tasks().cluster(&setup.clusters[0]).send().await.unwrap();
        let put = s3.put_object().bucket(&setup.ledger_bucket).key("bare");
        put.body(ByteStream::from_static(b"{}")).send().await.unwrap();
        s3.get_object().bucket(&setup.ledger_bucket).key("bare").send().await.unwrap();
        s3.list_objects_v2().bucket(&setup.ledger_bucket).prefix("intents/").send().await.unwrap();
    }
}
