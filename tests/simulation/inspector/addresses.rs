//! Who is behind an address, and what becomes of its target.

use super::{HOUR, explain, says};
use crate::invoke::{INTERVAL, look};
use serde_json::json;
use session_cleanup_tests::world::{Setup, World};
use std::net::Ipv4Addr;

#[tokio::test(start_paused = true)]
async fn an_address_leads_to_its_target_and_to_the_task_that_holds_it() {
    let world = World::new(Setup::default());
    world.session("other").start();
    let live = world.session("live").start();
    let address = live.address();
    let port = world.setup().port;
    for about in [address.to_string(), format!("{address}:{port}")] {
        let answer = explain(&world, &about).await;
        assert_eq!(answer["address"]["holder"], live.arn(), "{answer:#}");
        let targets = answer["address"]["targets"].as_array().unwrap();
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0]["row"], "G1 held");
        assert_eq!(answer["tasks"][0]["session_id"], "live");
    }
    let answer = explain(&world, &format!("{address}:1")).await;
    says(&answer, "It is registered in no configured target group");
}

#[tokio::test(start_paused = true)]
async fn a_zombie_is_told_as_the_last_sweep_saw_it() {
    let world = World::new(Setup::default());
    let nobody = Ipv4Addr::new(127, 0, 99, 1);
    world.session("live").started_ago(HOUR).start();
    world.leave_target("sessions", nobody);
    look(&world, "first").await;
    tokio::time::sleep(INTERVAL).await;
    look(&world, "second").await;
    let answer = explain(&world, &nobody.to_string()).await;
    assert_eq!(answer["address"]["holder"], json!(null));
    // Whether a task of another cluster holds it is the sweeps' to find out.
    let row = &answer["address"]["targets"][0]["row"];
    assert_eq!(*row, "G5 zombie (by the last sweep)", "{answer:#}");
    let said = &answer["sweeps"][0];
    assert_eq!((&said["row"], &said["action"]), (&json!("G5 zombie"), &json!("would_act")));
    says(&answer, "G5 zombie");
}

#[tokio::test(start_paused = true)]
async fn an_address_of_nobody_is_told_so() {
    let world = World::new(Setup::default());
    world.session("live").start();
    let answer = explain(&world, "10.1.2.3").await;
    says(&answer, "No task of the configured clusters was found to hold 10.1.2.3");
    says(&answer, "all 1 running tasks of the configured clusters were looked at");
}
