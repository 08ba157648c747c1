"""What both sides are told of targets and of objects; see calls.py."""

from calls import STEPS, is_error, step

STRANGER = "127.0.10.250"


def address(side, arn):
    """The address of a task."""
    (shown,) = side.ecs.describe_tasks(cluster="sessions", tasks=[arn])["tasks"]
    details = [detail for attachment in shown["attachments"] for detail in attachment["details"]]
    return next(detail["value"] for detail in details if detail["name"] == "privateIPv4Address")


def health(side, answer):
    """What is compared of targets' health."""
    if is_error(answer):
        return answer
    targets = [
        {
            "target": one["Target"],
            "health": {key: one["TargetHealth"][key] for key in ("State", "Reason") if key in one["TargetHealth"]},
        }
        for one in answer["TargetHealthDescriptions"]
    ]
    return {"answer": answer["answer"], "targets": sorted(side.plain(targets), key=str)}


def groups(side, answer):
    """What is compared of target groups."""
    if is_error(answer):
        return answer
    fields = (
        "TargetGroupArn",
        "TargetGroupName",
        "Protocol",
        "Port",
        "TargetType",
        "HealthCheckPath",
        "HealthCheckEnabled",
        "HealthCheckPort",
    )
    return {
        "answer": answer["answer"],
        "groups": [{field: group.get(field) for field in fields} for group in answer["TargetGroups"]],
    }


def described(side, *targets):
    """The health of some targets, or of all."""
    more = {"Targets": list(targets)} if targets else {}
    return health(side, side.call(side.elb.describe_target_health, TargetGroupArn=side.group, **more))


def unknown(side):
    """The ARN of a group that is not there."""
    return side.group.rsplit("/", 2)[0] + "/unknown/0123456789abcdef"


for sentence, more in (
    ("all groups are described", lambda side: {}),
    ("a group is described by its ARN", lambda side: {"TargetGroupArns": [side.group]}),
    ("a group is described by its name", lambda side: {"Names": ["sessions"]}),
    ("a group that is not there is described", lambda side: {"TargetGroupArns": [unknown(side)]}),
    ("a name that is not there is described", lambda side: {"Names": ["unknown"]}),
):
    STEPS.append(
        (sentence, lambda side, more=more: groups(side, side.call(side.elb.describe_target_groups, **more(side))))
    )


@step
def an_empty_group_has_no_targets(side):
    return described(side)


@step
def a_target_is_registered_at_the_groups_port(side):
    side.address = side.name(address(side, side.ours[2]), "address")
    answer = side.call(side.elb.register_targets, TargetGroupArn=side.group, Targets=[{"Id": side.address}])
    return answer | {"then": described(side)}


@step
def a_target_is_registered_twice(side):
    target = {"Id": side.address, "Port": 8080}
    answer = side.call(side.elb.register_targets, TargetGroupArn=side.group, Targets=[target])
    return answer | {"then": described(side)}


@step
def a_target_at_another_port_is_another_target(side):
    target = {"Id": side.address, "Port": 9090}
    side.call(side.elb.register_targets, TargetGroupArn=side.group, Targets=[target])
    answer = described(side)
    side.call(side.elb.deregister_targets, TargetGroupArn=side.group, Targets=[target])
    # Where both were one, it is gone.
    side.call(side.elb.register_targets, TargetGroupArn=side.group, Targets=[{"Id": side.address, "Port": 8080}])
    return {"ports": [one["target"]["Port"] for one in answer["targets"]]}


@step
def a_target_that_nobody_has_is_registered(side):
    target = {"Id": STRANGER, "Port": 8080}
    side.call(side.elb.register_targets, TargetGroupArn=side.group, Targets=[target])
    return described(side, target)


@step
def a_target_that_is_not_registered_is_described(side):
    return described(side, {"Id": "127.0.10.251", "Port": 8080})


@step
def a_target_in_the_vpc_is_registered_with_the_zone_of_those_outside(side):
    return side.call(
        side.elb.register_targets,
        TargetGroupArn=side.group,
        Targets=[{"Id": "127.0.10.252", "AvailabilityZone": "all"}],
    )


@step
def what_is_no_address_is_registered(side):
    return side.call(side.elb.register_targets, TargetGroupArn=side.group, Targets=[{"Id": "no-address"}])


@step
def a_target_is_deregistered_at_another_port(side):
    answer = side.call(
        side.elb.deregister_targets, TargetGroupArn=side.group, Targets=[{"Id": side.address, "Port": 7070}]
    )
    return answer | {"then": described(side, {"Id": side.address, "Port": 8080})}


@step
def a_target_is_deregistered(side):
    target = {"Id": side.address, "Port": 8080}
    answer = side.call(side.elb.deregister_targets, TargetGroupArn=side.group, Targets=[target])
    return answer | {"then": described(side, target)}


@step
def a_target_that_drains_is_deregistered_again(side):
    return side.call(
        side.elb.deregister_targets, TargetGroupArn=side.group, Targets=[{"Id": side.address, "Port": 8080}]
    )


@step
def a_target_that_was_never_there_is_deregistered(side):
    return side.call(
        side.elb.deregister_targets, TargetGroupArn=side.group, Targets=[{"Id": "127.0.10.253", "Port": 8080}]
    )


@step
def groups_that_are_not_there_have_no_targets(side):
    target = [{"Id": STRANGER, "Port": 8080}]
    return {
        "register": side.call(side.elb.register_targets, TargetGroupArn=unknown(side), Targets=target),
        "deregister": side.call(side.elb.deregister_targets, TargetGroupArn=unknown(side), Targets=target),
        "health": side.call(side.elb.describe_target_health, TargetGroupArn=unknown(side)),
    }
