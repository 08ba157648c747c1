"""Tells the simulated AWS, as it is served, and a moto server the same, and compares their answers point by point.

Takes the endpoint of the former; prints {"differences": [...], "steps": [...], "points": n}. What may differ is listed in
differences.json.
"""

import json
import sys

import calls_of_objects  # noqa: F401
import calls_of_targets  # noqa: F401
from calls import STEPS
from sides import moto, simulated


def points(value, where=""):
    """Every leaf of an answer, by its path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from points(item, f"{where}.{key}" if where else key)
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from points(item, f"{where}[{number}]")
    else:
        yield where, value


def said(side, step):
    """The points of a side's answer. That a step can't even be told is an answer, too."""
    try:
        return dict(points(side.plain(step(side))))
    except Exception as problem:  # noqa: BLE001
        return {"": f"{type(problem).__name__}: {problem}"}


def compared(ours, theirs):
    """The points to compare. Where one side succeeds and the other fails, what comes with it is no other difference."""
    every = sorted(set(ours) | set(theirs))
    if ours.get("answer") == theirs.get("answer"):
        return every
    return [point for point in every if point in ours and point in theirs or point.startswith("then")]


def main():
    """Both sides, step by step."""
    differences, seen = [], 0
    our_side = simulated(sys.argv[1])
    their_side, stop = moto()
    try:
        for sentence, step in STEPS:
            ours, theirs = said(our_side, step), said(their_side, step)
            for point in compared(ours, theirs):
                seen += 1
                here, there = ours.get(point, "absent"), theirs.get(point, "absent")
                if here != there:
                    differences.append({"step": sentence, "point": point, "ours": here, "moto": there})
    finally:
        stop()
    json.dump({"differences": differences, "steps": [sentence for sentence, _ in STEPS], "points": seen}, sys.stdout)


if __name__ == "__main__":
    main()
