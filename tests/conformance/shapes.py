"""Holds a value against a shape of a botocore service model: names, types, and every trait that the model has.

botocore's own validator looks at names, types and lower limits; upper limits, patterns and enums are looked at here.
"""

import regex

NUMBERS = {"integer": int, "long": int, "float": (int, float), "double": (int, float)}


def problems(shape, value, where):
    """Each way in which a value is not what its shape says, as a sentence."""
    kind = shape.type_name
    if kind == "structure":
        yield from of_structure(shape, value, where)
    elif kind == "list":
        yield from of_list(shape, value, where)
    elif kind == "map":
        if not isinstance(value, dict):
            yield f"{where} is no map: {value!r}"
            return
        for name, item in value.items():
            yield from problems(shape.key, name, f"{where} key")
            yield from problems(shape.value, item, f"{where}.{name}")
    else:
        yield from of_scalar(shape, value, where)


def of_structure(shape, value, where):
    """Members that the shape does not know, and those that it demands."""
    if not isinstance(value, dict):
        yield f"{where} is no structure: {value!r}"
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{where}.{name} is required, and missing"
    for name, item in value.items():
        if name not in shape.members:
            yield f"{where}.{name} is not in the model"
        elif item is None:
            yield f"{where}.{name} is null"
        else:
            yield from problems(shape.members[name], item, f"{where}.{name}")


def of_list(shape, value, where):
    """The length of a list, and its items."""
    if not isinstance(value, list):
        yield f"{where} is no list: {value!r}"
        return
    yield from of_size(shape, len(value), f"{where} (its length)")
    for number, item in enumerate(value):
        yield from problems(shape.member, item, f"{where}[{number}]")


def of_size(shape, size, where):
    """Whether a number, or a length, is within the limits of a shape."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{where} is {size}, and at least {least} is wanted"
    if most is not None and size > most:
        yield f"{where} is {size}, and at most {most} is allowed"


def of_scalar(shape, value, where):
    """A text, a number, a truth, a time."""
    kind = shape.type_name
    if kind == "boolean":
        if not isinstance(value, bool):
            yield f"{where} is no boolean: {value!r}"
    elif kind in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, NUMBERS[kind]):
            yield f"{where} is no {kind}: {value!r}"
        else:
            yield from of_size(shape, value, where)
    elif kind == "timestamp":
        # A year of this century, in whatever way it is written: seconds taken for milliseconds are none.
        seconds = value if isinstance(value, (int, float)) else getattr(value, "timestamp", lambda: 0)()
        if isinstance(value, bool) or not 946_684_800 <= seconds < 4_102_444_800:
            yield f"{where} is no time of this century: {value!r}"
    elif kind == "string":
        yield from of_text(shape, value, where)
    elif kind != "blob":
        yield f"{where} is a {kind}, which nobody has taught this test to check"


def of_text(shape, value, where):
    """The length, the pattern and the enum of a text."""
    if not isinstance(value, str):
        yield f"{where} is no text: {value!r}"
        return
    yield from of_size(shape, len(value), f"{where} (its length)")
    pattern = shape.metadata.get("pattern")
    # Not all of them are anchored, and all are meant for the whole text: one that ends in * would mean nothing.
    if pattern and not regex.fullmatch(pattern, value):
        yield f"{where} is {value!r}, which does not match {pattern}"
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{where} is {value!r}, which is none of {sorted(shape.enum)}"
