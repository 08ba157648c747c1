"""Runs one session of a coordinator, in step with the test that started it.

Each moment is a line of JSON. The test reads it, and answers with a line when the story may go on.
"""

import importlib.util
import json
import sys
import time
from types import SimpleNamespace

import boto3

program, session_id, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
calls = []  # the names of the AWS calls since the last moment
coordinator, client = None, None


def moment(**seen):
    print(json.dumps({"calls": list(calls), **seen}), flush=True)
    answer = sys.stdin.readline().strip()
    calls.clear()
    return answer


def called(model, **_):
    calls.append(model.name)
    if model.name == "PutEvents":
        books = [coordinator.tasks, coordinator.addresses, coordinator.clients, coordinator.failures]
        known, connected = [len(book) for book in books], client.sock is not None
        if moment(still_known=known, still_connected=connected) == "not taken":
            return SimpleNamespace(status_code=200), {"FailedEntryCount": 1, "Entries": [{}]}
    return None


def work(call):
    global client
    (client,) = coordinator.clients.values()
    status, body = call("GET", "/health")
    moment(status=status, body=json.loads(body), connected=client.sock is not None)
    return time.monotonic()


boto3.setup_default_session()
boto3.DEFAULT_SESSION.events.register("before-call", called)
spec = importlib.util.spec_from_file_location("coordinator", program)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
coordinator = module.Coordinator(**settings)
since = coordinator.run(session_id, work)
moment(blocked_for=time.monotonic() - since)
