"""Holds the details of "ECS Task State Change" events against ECS's shape of a task.

Reads a list of events, and prints {"problems": [...]}. Times are texts here and numbers there, an event has the time
of its change, and the tags are left out (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html).
"""

import json
import sys
from datetime import datetime

from shapes import problems
from wire import MODELS


def with_times(shape, value):
    """A value whose texts are times where the shape says so."""
    if shape.type_name == "structure" and isinstance(value, dict):
        members = shape.members
        return {name: with_times(members[name], item) if name in members else item for name, item in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [with_times(shape.member, item) for item in value]
    return datetime.fromisoformat(value.replace("Z", "+00:00")) if shape.type_name == "timestamp" else value


def main():
    """Every event that is one of a task."""
    shape, found = MODELS["ecs"].shape_for("Task"), []
    for name, event in json.load(sys.stdin):
        detail = dict(event["detail"])
        detail.pop("updatedAt", None)
        if "tags" in detail:
            found.append(f"{name} has tags")
        found += [f"{name}: {problem}" for problem in problems(shape, with_times(shape, detail), "detail")]
    json.dump({"problems": found}, sys.stdout)


if __name__ == "__main__":
    main()
