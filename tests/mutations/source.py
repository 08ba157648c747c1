"""Where an edit of a mutation belongs in the source, and what the source says with it."""

import re

# Comments, strings and characters: a brace in there opens and closes nothing.
NO_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\bb?r(\#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\.[^'\n]*|[^'\\\n])'""", re.DOTALL
)
FUNCTION = re.compile(r"\bfn (\w+)")
IMPLEMENTATION = re.compile(
    r"^[ ]*impl(?:<[^{]*?>)?\s+(?:[^{]*?\sfor\s+)?(?P<type>\w+)[^{]*\{", re.MULTILINE
)
BRACKET = re.compile(r"[(){}]")


class Unfit(Exception):
    """An edit that does not fit the tree, and why."""


def code_of(text):
    """The text without what is no code, each character where it was."""
    return NO_CODE.sub(lambda found: " " * len(found[0]), text)


def functions(text):
    """Every function of a source file: its name, as `Type::name` if it is a method, its beginning and
    its end."""
    code = code_of(text)

    def end(start):
        depth = 0
        for bracket in BRACKET.finditer(code, start):
            depth += 1 if bracket[0] in "({" else -1
            if depth == 0 and bracket[0] == "}":
                return bracket.end()
        return len(code)

    types = [(one["type"], one.start(), end(one.start())) for one in IMPLEMENTATION.finditer(code)]
    found = []
    for one in FUNCTION.finditer(code):
        of = [name + "::" for name, begins, ends in types if begins < one.start() < ends]
        found.append(("".join(of) + one[1], one.start(), end(one.start())))
    return found


def body(text, begins, ends):
    """Where the body of a function begins, behind its brace, and ends, before its brace."""
    depth, code = 0, code_of(text)
    for bracket in BRACKET.finditer(code, begins, ends):
        if bracket[0] == "{" and depth == 0:
            return bracket.end(), ends - 1
        depth += 1 if bracket[0] in "({" else -1
    raise Unfit("has a function without a body")


def the_function(text, name):
    """The beginning and the end of the one that an edit names."""
    known = functions(text)
    called = [one for one in known if one[0] == name]
    called = called or [one for one in known if one[0].endswith("::" + name)]
    if len(called) != 1:
        raise Unfit(f"has {len(called)} functions `{name}`, not one")
    return called[0][1:]


def place(text, function, find):
    """Where the text to be replaced begins."""
    at = [one.start() for one in re.finditer(re.escape(find), text)]
    if function:
        begins, ends = the_function(text, function)
        at = [here for here in at if begins <= here < ends]
    if len(at) != 1:
        raise Unfit(f"has {len(at)} times, not once, in `{function or 'the whole file'}`: {find!r}")
    inside = [name for name, begins, ends in functions(text) if begins <= at[0] < ends]
    if inside and not function:
        raise Unfit(f"has this in `{inside[0]}`, which the edit does not name: {find!r}")
    return at[0]


def edited(mutation, root):
    """The files that a mutation changes, with their new text."""
    texts = {}
    for edit in mutation["edit"]:
        file, find = root / edit["file"], edit["find"]
        try:
            text = texts[file] if file in texts else file.read_text()
            at = place(text, edit.get("function"), find)
        except FileNotFoundError:
            raise Unfit(f"{edit['file']} is not there") from None
        except Unfit as problem:
            raise Unfit(f"{edit['file']} {problem}") from None
        texts[file] = text[:at] + edit["replace"] + text[at + len(find) :]
    return texts
