"""Holds recorded exchanges against AWS's service models.

Takes a file of exchanges, one a line; prints {"problems": [...], "operations": {...}, "exchanges": n, "answers": n}.
"""

import json
import sys
from collections import Counter

import answers
from shapes import problems as of_value
from wire import Unreadable, read


def members_of(value, name=""):
    """The names of all members that a call uses."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from members_of(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for item in value:
            yield from members_of(item, f"{name}[]")
    else:
        yield name


def main():
    """Reads every exchange, and counts what is wrong with each kind of call."""
    problems, operations, answered, seen = Counter(), {}, Counter(), 0
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            exchange = json.loads(line)
            seen += 1
            try:
                call = read(exchange)
            except Unreadable as problem:
                problems[f"request {exchange['method']} {exchange['uri']}: {problem}"] += 1
                continue
            except (ValueError, KeyError) as problem:
                problems[f"request {exchange['method']} {exchange['uri']}: unreadable, {problem!r}"] += 1
                continue
            operations.setdefault(str(call), set()).update(members_of(call.members))
            shape = call.operation.input_shape
            for problem in of_value(shape, call.members, "request"):
                problems[f"{call}, request: {problem}"] += 1
            answer = exchange["answer"]
            if answer is not None:
                answered[f"{call} {answer['status']}"] += 1
                for problem in answers.problems(call, answer):
                    problems[f"{call}, answer {answer['status']}: {problem}"] += 1
    for name, members in sorted(operations.items()):
        print(f"{name}: {', '.join(sorted(members))}", file=sys.stderr)
    result = {
        "problems": [f"{problem} ({count} times)" for problem, count in problems.most_common(40)],
        "operations": {name: sorted(members) for name, members in operations.items()},
        "answered": dict(sorted(answered.items())),
        "exchanges": seen,
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
