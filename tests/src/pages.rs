//! What the pages quote, taken out of them: Logs Insights queries, programs of `jq`, commands, and what stands
//! between backticks.

mod query;

pub use query::{Compared, Query};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its path from the root.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A fenced block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// What stands behind its fence: `sh`, or nothing.
    pub language: &'a str,
    /// What stands in it.
    pub text: &'a str,
}

impl Page {
    /// The page at this path from the root.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(Path::new(ROOT).join(path));
        Self { path: path.to_owned(), text: text.expect("a page") }
    }

    /// Every page below a folder of the root.
    ///
    /// # Panics
    /// Where it can't be read.
    #[must_use]
    pub fn below(folder: &str) -> Vec<Self> {
        let entries = fs::read_dir(Path::new(ROOT).join(folder)).expect("a folder");
        let mut pages = Vec::new();
        for entry in entries {
            let entry = entry.expect("an entry");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type().expect("a type").is_dir() {
                pages.extend(Self::below(&path));
            } else if Path::new(&path).extension().is_some_and(|ending| ending == "md") {
                pages.push(Self::read(&path));
            }
        }
        pages.sort_by(|one, other| one.path.cmp(&other.path));
        pages
    }

    /// The README and all of `docs`.
    #[must_use]
    pub fn all() -> Vec<Self> {
        [Self::read("README.md")].into_iter().chain(Self::below("docs")).collect()
    }

    /// Its fenced blocks.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let inside = self.text.split("```").skip(1).step_by(2);
        inside
            .filter_map(|block| {
                let (language, text) = block.split_once('\n')?;
                Some(Block { language: language.trim(), text })
            })
            .collect()
    }

    /// What stands between backticks outside of the blocks, on one line each.
    #[must_use]
    pub fn inline(&self) -> Vec<String> {
        let prose: String = self.text.split("```").step_by(2).collect();
        let quotes = prose.split('`').skip(1).step_by(2);
        quotes.map(|quote| quote.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// Its Logs Insights queries.
    #[must_use]
    pub fn queries(&self) -> Vec<Query> {
        let unnamed = self.blocks().into_iter().filter(|block| block.language.is_empty());
        let blocks = unnamed.map(|block| block.text.to_owned());
        blocks.chain(self.inline()).filter_map(|text| Query::parse(&text)).collect()
    }

    /// What programs of `jq` ask for: paths of fields, as `cleanup.outcome`.
    #[must_use]
    pub fn asked_of_jq(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        let shell = self.blocks().into_iter().filter(|block| block.language == "sh");
        for rest in shell.flat_map(|block| block.text.split("jq ").skip(1)) {
            let Some(program) = rest.split('\'').nth(1).filter(|_| !rest.starts_with('.')) else {
                continue;
            };
            let is_of_a_path = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
            let words = program.split(|c| !is_of_a_path(c));
            let asked = words.filter_map(|word| word.strip_prefix('.'));
            paths.extend(asked.filter(|path| !path.is_empty()).map(str::to_owned));
        }
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page { path: "a page".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn blocks_and_what_stands_between_backticks_are_told_apart() {
        let page = page("Look at `one\nthing`.\n```sh\necho `date`\n```\nand `another`.\n");
        assert_eq!(page.blocks(), [Block { language: "sh", text: "echo `date`\n" }]);
        assert_eq!(page.inline(), ["one thing", "another"]);
    }

    #[test]
    fn a_program_of_jq_asks_for_its_paths() {
        let page =
            page("```sh\njq -r '.tasks[] | [.row, .cleanup.outcome] | @tsv' report.json\n```");
        let asked: Vec<String> = page.asked_of_jq().into_iter().collect();
        assert_eq!(asked, ["cleanup.outcome", "row", "tasks"]);
    }
}
