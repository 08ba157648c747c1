//! What users get is what these tests deploy, and they need no more than these tests use.

use crate::one_stack::play;
use session_cleanup_tests::local_aws::{Lambda, release};
use std::fs;

#[test]
fn without_a_rust_toolchain_the_release_is_deployed_and_cleans_a_session() {
    let tools = fs::read_dir(release::programs()).unwrap();
    let tools: Vec<_> =
        tools.map(|tool| tool.unwrap().file_name().into_string().unwrap()).collect();
    assert!(tools.iter().any(|tool| tool == "sam"), "{tools:?}");
    for program in ["cargo", "rustc", "rustup"] {
        assert!(!tools.iter().any(|tool| tool == program), "{program} is on the PATH");
    }
    play(65, async |scene| {
        for function in [Lambda::Completion, Lambda::Reaper, Lambda::Inspector] {
            let package = function.package();
            let deployed = scene.stack().package_sha256(function).await.unwrap();
            assert_eq!(deployed, sha256_of(package), "{package} is the release's");
        }
        let ends = scene.session("of-the-release");
        let ends = scene.start(ends).await;
        scene.end(&ends).await;
        scene.receipt(&ends, "cleaned").await;
        scene.assert_cleaned(&ends).await;
    });
}

/// What the release's list of checksums says of a function's package for this machine.
fn sha256_of(package: &str) -> String {
    let file = format!("  functions/{}/{package}.zip", release::ARCHITECTURE);
    let sums = fs::read_to_string(release::folder().join("SHA256SUMS")).unwrap();
    let line = sums.lines().find(|line| line.ends_with(&file));
    line.unwrap_or_else(|| panic!("the release has no{file}")).replace(&file, "")
}
