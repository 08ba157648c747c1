//! What the configured times add up to, and whether that fits into the functions' own: a configuration
//! that could never act, or never look, is refused when the function starts.

use super::variables::{ConfigError, Variables};
use super::{Config, Timeouts};
use std::time::Duration;

impl Timeouts {
    /// The longest that one cleanup may take until its task is stopped and that is on record.
    #[must_use]
    pub fn longest_cleanup(&self) -> Duration {
        let until_stopped = self.identify + self.upload + self.target + self.stop;
        until_stopped + self.receipt * 2
    }

    /// What a sweep keeps for its record after it has acted: the suspects whose salvage failed, and the
    /// report.
    #[must_use]
    pub fn record(&self) -> Duration {
        self.receipt * 2
    }

    /// The longest of a completion's steps that follow each other; finding the task usually takes a
    /// moment, and leaves the others their time.
    fn least_completion(&self) -> Duration {
        let saved = self.upload + self.stop + self.receipt * 2;
        let verified = self.target + self.verify + self.receipt;
        saved.max(verified).max(self.identify + self.receipt)
    }
}

impl Config {
    /// The longest that reaping one orphan may take; none is begun with less time left. Its probe waits
    /// for its turn, and then for its answer.
    #[must_use]
    pub fn longest_reaping(&self) -> Duration {
        self.container.probe_timeout * 2 + self.timeouts.longest_cleanup()
    }

    /// The longest that removing some zombie targets may take: probe, intent, deregistration, whose it
    /// was, verification.
    #[must_use]
    pub fn longest_removal(&self) -> Duration {
        let Timeouts { target, receipt, .. } = self.timeouts;
        self.container.probe_timeout * 2 + target * 3 + receipt * 3
    }

    /// What a sweep that may act keeps free while it looks: the suspects, and one round of acting.
    #[must_use]
    pub fn kept_for_acting(&self) -> Duration {
        self.timeouts.receipt + self.longest_reaping().max(self.longest_removal())
    }

    /// A sweep looks for at least as long as finding a task may take, in both modes alike: a
    /// deployment that only reports must not turn out to be one that can't act.
    fn least_sweep(&self) -> Duration {
        let around = self.timeouts.deadline_margin + self.timeouts.record();
        around + self.timeouts.identify + self.kept_for_acting()
    }

    pub(super) fn fits_into_its_functions(self, read: &Variables<'_>) -> Result<Self, ConfigError> {
        let completion = self.timeouts.deadline_margin + self.timeouts.least_completion();
        read.at_least(
            "FUNCTION_TIMEOUT",
            completion,
            "DEADLINE_MARGIN and the longer of UPLOAD_TIMEOUT, STOP_TIMEOUT and twice RECEIPT_TIMEOUT; or \
             TARGET_TIMEOUT, VERIFY_TIMEOUT and RECEIPT_TIMEOUT; or IDENTIFY_TIMEOUT and RECEIPT_TIMEOUT",
        )?;
        read.at_least(
            "REAPER_TIMEOUT",
            self.least_sweep(),
            "DEADLINE_MARGIN, IDENTIFY_TIMEOUT to look, three times RECEIPT_TIMEOUT, twice PROBE_TIMEOUT, \
             and the longer of one cleanup (IDENTIFY_TIMEOUT, UPLOAD_TIMEOUT, TARGET_TIMEOUT, \
             STOP_TIMEOUT and twice RECEIPT_TIMEOUT) and three times TARGET_TIMEOUT and \
             RECEIPT_TIMEOUT",
        )?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str =
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123";

    fn with(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let required = [
            ("CLUSTERS", "sessions"),
            ("FAMILIES", "session"),
            ("TARGET_GROUP_ARNS", GROUP),
            ("ARTIFACT_BUCKET", "artifacts"),
            ("LEDGER_BUCKET", "ledger"),
        ];
        Config::from_variables(|name| {
            let set = changes.iter().chain(&required).find(|(known, _)| *known == name);
            set.map(|(_, value)| (*value).to_owned())
        })
    }

    fn assert_refused(name: &str, changes: &[(&str, &str)]) {
        let error = with(changes).unwrap_err().to_string();
        assert!(error.contains(&format!("variable {name} is")), "{changes:?}: {error}");
        assert!(error.contains("at least"), "{error}");
    }

    #[test]
    fn a_sweep_without_time_to_look_and_to_act_is_refused_in_both_modes() {
        for mode in ["report", "enforce"] {
            // An upload of three minutes needs a longer function too.
            let upload = [("UPLOAD_TIMEOUT", "3m"), ("FUNCTION_TIMEOUT", "5m")];
            assert_refused("REAPER_TIMEOUT", &[&upload[..], &[("REAPER_MODE", mode)]].concat());
            let longer = [("REAPER_TIMEOUT", "5m"), ("REAPER_MODE", mode)];
            with(&[&upload[..], &longer].concat()).unwrap();
        }
        assert_refused("REAPER_TIMEOUT", &[("REAPER_TIMEOUT", "60s")]);
        assert_refused("REAPER_TIMEOUT", &[("PROBE_TIMEOUT", "2m")]);
    }

    #[test]
    fn zombies_that_take_longer_than_orphans_need_their_time_too() {
        let slow = [("TARGET_TIMEOUT", "1m"), ("VERIFY_TIMEOUT", "1s"), ("FUNCTION_TIMEOUT", "2m")];
        assert_refused("REAPER_TIMEOUT", &[&slow[..], &[("REAPER_TIMEOUT", "225s")]].concat());
        with(&slow).unwrap();
    }

    #[test]
    fn short_times_that_fit_are_taken() {
        let demo = [
            ("FUNCTION_TIMEOUT", "20s"),
            ("REAPER_TIMEOUT", "60s"),
            ("UPLOAD_TIMEOUT", "8s"),
            ("VERIFY_TIMEOUT", "6s"),
            ("TARGET_TIMEOUT", "6s"),
            ("STOP_TIMEOUT", "3s"),
            ("RECEIPT_TIMEOUT", "2s"),
        ];
        with(&demo).unwrap();
        let brief = [
            ("FUNCTION_TIMEOUT", "10s"),
            ("IDENTIFY_TIMEOUT", "3s"),
            ("UPLOAD_TIMEOUT", "4s"),
            ("TARGET_TIMEOUT", "3s"),
            ("VERIFY_TIMEOUT", "3s"),
            ("STOP_TIMEOUT", "2s"),
            ("RECEIPT_TIMEOUT", "1s"),
        ];
        with(&brief).unwrap();
        let quick = [("REAPER_TIMEOUT", "10s"), ("CONNECT_TIMEOUT", "400ms")];
        let steps = ["IDENTIFY_TIMEOUT", "UPLOAD_TIMEOUT", "TARGET_TIMEOUT", "VERIFY_TIMEOUT"];
        let steps = steps.map(|name| (name, "1s"));
        let rest =
            [("STOP_TIMEOUT", "1s"), ("RECEIPT_TIMEOUT", "500ms"), ("PROBE_TIMEOUT", "500ms")];
        with(&[&quick[..], &steps, &rest].concat()).unwrap();
    }

    #[test]
    fn a_completion_whose_steps_do_not_fit_is_refused() {
        for change in [
            ("UPLOAD_TIMEOUT", "40s"),
            ("STOP_TIMEOUT", "20s"),
            ("VERIFY_TIMEOUT", "50s"),
            ("IDENTIFY_TIMEOUT", "55s"),
            ("RECEIPT_TIMEOUT", "10s"),
            ("DEADLINE_MARGIN", "11s"),
            ("FUNCTION_TIMEOUT", "50s"),
        ] {
            assert_refused("FUNCTION_TIMEOUT", &[change]);
        }
    }

    #[test]
    fn what_fits_to_the_second_is_taken_and_a_second_less_is_not() {
        for (name, least, less) in
            [("FUNCTION_TIMEOUT", "51s", "50s"), ("REAPER_TIMEOUT", "106s", "105s")]
        {
            with(&[(name, least)]).unwrap();
            assert_refused(name, &[(name, less)]);
        }
    }

    /// A look that an act rests on is 3 s old at most, and the act arrives 2 s later at most.
    #[test]
    fn a_connection_that_may_take_longer_than_a_look_allows_is_refused() {
        let error = with(&[("CONNECT_TIMEOUT", "2001ms")]).unwrap_err().to_string();
        assert!(error.contains("CONNECT_TIMEOUT") && error.contains("at most 2s"), "{error}");
        with(&[("CONNECT_TIMEOUT", "2s")]).unwrap();
    }
}
