use crate::aws::CallError;
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use std::future::Future;

/// Reads the objects of `keys`, so many at once, in their order. What is gone is left out; what can't be read is
/// a problem, one sentence each.
pub(super) async fn read_all<T: Send, F: Future<Output = Result<Option<T>, CallError>> + Send>(
    keys: Vec<String>,
    at_once: usize,
    problems: &mut Vec<String>,
    read: impl Fn(String) -> F,
) -> Vec<T> {
    let reads: Vec<_> = keys.into_iter().map(|key| read(key).boxed()).collect();
    let mut objects = Vec::new();
    for answer in stream::iter(reads).buffered(at_once).collect::<Vec<_>>().await {
        match answer {
            Ok(object) => objects.extend(object),
            Err(error) => problems.push(error.to_string()),
        }
    }
    objects
}
