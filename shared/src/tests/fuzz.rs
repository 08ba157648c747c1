//! Documents at random, for everything that reads what comes from outside: samples with a few odd things in them,
//! and bytes that are no document at all.
//!
//! Each test named `whatever_…` runs over the same seeds each time. `FUZZ_SECONDS` makes it go on for so long with
//! others, and `FUZZ_SEED` runs a single one again (`make fuzz`).

use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// So many documents in each run of the tests.
const CASES: u64 = 1_500;

/// What nobody expects where a name, a time or a number stands.
static ODD: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut odd: Vec<Value> = [
        "",
        " ",
        ".",
        "..",
        "/",
        "a/b",
        "../x",
        "%2e%2e%2f",
        "a%00b",
        "\\",
        "*",
        "null",
        "0",
        "-1",
        "{}",
        "a\u{0}b",
        "a\nb",
        "\u{1b}[31m",
        "\u{9b}",
        "\u{202e}",
        "\u{200b}",
        "\u{feff}",
        "é",
        "漢",
        "😀",
        "true",
        "false",
        "RUNNING",
        "STOPPED",
        "service:x",
        "session-cleanup: x",
        "aws.ecs",
        "enforce",
        "9999-12-31T23:59:59.999999999Z",
        "-009999-01-02T01:59:59Z",
        "2026-11-26T12:00:00",
        "2026-11-26T12:00:00+14:00",
        "2026-11-26T12:00:60Z",
        "2016-12-31T23:59:60Z",
        "1970-01-01T00:00:00Z",
        "2026-11-26t12:00:00z",
        "2026-11-26T12:00:00Z[UTC]",
        "2026-11-26T12:00:00Z[\n]",
        "18446744073709551616",
        "1e400",
        "584542046y",
        "18446744073709551615s",
        "1ns",
        "0s",
        "255.255.255.255:65536",
        "10.0.0.1:0",
        "010.0.0.1",
        "::1",
        "arn:",
        "arn:aws:ecs:us-east-1:000000000000:task/sessions/x",
        "arn:a\nb:ecs:us-east-1:000000000000:task/sessions/x",
        "arn:aws:ecs:..:000000000000:task/sessions/x",
        "arn:aws:ecs:us-east-1:000000000000:task/x",
        "arn:aws:ecs:us-east-1:000000000000:cluster/sessions",
    ]
    .map(Value::from)
    .to_vec();
    odd.extend(
        ["x".repeat(129), "9".repeat(400), "\u{7}".repeat(70_000), "é".repeat(3_000)]
            .map(Value::from),
    );
    odd.extend([
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!([]),
        json!({}),
        json!([[[[[[[[]]]]]]]]),
        json!({"\u{1b}[2J": {"\u{0}": "x"}}),
    ]);
    odd
});

/// A document of thrown bytes.
pub(crate) fn document(samples: &[Value], bytes: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = bytes.split_first() else { return Vec::new() };
    if *first < 12 {
        return rest.to_vec();
    }
    let mut document = samples[usize::from(*first) % samples.len()].clone();
    let mut pairs = rest.chunks_exact(3);
    for change in pairs.by_ref().take(usize::from(*first % 4)) {
        let mut at = usize::from(change[0]) % nodes(&document);
        alter(&mut document, &mut at, change[1], change[2]);
    }
    let mut text = serde_json::to_vec(&document).unwrap();
    // And now and then what is no JSON any more.
    if *first > 220
        && let Some(change) = pairs.next()
    {
        let at = usize::from(change[0]) * text.len() / 256;
        match change[1] % 4 {
            0 => text.truncate(at),
            1 => text[at] = change[2],
            2 => text.splice(at..at, b"[".repeat(5_000)).for_each(drop),
            _ => text.splice(at..at, br#""a":"b","a":1,"#.iter().copied()).for_each(drop),
        }
    }
    text
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(nodes).sum(),
        Value::Object(map) => map.values().map(nodes).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Alters the value that is `at` steps away.
fn alter(value: &mut Value, at: &mut usize, how: u8, what: u8) {
    if *at == 0 {
        let odd = &ODD[usize::from(what) % ODD.len()];
        match (value, odd) {
            // In the middle of a text.
            (Value::String(text), Value::String(odd)) if how < 100 => {
                let middle = text.char_indices().nth(text.chars().count() / 2);
                text.insert_str(middle.map_or(0, |(at, _)| at), odd);
            }
            (Value::Object(map), odd) if how < 100 => {
                let name = map.keys().nth(usize::from(how) % map.len().max(1)).cloned();
                map.remove(&name.unwrap_or_default());
                if let Value::String(name) = odd {
                    map.insert(name.clone(), odd.clone());
                }
            }
            (Value::Array(list), odd) if how < 100 => {
                let one = list.first().cloned().unwrap_or_else(|| odd.clone());
                list.extend(std::iter::repeat_n(one, usize::from(how)));
            }
            (value, odd) => *value = odd.clone(),
        }
        *at = usize::MAX;
        return;
    }
    *at -= 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(list) => list.iter_mut().collect(),
        Value::Object(map) => map.values_mut().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for child in children {
        alter(child, at, how, what);
        if *at == usize::MAX {
            return;
        }
    }
}

/// The same as a text, where the samples are texts.
pub(crate) fn text(samples: &[&str], bytes: &[u8]) -> String {
    let samples: Vec<Value> = samples.iter().map(|text| Value::from(*text)).collect();
    let document = document(&samples, bytes);
    match serde_json::from_slice(&document) {
        Ok(Value::String(text)) => text,
        Ok(_) | Err(_) => String::from_utf8_lossy(&document).into_owned(),
    }
}

fn thrown(seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; rng.usize(0..40)];
    rng.fill(&mut bytes);
    bytes
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Says which seed it was.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("Again with FUZZ_SEED={}: {:?}", self.0, thrown(self.0));
        }
    }
}

/// Runs a check of thrown bytes: see the top of this file.
pub(crate) fn whatever(check: impl Fn(&[u8])) {
    let once = |seed| {
        let _seed = Seed(seed);
        check(&thrown(seed));
    };
    if let Some(seed) = number("FUZZ_SEED") {
        return once(seed);
    }
    (0..CASES).for_each(once);
    let Some(seconds) = number("FUZZ_SECONDS") else { return };
    let (began, mut more) = (Instant::now(), 0_u64);
    while began.elapsed() < Duration::from_secs(seconds) {
        once(fastrand::u64(..));
        more += 1;
    }
    println!("{more} more in {seconds} s");
}

/// What people and logs are told holds no more than a bounded piece of what came in, and nothing that moves a
/// cursor.
pub(crate) fn is_fit_to_be_shown(text: &str) {
    let length = text.chars().count();
    assert!(length <= 1_500, "{length}: {}", text.chars().take(300).collect::<String>());
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
