//! `make doctor` over deployed stacks: one that is set up right, and one with mistakes planted in it.

use crate::one_stack::{Scene, make, play};
use serde_json::json;
use session_cleanup_tests::local_aws::{Lambda, Platform, Way};

/// What `make doctor` prints, and whether it succeeds.
async fn make_doctor(scene: &Scene, stack: &str) -> (String, bool) {
    let (printed, problem, is_well) = make(scene, "doctor", stack).await;
    println!("{printed}\n{problem}");
    (printed, is_well)
}

/// The emulator does not take a function's reserved concurrency from a template.
async fn one_sweep_at_a_time(scene: &Scene, stack: &str) {
    let reserve = format!(
        "aws lambda put-function-concurrency --function-name {stack}-reaper --reserved-concurrent-executions 1"
    );
    scene.aws().follow(&reserve, Way::Source).await.unwrap_or_else(|error| panic!("{error}"));
}

/// The red lines of a page: what they are about.
fn red(page: &str) -> Vec<String> {
    let cells = page.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let red = cells.filter(|cells| cells.get(1) == Some(&"RED"));
    red.map(|cells| format!("{}: {}", cells[2], cells[3])).collect()
}

#[test]
fn make_doctor_finds_what_is_wrong_with_a_stack_and_nothing_where_nothing_is() {
    play(42, async |scene| {
        let setup = scene.world.setup();
        let alice = scene.session("doctor-alice");
        let _alice = scene.start(alice).await;
        let marker = format!("doctor-bob/{}", setup.marker);
        scene.aws().objects().put(&setup.artifact_bucket, &marker, "{}").await.unwrap();
        let platform = Platform::of(&setup);

        let sound = scene.aws().deploy("doctor-sound", &platform.parameters(&[])).await;
        let sound = sound.unwrap_or_else(|error| panic!("{error}"));
        one_sweep_at_a_time(scene, "doctor-sound").await;
        sound.invoke(Lambda::Reaper, &json!({"mode": "report"})).await.unwrap();
        let (page, is_well) = make_doctor(scene, "doctor-sound").await;
        assert_eq!(red(&page), Vec::<String>::new(), "{page}");
        assert!(is_well, "{page}");
        for function in ["stack", "completion function", "reaper"] {
            assert!(page.contains(&format!("{function}: 0 red")), "{page}");
        }
        assert!(page.lines().all(|line| line.chars().count() <= 120));

        scene.world.add_target_group("instances");
        scene.world.set_up_target_group("instances", |made| {
            made.target_type = "instance".to_owned();
        });
        let group = setup.target_group_arn("instances");
        let planted_parameters =
            [("TargetGroupArns", group.as_str()), ("ArtifactBucket", "nobody-has-it")];
        let right = platform.parameters(&[]);
        let right = right
            .into_iter()
            .filter(|(name, _)| !planted_parameters.iter().any(|(bad, _)| bad == name));
        let parameters: Vec<_> = right.chain(planted_parameters).collect();
        let mistaken = scene.aws().deploy("doctor-mistaken", &parameters).await;
        let mistaken = mistaken.unwrap_or_else(|error| panic!("{error}"));
        one_sweep_at_a_time(scene, "doctor-mistaken").await;
        mistaken.invoke(Lambda::Reaper, &json!({"mode": "report"})).await.unwrap();
        let (page, is_well) = make_doctor(scene, "doctor-mistaken").await;
        assert!(!is_well, "{page}");
        let planted =
            ["target group: instances", "artifact bucket: nobody-has-it"].map(String::from);
        assert_eq!(red(&page), [&planted[..], &planted[..]].concat(), "{page}");
    });
}
