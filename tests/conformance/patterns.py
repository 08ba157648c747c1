"""Asks moto's matcher of event patterns which of the template's rules take an event.

Takes the transformed template, and reads {"parameters": {...}, "events": [...]}; prints a list of names of rules for
each event.
"""

import json
import sys

from moto.events.models import EventPattern
from stack import Stack


def main():
    """Every rule that has a pattern, against every event."""
    with open(sys.argv[1], encoding="utf-8") as file:
        template = json.load(file)
    asked = json.load(sys.stdin)
    stack = Stack(template, asked["parameters"])
    patterns = {}
    for name, resource in template["Resources"].items():
        pattern = resource["Properties"].get("EventPattern") if resource["Type"] == "AWS::Events::Rule" else None
        if pattern:
            patterns[name] = EventPattern.load(json.dumps(stack.resolve(pattern)))
    taken = [[name for name, pattern in patterns.items() if pattern.matches_event(event)] for event in asked["events"]]
    json.dump(taken, sys.stdout)


if __name__ == "__main__":
    main()
