"""What a session's owner does today: one session after the other, one step after the other.

A session whose upload is not confirmed keeps its target and its task, and is reported.
"""

from functools import partial

from botocore.config import Config
from protocol import Order, Session, serve
from steps import (
    FAILURES,
    Clients,
    deregister,
    report_left,
    running_address_of,
    save_artifacts,
    stop,
)


def clean(clients: Clients, order: Order, session: Session) -> None:
    """Cleans up one session."""
    answer = clients.ecs.describe_tasks(cluster=order.cluster, tasks=[session.task_arn])
    address = running_address_of(next(iter(answer["tasks"]), None))
    save_artifacts(clients.s3, order.artifact_bucket, session.session_id, address)
    deregister(clients.elbv2, order.target_group_arn, [address])
    stop(clients.ecs, order.cluster, session.task_arn)


def clean_all(clients: Clients, order: Order) -> None:
    """Cleans up one session after the other."""
    for session in order.sessions:
        try:
            clean(clients, order, session)
        except FAILURES as failure:
            report_left(f"session {session.session_id}", failure)


if __name__ == "__main__":
    serve(partial(clean_all, Clients.of(Config(retries={"mode": "standard"}))))
