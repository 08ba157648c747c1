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
