use jiff::SignedDuration;
use serde::{Serialize, Serializer};

/// How large a task is, by what ECS shows of it: what it costs depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskSize {
    /// In ECS's units: 1,024 are one vCPU.
    cpu_units: u32,
    mib: u32,
}

/// What a task has used: its size by a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    cpu_unit_seconds: u64,
    mib_seconds: u64,
}

const CPU_UNITS: u64 = 1_024;
const MIB: u64 = 1_024;
const SECONDS: u64 = 3_600;

impl TaskSize {
    /// Reads ECS's `cpu` (`256`, or `1 vCPU`) and `memory` (`512`, or `2 GB`); `None` where either is
    /// missing or says something else.
    #[must_use]
    pub fn read(cpu: Option<&str>, memory: Option<&str>) -> Option<Self> {
        let cpu_units = amount(cpu?, "vcpu", CPU_UNITS)?;
        Some(Self { cpu_units, mib: amount(memory?, "gb", MIB)? })
    }

    /// What it uses within `time`.
    #[must_use]
    pub fn during(self, time: SignedDuration) -> Used {
        let seconds = u64::try_from(time.as_secs()).unwrap_or_default();
        Used {
            cpu_unit_seconds: u64::from(self.cpu_units).saturating_mul(seconds),
            mib_seconds: u64::from(self.mib).saturating_mul(seconds),
        }
    }
}

/// A number, or one of a larger unit, in which it may have decimals.
fn amount(text: &str, larger: &str, units: u64) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let Some(number) = text.strip_suffix(larger) else { return text.parse().ok() };
    let (whole, decimals) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    let digits = |text: &str| match text {
        "" => Some(0),
        text => text.parse::<u64>().ok(),
    };
    if whole.is_empty() && decimals.is_empty() {
        return None;
    }
    let scale = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let part = digits(decimals)?.checked_mul(units)? / scale;
    u32::try_from(digits(whole)?.checked_mul(units)?.checked_add(part)?).ok()
}

impl Used {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            cpu_unit_seconds: self.cpu_unit_seconds.saturating_add(other.cpu_unit_seconds),
            mib_seconds: self.mib_seconds.saturating_add(other.mib_seconds),
        }
    }

    /// vCPU hours, in thousandths.
    #[must_use]
    pub fn vcpu_hour_thousandths(self) -> u64 {
        self.cpu_unit_seconds.saturating_mul(1_000) / (CPU_UNITS * SECONDS)
    }

    /// GB hours, in thousandths.
    #[must_use]
    pub fn gb_hour_thousandths(self) -> u64 {
        self.mib_seconds.saturating_mul(1_000) / (MIB * SECONDS)
    }
}

impl Serialize for Used {
    /// In hours, for people.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Hours {
            vcpu_hours: f64,
            gb_hours: f64,
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "beyond 2^53 thousandths nobody counts them"
        )]
        let hours = |thousandths: u64| thousandths as f64 / 1_000.0;
        let (vcpu, gb) = (self.vcpu_hour_thousandths(), self.gb_hour_thousandths());
        Hours { vcpu_hours: hours(vcpu), gb_hours: hours(gb) }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(cpu: &str, memory: &str, time: SignedDuration) -> (u64, u64) {
        let used = TaskSize::read(Some(cpu), Some(memory)).unwrap().during(time);
        (used.vcpu_hour_thousandths(), used.gb_hour_thousandths())
    }

    #[test]
    fn a_task_uses_its_size_by_the_time_however_ecs_writes_it() {
        let hour = SignedDuration::from_hours(1);
        for (cpu, memory) in [("256", "512"), (".25 vCPU", "0.5 GB"), ("0.25vcpu", ".5GB")] {
            assert_eq!(hours(cpu, memory, hour), (250, 500), "{cpu} {memory}");
        }
        assert_eq!(hours("1 vCPU", "2 GB", hour * 3), (3_000, 6_000));
        assert_eq!(hours("16 vCPU", "122880", SignedDuration::from_mins(30)), (8_000, 60_000));
    }

    #[test]
    fn what_is_no_size_is_none_and_is_not_taken_for_nothing() {
        for (cpu, memory) in
            [("", "512"), ("256", ""), ("vCPU", "512"), (". vCPU", "512"), ("256", "2 TB")]
        {
            assert_eq!(TaskSize::read(Some(cpu), Some(memory)), None, "{cpu:?} {memory:?}");
        }
        assert_eq!(TaskSize::read(None, Some("512")), None);
        assert_eq!(TaskSize::read(Some("256"), None), None);
    }

    #[test]
    fn a_time_that_has_not_come_uses_nothing() {
        assert_eq!(hours("256", "512", SignedDuration::from_hours(-1)), (0, 0));
    }

    #[test]
    fn hours_add_up_and_stand_in_documents_as_decimals() {
        let one = TaskSize::read(Some("512"), Some("1024")).unwrap();
        let both = one
            .during(SignedDuration::from_mins(30))
            .and(one.during(SignedDuration::from_hours(2)));
        assert_eq!(
            serde_json::json!(both),
            serde_json::json!({"vcpu_hours": 1.25, "gb_hours": 2.5})
        );
    }
}
