//! What a quote may be, other than said in the play.

/// The pages that operators and owners read: each quote of them is checked.
pub(super) const PAGES_OF_OPERATORS: [&str; 13] = [
    "README.md",
    "docs/alarms.md",
    "docs/integration.md",
    "docs/known-limits.md",
    "docs/metrics.md",
    "docs/outcomes.md",
    "docs/profiles/discard.md",
    "docs/profiles/load-balancer.md",
    "docs/profiles/no-load-balancer.md",
    "docs/profiles/warm-pool.md",
    "docs/rollout.md",
    "docs/runbook.md",
    "docs/security.md",
];

/// Quotes that the play does not bring about, for they want a panic, a crash at one call, a fleet of thousands or a
/// deadline that is over: they are looked up in the texts of the source, with `…` where something is filled in.
pub(super) const IN_THE_SOURCE_ALONE: [&str; 20] = [
    "G3 draining",
    "a cleanup ended badly",
    "cancelled",
    "discard",
    "for lack of time or of connections … addresses were not asked",
    "which is registered nowhere yet",
    "is no IPv4 address with a port",
    "it drains until its deregistration delay is over",
    "it is listed as running, and then MISSING",
    "taken out of TARGET_GROUP_ARNS",
    "taken_over",
    "the environment variable … is …",
    "the environment variable … must be set",
    "the listing was cut short",
    "the marker … is not in S3",
    "timed_out",
    "to look at … tasks takes at least … s of the … s that a sweep has for it",
    "to_be_stopped",
    "… intents wait for the next sweeps",
    "… was removed from … and is …'s now, which is registered as … in …",
];

/// Not ours: words of AWS's, of Lambda's logs, of tools, of older owners, and of whoever types the commands. (One is a test's
/// name.)
pub(super) const OF_OTHERS: [&str; 25] = [
    "MessageId",
    "Messages",
    "errorMessage",
    "a_redirect_leads_nowhere",
    "aws",
    "bash",
    "clippy",
    "container_ip",
    "detail.object.key",
    "events.amazonaws.com",
    "dev",
    "exec format error",
    "jq",
    "make",
    "pip",
    "platform.report",
    "prod",
    "report.json",
    "rustfmt",
    "sam",
    "signal: killed",
    "tags",
    "value",
    "venv",
    "zsh",
];
