"""What a careful operator schedules against orphans: stops the tasks whose lease or time is over.

It asks no container to upload. Afterwards it deregisters the unhealthy targets that no running task
holds. It prints what it did as one line of JSON.
"""

import json
from collections.abc import Container
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from functools import partial

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from dateutil.parser import isoparse  # boto3 brings it
from protocol import Order, serve
from steps import MOST_NAMED, Clients, Task, address_of, report_left

LEASE_GRACE = timedelta(minutes=15)
MAX_SESSION_AGE = timedelta(hours=2)
MOST_THREADS = 10
CONFIG = Config(max_pool_connections=MOST_THREADS, retries={"mode": "adaptive", "max_attempts": 10})


def running_tasks(clients: Clients, order: Order, pool: ThreadPoolExecutor) -> list[Task]:
    """The tasks of the cluster that are to run; of every family, since each may hold an address."""

    def described(arns: list[str]) -> list[Task]:
        if not arns:
            return []
        answer = clients.ecs.describe_tasks(cluster=order.cluster, tasks=arns, include=["TAGS"])
        tasks: list[Task] = answer["tasks"]
        return tasks

    pages = clients.ecs.get_paginator("list_tasks").paginate(
        cluster=order.cluster, PaginationConfig={"PageSize": MOST_NAMED}
    )
    # While one page is described the next one is listed.
    hundreds = pool.map(described, (page["taskArns"] for page in pages))
    return [task for hundred in hundreds for task in hundred]


def is_orphan(task: Task, family: str, now: datetime) -> bool:
    """Whether a task's session is over, going by its lease, or by its age where it has none."""
    tags = {tag["key"]: tag["value"] for tag in task.get("tags", [])}
    revision = task["taskDefinitionArn"].rpartition("/")[2]
    if revision.partition(":")[0] != family or tags.get("cleanup-protection") == "true":
        return False
    lease = tags.get("lease-expires-at")
    if lease is None:
        return bool(now - task["createdAt"] > MAX_SESSION_AGE)
    try:
        return bool(now - isoparse(lease) > LEASE_GRACE)
    except (ValueError, TypeError) as failure:  # it is no time, or has no offset
        report_left(task["taskArn"], failure)
        return False


def stop(clients: Clients, order: Order, task: Task) -> bool:
    """Stops an orphan, if ECS lets us."""
    try:
        clients.ecs.stop_task(
            cluster=order.cluster, task=task["taskArn"], reason="orphan: lease or time is over"
        )
    except (ClientError, BotoCoreError) as failure:
        report_left(task["taskArn"], failure)
        return False
    return True


def deregister_dead(clients: Clients, order: Order, held: Container[str | None]) -> int:
    """Deregisters the unhealthy targets at addresses that are not held; how many there were."""
    answer = clients.elbv2.describe_target_health(TargetGroupArn=order.target_group_arn)
    targets = [
        described["Target"]
        for described in answer["TargetHealthDescriptions"]
        if described["TargetHealth"]["State"] == "unhealthy"
        and described["Target"]["Id"] not in held
    ]
    if targets:
        clients.elbv2.deregister_targets(TargetGroupArn=order.target_group_arn, Targets=targets)
    return len(targets)


def reap(clients: Clients, order: Order) -> None:
    """One run."""
    with ThreadPoolExecutor(MOST_THREADS) as pool:
        tasks = running_tasks(clients, order, pool)
        now = datetime.now(timezone.utc)
        orphans = [task for task in tasks if is_orphan(task, order.family, now)]
        stopped = sum(pool.map(partial(stop, clients, order), orphans))
    deregistered = deregister_dead(clients, order, {address_of(task) for task in tasks})
    counts = {
        "tasks": len(tasks),
        "orphans": len(orphans),
        "stopped": stopped,
        "deregistered": deregistered,
    }
    print(json.dumps(counts))


if __name__ == "__main__":
    serve(partial(reap, Clients.of(CONFIG)))
