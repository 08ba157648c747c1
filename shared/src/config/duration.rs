use std::time::Duration;

/// The longest that the template takes. No sum of durations overflows, nor a time with one added to it.
const LONGEST: Duration = Duration::from_hours(99_999);

/// A time with its unit, longer than nothing.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("it must be longer than nothing".to_owned()),
        Ok(duration) if duration > LONGEST => Err(format!("at most {LONGEST:?} is possible")),
        Ok(duration) => Ok(duration),
        Err(problem) => Err(format!("a duration such as 30s, 5m or 2h is needed ({problem})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_longer_than_nothing_and_no_longer_than_the_template_takes() {
        for (text, length) in [("1ns", Duration::from_nanos(1)), ("99999h", LONGEST)] {
            assert_eq!(duration(text), Ok(length));
        }
        for (text, problem) in
            [("0s", "longer than nothing"), ("99999h 1ns", "at most"), ("100000h", "at most")]
        {
            assert!(duration(text).unwrap_err().contains(problem), "{text}");
        }
    }
}
