"""What a careful owner does with many sessions that end together: one thread for each.

The container uploads while the target is deregistered; the task is stopped once both are done. A
hundred sessions share one DescribeTasks and one DeregisterTargets. Should the latter be refused,
none of the hundred is stopped: the load balancer would go on sending requests to tasks that are gone.

A session whose upload is not confirmed keeps its task, but not its target, and is reported.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from botocore.config import Config
from protocol import Order, Session, serve
from steps import (
    FAILURES,
    MOST_NAMED,
    Clients,
    NotReadyError,
    deregister,
    report_left,
    running_address_of,
    save_artifacts,
    stop,
)

MOST_THREADS = 200  # they wait most of the time
CONFIG = Config(max_pool_connections=MOST_THREADS, retries={"mode": "adaptive", "max_attempts": 10})


def addresses_of(clients: Clients, order: Order, sessions: list[Session]) -> dict[Session, str]:
    """Where the sessions run; one that doesn't is reported."""
    arns = [session.task_arn for session in sessions]
    answer = clients.ecs.describe_tasks(cluster=order.cluster, tasks=arns)
    tasks = {task["taskArn"]: task for task in answer["tasks"]}
    addresses = {}
    for session in sessions:
        try:
            addresses[session] = running_address_of(tasks.get(session.task_arn))
        except NotReadyError as failure:
            report_left(f"session {session.session_id}", failure)
    return addresses


def clean(
    clients: Clients, order: Order, session: Session, address: str, deregistered: Future[None]
) -> None:
    """Cleans up one session, whose target is being deregistered."""
    try:
        save_artifacts(clients.s3, order.artifact_bucket, session.session_id, address)
        deregistered.result()
        stop(clients.ecs, order.cluster, session.task_arn)
    except FAILURES as failure:
        report_left(f"session {session.session_id}", failure)


def clean_all(clients: Clients, order: Order) -> None:
    """Cleans up all sessions at once, as far as there are threads."""
    cleanups = []
    with ThreadPoolExecutor(MOST_THREADS) as pool:
        for start in range(0, len(order.sessions), MOST_NAMED):
            addresses = addresses_of(clients, order, order.sessions[start : start + MOST_NAMED])
            if not addresses:
                continue
            # Submitted first, so that no cleanup ever waits for what has no thread.
            deregistered = pool.submit(
                deregister, clients.elbv2, order.target_group_arn, addresses.values()
            )
            cleanups += [
                pool.submit(clean, clients, order, session, address, deregistered)
                for session, address in addresses.items()
            ]
    for cleanup in cleanups:
        cleanup.result()


if __name__ == "__main__":
    serve(partial(clean_all, Clients.of(CONFIG)))
