"""The steps of one session's cleanup, as the peers take them."""

import http.client
import json
import os
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PORT = 8080
MARKER = "debug/session_status.json"
UPLOAD_TIMEOUT = 60  # seconds
MOST_NAMED = 100  # how many tasks one DescribeTasks or one page of ListTasks holds

Client = Any  # boto3 makes the methods of its clients as it runs
Task = dict[str, Any]  # as DescribeTasks shows it


class NotReadyError(Exception):
    """Why a session's task must not be stopped yet."""


# What may go wrong with one session and must not keep the others from being cleaned up.
FAILURES = (NotReadyError, OSError, http.client.HTTPException, ClientError, BotoCoreError)


class Clients(NamedTuple):
    """The AWS services that a cleanup calls; threads may share them."""

    ecs: Client
    elbv2: Client
    s3: Client

    @classmethod
    def of(cls, config: Config) -> "Clients":
        """Builds them."""
        # In front of an endpoint that is an IP address there is no room for a bucket's name.
        paths = config.merge(Config(s3={"addressing_style": "path"}))
        # Of itself boto3 reads AWS_DEFAULT_REGION alone.
        aws = boto3.Session(region_name=os.environ.get("AWS_REGION"))
        return cls(
            ecs=aws.client("ecs", config=config),
            elbv2=aws.client("elbv2", config=config),
            s3=aws.client("s3", config=paths),
        )


def address_of(task: Task) -> str | None:
    """The private address of a task."""
    for attachment in task.get("attachments", []):
        for detail in attachment.get("details", []):
            if detail.get("name") == "privateIPv4Address":
                return str(detail["value"])
    return None


def running_address_of(task: Task | None) -> str:
    """The address of a task that runs; that of one that has stopped may be another's by now."""
    if task is None:
        raise NotReadyError("ECS does not know its task")
    address = address_of(task)
    if task["lastStatus"] != "RUNNING" or address is None:
        raise NotReadyError(f"its task is {task['lastStatus']}")
    return address


def save_artifacts(s3: Client, bucket: str, session_id: str, address: str) -> None:
    """Has the container upload, and sees that the marker is in S3."""
    container = http.client.HTTPConnection(address, PORT, timeout=UPLOAD_TIMEOUT)
    try:
        body = json.dumps({"session_id": session_id})
        container.request("POST", "/session/complete", body, {"Content-Type": "application/json"})
        answer = container.getresponse()
        answer.read()
    finally:
        container.close()
    if answer.status != http.client.OK:
        raise NotReadyError(f"its container answered {answer.status}")
    s3.head_object(Bucket=bucket, Key=f"{session_id}/{MARKER}")


def deregister(elbv2: Client, target_group_arn: str, addresses: Iterable[str]) -> None:
    """Deregisters the targets at these addresses."""
    targets = [{"Id": address, "Port": PORT} for address in addresses]
    elbv2.deregister_targets(TargetGroupArn=target_group_arn, Targets=targets)


def stop(ecs: Client, cluster: str, task_arn: str) -> None:
    """Stops the task of a session that is saved."""
    ecs.stop_task(cluster=cluster, task=task_arn, reason="its session is over")


def report_left(what: str, failure: Exception) -> None:
    """Tells the operator what was left as it is, and why."""
    print(f"{what} is left: {failure}", file=sys.stderr)
