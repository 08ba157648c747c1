//! A stack for a platform without a load balancer and without artifacts: clusters, families, and that there is
//! nothing to save. No VPC, no bucket, no target group.

use crate::one_stack::play;
use serde_json::json;
use session_cleanup_tests::local_aws::{Lambda, eventually};
use session_cleanup_tests::world::Api;
use std::time::Duration;

#[test]
fn a_stack_of_three_parameters_ends_sessions_and_reaps_orphans_without_asking_anybody() {
    play(15, async |scene| {
        scene.world.adjust(|setup| setup.artifacts_are_discarded = true);
        let setup = scene.world.setup();
        let cluster = setup.cluster_arn(&setup.clusters[0]);
        let parameters = [
            ("Clusters", cluster.as_str()),
            ("Families", &setup.families[0]),
            ("ArtifactMode", "discard"),
        ];
        let stack =
            scene.aws().deploy("three", &parameters).await.unwrap_or_else(|e| panic!("{e}"));
        // The other stack listens to the bus as well: this event goes to the queue of this one.
        let alice = scene.session("bare-alice").unregistered().silent().start();
        let event = scene.world.session_ended_event(&alice, "completed");
        stack.send_to_queue(&event.to_string()).await.unwrap();
        let key = alice.receipt_key();
        let receipt = eventually("the receipt of bare-alice", Duration::from_mins(1), async || {
            Ok(stack.ledger(&key).await?.remove(&key))
        });
        let receipt = receipt.await.unwrap_or_else(|e| panic!("{e}\n{}", scene.world.history()));
        assert_eq!(receipt["outcome"], "cleaned", "{receipt:#}");
        assert_eq!(receipt["artifacts"], "discarded");
        assert_eq!(receipt["target"], "not_routed");
        assert!(scene.world.is_stopping(&alice));

        let old = scene.session("bare-old").unregistered().silent();
        let old = old.started_ago(Duration::from_hours(3)).start();
        let lives = scene.session("bare-lives").unregistered().start();
        let report = stack.invoke(Lambda::Reaper, &json!({"mode": "enforce"})).await.unwrap();
        assert_eq!(report["problems"], json!([]), "{report:#}");
        assert!(scene.world.is_stopping(&old), "{report:#}");
        assert!(scene.world.is_live(&lives), "{report:#}");
        let unneeded = [&Api::ELB[..], &[Api::ContainerComplete, Api::ContainerHealth]].concat();
        let calls = scene.world.calls();
        let asked = calls.iter().find(|call| unneeded.contains(&call.api));
        assert!(asked.is_none(), "{asked:?}\n{}", scene.world.history());
    });
}
