"""The coordinator of `before.py`, with this system: it says that a session is over, and is done.

It starts one Fargate task for each session and calls the session's container by its address. While it lives,
it renews the lease of each task. When a session is over, it forgets it, and then puts one event on the bus.
"""

import atexit
import http.client
import json
import logging
import signal
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

import boto3

log = logging.getLogger("coordinator")

PORT = 8080
MOST_FAILURES = 5
MOST_EVENTS = 5


class Coordinator:
    """Runs sessions. Each may run in a thread of its own."""

    def __init__(self, cluster, task_definition, network, target_group, poll=5, lease=1800, renewal=600):
        self.cluster = cluster
        self.task_definition = task_definition
        self.network = network
        self.target_group = target_group
        self.poll = poll
        self.lease = timedelta(seconds=lease)
        self.renewal = renewal  # seconds, fewer than the stack's `LeaseGrace`
        self.ecs = boto3.client("ecs")
        self.load_balancer = boto3.client("elbv2")
        self.events = boto3.client("events")
        self.tasks = {}  # by session
        self.addresses = {}  # by session
        self.clients = {}  # by address
        self.failures = {}  # by address: how many requests in a row went wrong
        threading.Thread(target=self.renew_leases, daemon=True).start()
        atexit.register(self.end_all)
        # A process that is told to stop runs no such handler by itself.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    def run(self, session_id, work):
        """Runs a session from its first moment to its last: `work` gets what calls its container."""
        try:
            self.start(session_id)
            return work(lambda method, path, body=None: self.call(session_id, method, path, body))
        finally:
            self.end(session_id)

    def start(self, session_id):
        """Starts a task, waits for its address, and registers that with the load balancer."""
        answer = self.ecs.run_task(
            cluster=self.cluster,
            taskDefinition=self.task_definition,
            launchType="FARGATE",
            networkConfiguration=self.network,
            overrides={"containerOverrides": [{
                "name": "session",
                "environment": [{"name": "SESSION_ID", "value": session_id}],
            }]},
            tags=self.lease_from_now(),
        )
        if answer["failures"]:
            raise RuntimeError(f"no task for session {session_id}: {answer['failures']}")
        task_arn = self.tasks[session_id] = answer["tasks"][0]["taskArn"]
        self.ecs.get_waiter("tasks_running").wait(
            cluster=self.cluster, tasks=[task_arn], WaiterConfig={"Delay": self.poll}
        )
        address = self.address_of(task_arn)
        self.addresses[session_id] = address
        self.clients[address] = http.client.HTTPConnection(address, PORT, timeout=60)
        self.failures[address] = 0
        targets = [{"Id": address, "Port": PORT}]
        self.load_balancer.register_targets(TargetGroupArn=self.target_group, Targets=targets)

    def address_of(self, task_arn):
        """The address of a task that runs."""
        task = self.ecs.describe_tasks(cluster=self.cluster, tasks=[task_arn])["tasks"][0]
        details = task["attachments"][0]["details"]
        return next(one["value"] for one in details if one["name"] == "privateIPv4Address")

    def lease_from_now(self):
        """The tag that keeps the reaper away from a task for a while."""
        until = datetime.now(timezone.utc) + self.lease
        return [{"key": "lease-expires-at", "value": until.isoformat()}]

    def renew_leases(self):
        """Extends the leases of all sessions, turn after turn, as long as this process lives."""
        while True:
            time.sleep(self.renewal)
            for session_id, task_arn in list(self.tasks.items()):
                try:
                    self.ecs.tag_resource(resourceArn=task_arn, tags=self.lease_from_now())
                except Exception:
                    log.exception("the lease of session %s: again at the next turn", session_id)
                time.sleep(0.1)  # AWS allows an account ten TagResource calls a second

    def call(self, session_id, method, path, body=None):
        """One request to the session's container; it must be one that may be repeated."""
        address = self.addresses[session_id]
        client = self.clients[address]
        while True:
            try:
                client.request(method, path, body)
                answer = client.getresponse()
                content = answer.read()
                self.failures[address] = 0
                return answer.status, content
            except (OSError, http.client.HTTPException):
                client.close()
                self.failures[address] += 1
                if self.failures[address] >= MOST_FAILURES:
                    raise
                time.sleep(self.poll)

    def end(self, session_id):
        """Forgets the session, and only then says that it is over.

        Once the event is out, the address may be another session's at any moment: a client that is kept would
        talk to a stranger, and forgetting by address would forget the stranger's.
        """
        task_arn = self.tasks.pop(session_id, None)
        address = self.addresses.pop(session_id, None)
        client = self.clients.pop(address, None)
        if client:
            client.close()
        self.failures.pop(address, None)
        if task_arn:
            self.say_that_it_is_over(session_id, task_arn)

    def end_all(self):
        """Ends all sessions that are left, as this process ends."""
        for session_id in list(self.tasks):
            self.end(session_id)

    def say_that_it_is_over(self, session_id, task_arn):
        """Puts the event on the bus. Where that never works, the lease runs out, and the reaper comes."""
        detail = {
            "session_id": session_id,
            "task_arn": task_arn,
            "ended_at": datetime.now(timezone.utc).isoformat(),
        }
        entry = {
            "Source": "session.lifecycle",
            "DetailType": "Session Ended",
            "Detail": json.dumps(detail),
        }
        for attempt in range(MOST_EVENTS):
            time.sleep(attempt)
            try:
                # PutEvents answers 200 even where an entry failed.
                answer = self.events.put_events(Entries=[entry])
                if not answer["FailedEntryCount"]:
                    return
                log.warning("the end of session %s is not taken: %s", session_id, answer["Entries"])
            except Exception:
                log.exception("the end of session %s is not said", session_id)
