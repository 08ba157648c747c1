/// A stack's name, as it stands in the dimension of metrics.
pub(super) fn stack_name(text: &str) -> Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.';
    if (1..=128).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a stack's name has 1 to 128 of A-Z a-z 0-9 - _ .")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_named_as_cloudformation_and_the_dimension_of_a_metric_may_be() {
        assert_eq!(stack_name("Clean-up_2.b").as_deref(), Ok("Clean-up_2.b"));
        assert!(stack_name(&"x".repeat(128)).is_ok());
        for wrong in ["", "a b", "a/b", "a:b", "é", &"x".repeat(129)] {
            assert!(stack_name(wrong).is_err(), "{wrong}");
        }
    }
}
