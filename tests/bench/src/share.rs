//! The CPU share of a Lambda function: 1/1,769 of a core for each MB, once it is initialised.

use std::fs;
use std::path::{Path, PathBuf};

/// CPU time is dealt out so often, in microseconds.
const PERIOD: u64 = 20_000;

/// The memory that a function has when it has a whole core, in MB (AWS Lambda developer guide, "Configure
/// Lambda function memory").
const OF_A_CORE: u64 = 1_769;

/// A cgroup with the CPU share of a memory size; removed when it is dropped, so after its process.
pub(crate) struct Share(PathBuf);

impl Share {
    /// A share as a function of `megabytes` has it, or why there is none to be had here.
    pub(crate) fn of(megabytes: u64) -> Result<Self, String> {
        let quota = PERIOD * megabytes / OF_A_CORE;
        let name = format!("session-cleanup-bench-{}", std::process::id());
        let [v1, v2] =
            ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup"].map(|root| Path::new(root).join(&name));
        let settings = if v1.parent().is_some_and(Path::exists) {
            vec![
                (v1.join("cpu.cfs_period_us"), PERIOD.to_string()),
                (v1.join("cpu.cfs_quota_us"), quota.to_string()),
            ]
        } else {
            vec![(v2.join("cpu.max"), format!("{quota} {PERIOD}"))]
        };
        let place = settings[0].0.parent().map(Path::to_owned).unwrap_or_default();
        let wrong = |path: &Path, problem| format!("{}: {problem}", path.display());
        fs::create_dir_all(&place).map_err(|problem| wrong(&place, problem))?;
        let share = Self(place);
        for (file, value) in settings {
            fs::write(&file, value).map_err(|problem| wrong(&file, problem))?;
        }
        Ok(share)
    }

    /// From now on a process has no more than that.
    pub(crate) fn take(&self, process: u32) {
        let file = self.0.join("cgroup.procs");
        fs::write(&file, process.to_string())
            .unwrap_or_else(|problem| panic!("{}: {problem}", file.display()));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
