"""A session coordinator as platforms have it today: it cleans up after itself.

It starts one Fargate task for each session and calls the session's container by its address. When the
session is over, it asks the container to upload, waits until S3 has the artifacts, deregisters the target,
waits until that has drained, and stops the task: one after another, while the caller waits.
"""

import atexit
import http.client
import json
import logging
import signal
import sys
import time

import boto3

log = logging.getLogger("coordinator")

PORT = 8080
MARKER = "debug/session_status.json"
MOST_FAILURES = 5
MOST_UPLOADS = 3


class Coordinator:
    """Runs sessions. Each may run in a thread of its own."""

    def __init__(self, cluster, task_definition, network, target_group, bucket, poll=5):
        self.cluster = cluster
        self.task_definition = task_definition
        self.network = network
        self.target_group = target_group
        self.bucket = bucket
        self.poll = poll
        self.ecs = boto3.client("ecs")
        self.load_balancer = boto3.client("elbv2")
        self.s3 = boto3.client("s3")
        self.tasks = {}  # by session
        self.addresses = {}  # by session
        self.clients = {}  # by address
        self.failures = {}  # by address: how many requests in a row went wrong
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
        self.load_balancer.register_targets(**self.target(address))

    def address_of(self, task_arn):
        """The address of a task that runs."""
        task = self.ecs.describe_tasks(cluster=self.cluster, tasks=[task_arn])["tasks"][0]
        if task["lastStatus"] != "RUNNING":
            raise RuntimeError(f"{task_arn} is {task['lastStatus']}")
        details = task["attachments"][0]["details"]
        return next(one["value"] for one in details if one["name"] == "privateIPv4Address")

    def target(self, address):
        """An address in the target group, as the calls of the load balancer name it."""
        targets = [{"Id": address, "Port": PORT}]
        return {"TargetGroupArn": self.target_group, "Targets": targets}

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
        """Cleans up after the session; whoever ends it waits for all of it."""
        if session_id not in self.tasks:
            return
        try:
            if session_id in self.addresses:
                self.save_artifacts(session_id)
                self.deregister(session_id)
            self.stop_task(session_id)
        except Exception:
            # It stays in the books: the handler at exit tries once more.
            log.exception("session %s is not cleaned up", session_id)
            return
        self.forget(session_id)

    def save_artifacts(self, session_id):
        """Has the container upload, and waits until S3 shows the marker."""
        # Where the task has died, its address may be a stranger's by now.
        if self.address_of(self.tasks[session_id]) != self.addresses[session_id]:
            raise RuntimeError(f"session {session_id} has another address")
        body = json.dumps({"session_id": session_id})
        for _ in range(MOST_UPLOADS):
            status, content = self.call(session_id, "POST", "/session/complete", body)
            if status == 200:
                break
            time.sleep(self.poll)
        else:
            raise RuntimeError(f"session {session_id} has not uploaded: {status} {content}")
        self.s3.get_waiter("object_exists").wait(
            Bucket=self.bucket,
            Key=f"{session_id}/{MARKER}",
            WaiterConfig={"Delay": self.poll},
        )

    def deregister(self, session_id):
        """Deregisters the session's target, and waits until it has drained."""
        target = self.target(self.addresses[session_id])
        self.load_balancer.deregister_targets(**target)
        waiter = self.load_balancer.get_waiter("target_deregistered")
        waiter.wait(**target, WaiterConfig={"Delay": self.poll, "MaxAttempts": 120})

    def stop_task(self, session_id):
        """Stops the session's task."""
        task_arn = self.tasks[session_id]
        self.ecs.stop_task(cluster=self.cluster, task=task_arn, reason="the session is over")

    def forget(self, session_id):
        """Forgets all that is known of the session."""
        address = self.addresses.pop(session_id, None)
        client = self.clients.pop(address, None)
        if client:
            client.close()
        self.failures.pop(address, None)
        self.tasks.pop(session_id, None)

    def end_all(self):
        """Cleans up what is left when the process ends. One that is killed never gets here."""
        for session_id in list(self.tasks):
            self.end(session_id)
