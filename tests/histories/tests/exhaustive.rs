//! Small worlds, each with every kind of fault at every call: after redelivery and the next sweeps all is as if it had
//! not been.

use session_cleanup_histories::exhaustive::exhaust;

/// Every so many-th of the disturbances, and always the same; `make simulate` takes all.
const STRIDE: usize = 3;

#[test]
fn after_any_single_fault_and_any_death_a_small_world_ends_as_without() {
    let told = exhaust(STRIDE);
    let (mut count, mut known) = (0, 0);
    for story in &told {
        count += story.count;
        known += story.known;
        let differ: Vec<String> = story
            .differ
            .iter()
            .map(|differs| format!("{}: {:#?}", differs.disturbance, differs.differences))
            .collect();
        assert!(differ.is_empty(), "{}:\n{}", story.name, differ.join("\n"));
        assert!(story.count > 0, "{} is not disturbed", story.name);
    }
    println!("{count} disturbances of {} small worlds; {known} leave another receipt", told.len());
    assert!(known * 50 <= count, "{known} of {count} leave another receipt");
    assert!(count >= 700, "only {count}");
}
