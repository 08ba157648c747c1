/// A stack's name, as it stands in the dimension of metrics.
pub(super) fn stack_name(text: &str) -> Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.';
    if (1..=128).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a stack's name has 1 to 128 of A-Z a-z 0-9 - _ .")
    }
}
