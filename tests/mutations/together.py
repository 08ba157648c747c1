"""Many mutations in one program, each alive where the variable PLANTED has its number: to build each alone takes
longer than to run what must notice it.

A function that mutations change gets their bodies beside its own. What is not in a function's body, and what does
not compile beside the others, is built alone.
"""

import collections
import json
import re
import subprocess

from source import Unfit, body, functions, place, the_function

CRATE = "shared/src/"
ALIVE = """//! Which planted mutation is alive.

/// Whether it is this one.
#[must_use]
pub fn is(number: usize) -> bool {
    static ALIVE: std::sync::OnceLock<Option<usize>> = std::sync::OnceLock::new();
    *ALIVE.get_or_init(|| std::env::var("PLANTED").ok()?.parse().ok()) == Some(number)
}
"""


def bodies(mutation, root):
    """The changed bodies of a mutation by file and by function, if it changes nothing else."""
    changed = {}
    for edit in mutation["edit"]:
        file, name, find = edit["file"], edit.get("function"), edit["find"]
        if not name or not file.startswith(CRATE):
            raise Unfit("is no function of the shared crate")
        text = (root / file).read_text()
        begins, ends = the_function(text, name)
        inner, outer = body(text, begins, ends)
        if re.search(r"\bconst\s*$", text[:begins]) or "-> impl" in text[begins:inner]:
            raise Unfit(f"has a function with one body alone, `{name}`")
        if place(text, name, find) < inner:
            raise Unfit(f"has the edit in the head of `{name}`")
        of_it = changed.setdefault((file, begins), text[inner:outer])
        if of_it.count(find) != 1:
            raise Unfit(f"has two edits of one place in `{name}`")
        changed[file, begins] = of_it.replace(find, edit["replace"])
    return changed


def combined(numbered, root):
    """The texts of all files with all bodies, and for each line of them whose it is."""
    by_function = collections.defaultdict(lambda: collections.defaultdict(list))
    for number, changed in numbered.items():
        for (file, begins), inner in changed.items():
            by_function[file][begins].append((number, inner))
    texts, owners = {}, {}
    for file, changed in by_function.items():
        text, at = (root / file).read_text(), 0
        parts = []
        for begins in sorted(changed):
            ends = next(ends for _, here, ends in functions(text) if here == begins)
            inner, outer = body(text, begins, ends)
            numbers = [number for number, _ in changed[begins]]
            parts.append((text[at:inner], ()))
            for number, other in changed[begins]:
                parts.append((f"\nif crate::planted::is({number}) {{{other}}} else ", (number,)))
            parts.append(("{" + text[inner:outer] + "}\n", tuple(numbers)))
            at = outer
        parts.append((text[at:], ()))
        texts[file], line = "", 1
        owners[file] = {}
        for part, whose in parts:
            for here in range(line, line + part.count("\n") + 1):
                owners[file][here] = whose or owners[file].get(here, ())
            line += part.count("\n")
            texts[file] += part
    return texts, owners


def refused(tree, target, owners):
    """The numbers that the compiler has something against, or `None` if it has nothing."""
    command = ["cargo", "check", "--locked", "--package", "session-cleanup", "--target-dir", target]
    ran = subprocess.run([*command, "--message-format", "json"], cwd=tree, capture_output=True, text=True)
    if ran.returncode == 0:
        return None
    numbers = set()
    for line in ran.stdout.splitlines():
        message = json.loads(line).get("message") or {}
        if message.get("level") != "error":
            continue
        spans = [(s["file_name"], s["line_start"]) for s in message.get("spans", [])]
        whose = [owners.get(file, {}).get(line, ()) for file, line in spans]
        # Where it is in a body that is one mutation's, that one is meant.
        alone = [one for one in whose if len(one) == 1]
        numbers.update(*(alone or whose))
    if not numbers:
        raise SystemExit(f"what is planted does not compile:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")
    return numbers


def plant(mutations, tree, target):
    """Writes all that can be into the tree; the answer is the number of each mutation that is planted there."""
    numbered = {}
    for number, mutation in enumerate(mutations):
        try:
            numbered[number] = bodies(mutation, tree)
        except Unfit:
            continue
    before = {file: (tree / file).read_text() for changed in numbered.values() for file, _ in changed}
    library = tree / CRATE / "lib.rs"
    (tree / CRATE / "planted.rs").write_text(ALIVE)
    library.write_text(library.read_text() + "\npub mod planted;\n")
    while True:
        texts, owners = combined(numbered, tree)
        for file, text in texts.items():
            (tree / file).write_text(text)
        against = refused(tree, target, owners)
        if against is None:
            return {mutations[number]["name"]: number for number in numbered}
        for number in against:
            numbered.pop(number, None)
        for file, text in before.items():
            (tree / file).write_text(text)
