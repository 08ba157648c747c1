use super::error::EventError;
use super::fields::Fields;
use serde_json::Value;

/// Whether someone asks a function to examine itself: `{"doctor": {}}`, by a direct invocation.
///
/// # Errors
/// [`EventError`] names what stands beside it or in it: who asks for an examination shall not have given an
/// order as well.
pub fn asks_for_doctor(payload: &Value) -> Result<bool, EventError> {
    if payload.get("doctor").is_none() {
        return Ok(false);
    }
    let fields = Fields::of_root(payload)?;
    fields.only(&["doctor"])?;
    match fields.object("doctor")?.first() {
        None => Ok(true),
        Some(name) => {
            Err(fields.error(&format!("doctor.{name}"), "the doctor is asked with nothing in it"))
        }
    }
}
