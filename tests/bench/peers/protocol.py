"""How the benchmark and a peer talk.

The peer prints a line `ready`, reads an order as one line of JSON, does the work, and prints a line
`done`. What comes before `ready` (imports, clients) is not measured.
"""

import json
import sys
from collections.abc import Callable
from typing import NamedTuple


class Session(NamedTuple):
    """A session that is to be cleaned up, and its task."""

    session_id: str
    task_arn: str


class Order(NamedTuple):
    """What is to be done, and where."""

    cluster: str
    target_group_arn: str
    artifact_bucket: str
    family: str
    sessions: list[Session]


def serve(work: Callable[[Order], None]) -> None:
    """Does the one order that comes in."""
    print("ready", flush=True)
    fields = json.loads(sys.stdin.readline())
    fields["sessions"] = [Session(**session) for session in fields["sessions"]]
    work(Order(**fields))
    print("done", flush=True)
