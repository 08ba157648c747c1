//! What the reaper is not asked in a form that it understands, it does not do.

use crate::patrol::patrol;
use session_cleanup_tests::World;
use std::time::Duration;

#[test]
fn garbage_is_refused_with_the_field_that_is_wrong_and_the_reaper_makes_no_call() {
    let order = |cluster: &str, before: &str| {
        format!(
            r#"{{"mode": "enforce", "force_cluster": {{"cluster": "{cluster}", "created_before": "{before}"}}}}"#
        )
    };
    patrol(27, &[], async |patrol| {
        let orphan = patrol.session("orphan").started_ago(Duration::from_hours(3));
        let orphan = patrol.start(orphan).await;
        let ago = |world: &World, minutes| (world.now() - Duration::from_mins(minutes)).to_string();
        let (fresh, stale) = (ago(&patrol.world, 5), ago(&patrol.world, 16));
        let future = (patrol.world.now() + Duration::from_mins(1)).to_string();
        for (garbage, field) in [
            ("null".to_owned(), "object"),
            ("[]".to_owned(), "object"),
            (r#""enforce""#.to_owned(), "object"),
            ("{}".to_owned(), "mode"),
            (r#"{"mode": "destroy"}"#.to_owned(), "mode"),
            (r#"{"mode": 1}"#.to_owned(), "mode"),
            (r#"{"mode": "enforce", "forced_cluster": {}}"#.to_owned(), "forced_cluster"),
            (r#"{"mode": "enforce", "force_cluster": {}}"#.to_owned(), "cluster"),
            (order("another", &fresh), "cluster"),
            (order("sessions", "now"), "created_before"),
            (order("sessions", &stale), "created_before"),
            (order("sessions", &future), "created_before"),
            (order("sessions", &fresh).replace("enforce", "report"), "force_cluster"),
            (r#"{"detail-type": "Scheduled Event"}"#.to_owned(), "source"),
            (r#"{"detail-type": "Session Ended", "source": "x"}"#.to_owned(), "detail-type"),
        ] {
            let problem = patrol.refusal(&garbage).await;
            println!("{garbage}\n    {problem}");
            assert!(
                problem.contains(field),
                "{garbage} is refused, but not for {field}: {problem}"
            );
        }
        // Not even JSON: the runtime itself answers, and the function lives on.
        let problem = patrol.refusal("garbage").await;
        println!("garbage\n    {problem}");
        assert!(!problem.is_empty());
        assert_eq!(patrol.world.calls().len(), 0, "{}", patrol.world.history());
        let report = patrol.enforce().await;
        assert_eq!(report["counts"]["reaped"], 1, "{report:#}");
        patrol.assert_clean(&orphan);
    });
}
