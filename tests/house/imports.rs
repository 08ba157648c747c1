//! Imports of the library run one way: from what one invocation does down to what a session is.

use crate::files;
use std::collections::{BTreeMap, BTreeSet};

/// The modules of the library, from the top down. Each knows only those after it.
const LAYERS: [&[&str]; 14] = [
    &["completion", "reaper"],
    &["doctor"],
    &["sweep"],
    &["spawned_cleanup"],
    &["cleanup"],
    &["removal"],
    &["context", "task_snapshots"],
    &["metrics"],
    &["container"],
    &["aws"],
    &["event"],
    &["config"],
    &["session"],
    &["clock", "deadline", "telemetry"],
];

/// A module by its path from the crate's root: `cleanup::stop`.
type Module = String;

/// The library without its tests: each module with its text.
fn library() -> BTreeMap<Module, String> {
    let of_file = |(path, text): (String, String)| {
        let module = path.strip_prefix("shared/src/")?.strip_suffix(".rs")?.replace('/', "::");
        let is_test = module.split("::").any(|part| part == "tests");
        let (product, _tests) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        (!is_test && module != "lib").then(|| (module, product.to_owned()))
    };
    files("shared/src", &[".rs"]).into_iter().filter_map(of_file).collect()
}

/// Every path that a text names from the root of the crate or from a parent, in full.
fn named(module: &str, text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    for (start, root) in [("crate::", ""), ("super::", parent(module))] {
        for (at, _) in code.match_indices(start) {
            // `super::super::` is found twice; the house has no need of it.
            let rest = &code[at + start.len()..];
            assert!(!rest.starts_with("super::"), "{module} climbs more than one floor");
            let before = &code[..at];
            // `pub(in crate::sweep)` says who may import, not what is imported.
            let is_visibility = before.ends_with("(in ");
            let is_whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if is_whole && !is_visibility {
                expand(root, rest, &mut paths);
            }
        }
    }
    for child in text.lines().filter_map(declared) {
        paths.extend(uses_of(&code, child).into_iter().map(|path| format!("{module}::{path}")));
    }
    paths
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`, each below `root`.
fn expand(root: &str, text: &str, paths: &mut Vec<String>) {
    let end =
        text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(text.len());
    let path = join(root, text[..end].trim_end_matches(':'));
    if !text[end..].starts_with('{') || !text[..end].ends_with("::") && end > 0 {
        paths.push(path);
        return;
    }
    let mut depth = 0;
    let mut item = String::new();
    for c in text[end..].chars() {
        match c {
            '{' if depth == 0 => depth = 1,
            ',' if depth == 1 => expand(&path, std::mem::take(&mut item).trim(), paths),
            '}' if depth == 1 => {
                expand(&path, item.trim(), paths);
                return;
            }
            other => {
                depth += i32::from(other == '{') - i32::from(other == '}');
                item.push(other);
            }
        }
    }
}

fn join(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}::{path}") }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

/// The module that `mod name;` declares.
fn declared(line: &str) -> Option<&str> {
    let (_, rest) = line.trim().split_once("mod ")?;
    rest.strip_suffix(';')
}

/// What a module uses of its child `name`, which it may name without a root.
fn uses_of(code: &str, name: &str) -> Vec<String> {
    let is_used = code.lines().any(|line| line.contains(&format!("use {name}::")));
    if is_used { vec![name.to_owned()] } else { Vec::new() }
}

/// The module in which a path ends: its longest beginning that is a module.
fn module_of(path: &str, library: &BTreeMap<Module, String>) -> Option<Module> {
    let mut path = path;
    loop {
        if library.contains_key(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// Which module imports which.
fn imports(library: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let of = |(module, text): (&Module, &String)| {
        let named = named(module, text).into_iter();
        let targets = named.filter_map(|path| module_of(&path, library));
        (module.clone(), targets.filter(|target| target != module).collect())
    };
    library.iter().map(of).collect()
}

fn layer(module: &str) -> usize {
    let top = module.split("::").next().unwrap_or_default();
    let found = LAYERS.iter().position(|layer| layer.contains(&top));
    found.unwrap_or_else(|| panic!("{module} has no place in the layers"))
}

#[test]
fn imports_run_from_the_top_down() {
    let library = library();
    let imports = imports(&library);
    let edges = imports.values().map(BTreeSet::len).sum::<usize>();
    assert!(edges > 200, "only {edges} imports are seen: the test can't tell");
    for (module, targets) in imports {
        for target in targets {
            let same_wing = module.split("::").next() == target.split("::").next();
            assert!(same_wing || layer(&module) < layer(&target), "{module} imports {target}");
        }
    }
}

#[test]
fn no_two_files_import_each_other_by_whatever_way() {
    let imports = imports(&library());
    for start in imports.keys() {
        let mut reached: BTreeSet<&Module> = BTreeSet::new();
        let mut next: Vec<&Module> = imports[start].iter().collect();
        while let Some(module) = next.pop() {
            assert_ne!(module, start, "{start} imports itself by way of {reached:?}");
            if reached.insert(module) {
                next.extend(&imports[module]);
            }
        }
    }
}

#[test]
fn an_import_that_runs_back_up_is_seen() {
    let library = BTreeMap::from([
        ("sweep".to_owned(), "mod act;\nuse act::act;".to_owned()),
        (
            "sweep::act".to_owned(),
            "use super::Acted;\nuse crate::{session, config::{self, Sweep}};".to_owned(),
        ),
        ("session".to_owned(), String::new()),
        ("config".to_owned(), String::new()),
    ]);
    let imports = imports(&library);
    assert!(imports["sweep"].contains("sweep::act"));
    let seen: Vec<&str> = imports["sweep::act"].iter().map(String::as_str).collect();
    assert_eq!(seen, ["config", "session", "sweep"]);
}
