"""What both sides are told, in this order, and which points of the answers are compared.

A step is a function that takes a side and gives the points; its name is its sentence.
"""

STEPS = []
# What the functions read of a task.
READ = (
    "taskArn", "clusterArn", "taskDefinitionArn", "group", "launchType", "lastStatus", "desiredStatus", "startedBy",
    "overrides", "tags", "stopCode", "stoppedReason", "cpu", "memory", "createdAt", "startedAt", "stoppingAt",
)  # fmt: skip
UNKNOWN = "00000000000000000000000000000000"


def step(function):
    """Puts a function into the sequence."""
    STEPS.append((function.__name__.replace("_", " "), function))
    return function


def is_error(answer):
    """Whether a call has failed."""
    return not answer["answer"].startswith("2")


def task(side, shown):
    """What is compared of a task: presence where the value is of its side alone."""
    points = {field: shown[field] for field in READ if field in shown}
    details = [detail for attachment in shown.get("attachments", []) for detail in attachment["details"]]
    points["has an address"] = any(detail["name"] == "privateIPv4Address" and detail["value"] for detail in details)
    points["containers"] = [
        {key: c[key] for key in ("name", "lastStatus", "exitCode") if key in c} for c in shown["containers"]
    ]
    points["has a version"] = "version" in shown
    return points


def tasks(side, answer):
    """The same of an answer with tasks."""
    if is_error(answer):
        return answer
    points = {"answer": answer["answer"], "failures": answer.get("failures", [])}
    points["tasks"] = [task(side, one) for one in sorted(answer["tasks"], key=lambda one: side.plain(one["taskArn"]))]
    return points


def arns(side, answer, field):
    """The ARNs of a listing, in an order that both have."""
    return answer if is_error(answer) else {"answer": answer["answer"], field: sorted(side.plain(answer[field]))}


def run(side, family, count, name):
    """Runs tasks, and gives them names."""
    network = {"subnets": [side.subnet]} | ({"securityGroups": side.security_groups} if side.security_groups else {})
    answer = side.call(
        side.ecs.run_task,
        cluster="sessions",
        taskDefinition=family,
        launchType="FARGATE",
        count=count,
        startedBy=f"owner/{name}",
        tags=[{"key": "session-id", "value": name}],
        networkConfiguration={"awsvpcConfiguration": network},
        overrides={"containerOverrides": [{"name": "session", "environment": [{"name": "SESSION_ID", "value": name}]}]},
    )
    started = [one["taskArn"] for one in answer["tasks"]]
    for number, arn in enumerate(started):
        side.name(arn.rsplit("/", 1)[1], f"{name}-{number}")
    return answer, started


@step
def clusters_are_listed(side):
    return arns(side, side.call(side.ecs.list_clusters), "clusterArns")


@step
def clusters_are_listed_in_pages(side):
    first = side.call(side.ecs.list_clusters, maxResults=1)
    rest = side.call(side.ecs.list_clusters, maxResults=1, nextToken=first.get("nextToken", ""))
    both = sorted(side.plain(first["clusterArns"] + rest["clusterArns"]))
    return {"pages": [len(first["clusterArns"]), len(rest["clusterArns"])], "all": both, "more": "nextToken" in rest}


@step
def an_empty_cluster_has_no_tasks(side):
    return arns(side, side.call(side.ecs.list_tasks, cluster="sessions"), "taskArns")


@step
def tasks_are_run(side):
    answer, side.ours = run(side, "session", 3, "job")
    _, side.others = run(side, "web", 1, "web")
    return tasks(side, answer)


def listing(**filters):
    """A step that lists tasks."""
    return lambda side: arns(side, side.call(side.ecs.list_tasks, cluster="sessions", **filters), "taskArns")


for sentence, filters in {
    "all tasks are listed": {},
    "tasks are listed by family": {"family": "session"},
    "no task is of an unknown family": {"family": "unknown"},
    "tasks are listed by startedBy": {"startedBy": "owner/web"},
    "startedBy and family together": {"startedBy": "owner/web", "family": "web"},
    "no task is listed as stopped": {"desiredStatus": "STOPPED"},
    "no task is listed as pending": {"desiredStatus": "PENDING"},
    "tasks are listed with too large a page": {"maxResults": 101},
}.items():
    STEPS.append((sentence, listing(**filters)))


@step
def tasks_are_listed_in_pages(side):
    pages, arguments = [], {}
    while len(pages) < 9:
        answer = side.call(side.ecs.list_tasks, cluster="sessions", maxResults=3, **arguments)
        pages.append(answer["taskArns"])
        if not answer.get("nextToken"):
            break
        arguments = {"nextToken": answer["nextToken"]}
    return {"pages": [len(page) for page in pages], "all": sorted(side.plain(sum(pages, [])))}


@step
def tasks_of_a_cluster_that_is_not_there_are_listed(side):
    return side.call(side.ecs.list_tasks, cluster="unknown")


@step
def tasks_are_listed_by_the_clusters_arn(side):
    cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/sessions"
    return arns(side, side.call(side.ecs.list_tasks, cluster=cluster), "taskArns")


def describing(names, **more):
    """A step that describes tasks; `names` chooses them."""
    return lambda side: tasks(
        side, side.call(side.ecs.describe_tasks, **({"cluster": "sessions", "tasks": names(side)} | more))
    )


for sentence, names, more in (
    ("tasks are described with their tags", lambda side: side.ours, {"include": ["TAGS"]}),
    ("tasks are described without their tags", lambda side: side.ours[:1], {}),
    ("a task is described by its id", lambda side: [side.ours[0].rsplit("/", 1)[1]], {}),
    (
        "a task that is not there is missing",
        lambda side: [side.ours[0], side.ours[0].rsplit("/", 1)[0] + "/" + UNKNOWN],
        {},
    ),
    ("an id that is not there is missing", lambda side: [UNKNOWN], {}),
    ("a task of another cluster is described", lambda side: [side.ours[0].replace("/sessions/", "/more/")], {}),
    ("a task of another account is described", lambda side: [side.ours[0].replace("000000000000", "111111111111")], {}),
    ("no task is described", lambda side: [], {}),
    ("101 tasks are described", lambda side: [f"{number:032x}" for number in range(101)], {}),
    ("a task in a cluster that is not there is described", lambda side: side.ours[:1], {"cluster": "unknown"}),
):
    STEPS.append((sentence, describing(names, **more)))


def tags_of(side, arn):
    """The tags of a task, as they are read."""
    (shown,) = side.ecs.describe_tasks(cluster="sessions", tasks=[arn], include=["TAGS"])["tasks"]
    return {tag["key"]: tag["value"] for tag in shown.get("tags", [])}


@step
def a_task_is_tagged(side):
    ended = [{"key": "session-ended-at", "value": "2026-11-02T09:00:00Z"}]
    answer = side.call(side.ecs.tag_resource, resourceArn=side.ours[0], tags=ended)
    return answer | {"tags": tags_of(side, side.ours[0])}


@step
def a_tag_is_written_over(side):
    answer = side.call(side.ecs.tag_resource, resourceArn=side.ours[0], tags=[{"key": "session-id", "value": "two"}])
    return answer | {"tags": tags_of(side, side.ours[0])}


@step
def a_tag_is_taken_off(side):
    answer = side.call(side.ecs.untag_resource, resourceArn=side.ours[0], tagKeys=["session-id", "never-there"])
    return answer | {"tags": tags_of(side, side.ours[0])}


@step
def a_task_that_is_not_there_is_tagged(side):
    arn = side.ours[0].rsplit("/", 1)[0] + "/" + UNKNOWN
    return side.call(side.ecs.tag_resource, resourceArn=arn, tags=[{"key": "k", "value": "v"}])


def stopping(name, **more):
    """A step that stops a task."""

    def stop(side):
        answer = side.call(side.ecs.stop_task, **({"cluster": "sessions", "task": name(side)} | more))
        return answer if is_error(answer) else {"answer": answer["answer"], "task": task(side, answer["task"])}

    return stop


for sentence, name, more in (
    ("a task is stopped", lambda side: side.ours[0], {"reason": "session-cleanup: salvaged"}),
    ("a task is stopped twice", lambda side: side.ours[0], {"reason": "session-cleanup: salvaged"}),
    ("a task is stopped without a reason", lambda side: side.ours[1].rsplit("/", 1)[1], {}),
    ("a task that is not there is stopped", lambda side: UNKNOWN, {}),
    ("a task in a cluster that is not there is stopped", lambda side: side.ours[2], {"cluster": "unknown"}),
):
    STEPS.append((sentence, stopping(name, **more)))
STEPS.append(("a stopping task is described", describing(lambda side: side.ours[:1], include=["TAGS"])))
STEPS.append(("tasks that are to run are listed", listing()))
STEPS.append(("tasks that are to stop are listed", listing(desiredStatus="STOPPED")))
