"""Asks MiniStack's evaluator of IAM policies whether the template's roles allow what the functions send.

Takes the recorded exchanges, the transformed template and a list of what must be denied. Which resource and which
condition keys come with an action is taken from AWS's service authorization reference, as policy_sentry ships it.
Prints lists of sentences, each of which says what is not as it should be: `denied`, what the functions send and may
not; `foreign`, what a stack may do outside its own clusters, groups and buckets; `allowed`, what must be denied and is
not; `unneeded`, what is allowed and never sent.
"""

import dataclasses
import fnmatch
import functools
import itertools
import json
import re
import sys

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
from policy_sentry.querying.actions import get_action_data
from stack import PSEUDO, Stack
from wire import read

ROLES = {"completion": "CompletionRole", "reaper": "ReaperRole", "inspector": "InspectorRole"}
PREFIXES = {"ecs": "ecs", "elbv2": "elasticloadbalancing", "s3": "s3"}
# S3's operations that are authorized as another action, and what lets S3 say 404 instead of 403
# (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html, "Permissions").
OTHERWISE = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket"}
TELLS_MISSING = ("GetObject", "HeadObject")

# Parameters of a stack that nothing recorded belongs to.
FOREIGN = {
    "Clusters": "arn:aws:ecs:us-east-1:000000000000:cluster/foreign",
    "TargetGroupArns": "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/foreign/0123456789abcdef",
    "ArtifactBucket": "foreign",
}


@functools.cache
def reference(action):
    """The resources that an action is about, as patterns, and the condition keys that come with it."""
    service, name = action.split(":")
    rows = get_action_data(service, name)[service]
    formats = {re.sub(r"\$\{[^}]+\}", "*", row["resource_arn_format"]) for row in rows}
    return formats, {key.lower() for row in rows for key in row["condition_keys"]}


def asked(call, answer):
    """What IAM is asked about a call: action, resource and condition keys."""
    members, name = call.members, call.operation.name
    action = f"{PREFIXES[call.service]}:{OTHERWISE.get(name, name)}"
    if call.service == "ecs":
        cluster = cluster_arn(members.get("cluster", "default"))
        resources = members.get("tasks") or [members.get("task") or members.get("resourceArn") or "*"]
        for resource in resources:
            yield (
                action,
                resource,
                {"ecs:cluster": cluster, "aws:TagKeys": [tag["key"] for tag in members.get("tags", [])]},
            )
    elif call.service == "elbv2":
        yield action, "*" if name.startswith("Describe") else members["TargetGroupArn"], {}
    else:
        bucket = f"arn:aws:s3:::{members['Bucket']}"
        if name == "ListObjectsV2":
            yield action, bucket, {"s3:prefix": members.get("Prefix", "")}
        else:
            yield action, f"{bucket}/{members['Key']}", {}
        if name in TELLS_MISSING and answer and answer["status"] == 404:
            yield "s3:ListBucket", bucket, {}


def cluster_arn(name):
    """A cluster's ARN; calls name it either way."""
    if name.startswith("arn:"):
        return name
    return f"arn:aws:ecs:{PSEUDO['AWS::Region']}:{PSEUDO['AWS::AccountId']}:cluster/{name}"


def decision(policies, action, resource, keys):
    """What the evaluator says, and by which statement, of a request as AWS makes it."""
    formats, known = reference(action)
    if not any(fnmatch.fnmatchcase(resource, pattern) for pattern in formats):
        raise ValueError(f"{action} is not about {resource}, but about {sorted(formats)}")
    sent = {key.lower(): value for key, value in keys.items() if key.lower() in known and value != []}
    context = EvalContext(
        principal_arn="arn:aws:sts::000000000000:assumed-role/cleanup/function",
        principal_type="AssumedRole",
        principal_account=PSEUDO["AWS::AccountId"],
        action=action,
        resource_arn=resource,
        region=PSEUDO["AWS::Region"],
        tag_keys=None,
        service_context=sent,
    )
    result = evaluate(context, policies)
    return result.decision, result.matched_sid


class Roles:
    """The policies of roles, of one template, for different parameters."""

    def __init__(self, template):
        self.template = template

    @functools.cache
    def of(self, role, parameters):
        """The statements of a role's policies."""
        stack = Stack(self.template, dict(parameters))
        return [parse_policy_document(document) for document in stack.policies(role)]

    @functools.cache
    def permissions(self, role, parameters):
        """Each single action on a single resource that the role is allowed, as a policy of its own, by its name."""
        found = {}
        for statement in (statement for policy in self.of(role, parameters) for statement in policy):
            for action, resource in itertools.product(statement.actions, statement.resources):
                if statement.effect == "Allow" and action.split(":")[0] in PREFIXES.values():
                    alone = dataclasses.replace(statement, actions=[action], resources=[resource])
                    place = resource.removeprefix("arn:aws:s3:::ledger") if action.startswith("s3:") else ""
                    found[f"{role}: {statement.sid}, {action} {place}".strip()] = [[alone]]
        return found


def requests(path):
    """Each different thing that a recorded call asks of IAM: role, parameters, action, resource, keys."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            exchange = json.loads(line)
            stack = tuple(sorted(exchange["stack"].items()))
            for action, resource, keys in asked(read(exchange), exchange["answer"]):
                one = (ROLES[exchange["function"]], stack, action, resource, json.dumps(keys))
                found[one] = (*one[:4], keys)
    return list(found.values())


def main():
    """Evaluates every recorded call, and every one that must not be allowed."""
    with open(sys.argv[2], encoding="utf-8") as file:
        roles = Roles(json.load(file))
    asked_for = json.loads(sys.argv[3])
    denied, foreign, unneeded, recorded = set(), set(), {}, requests(sys.argv[1])
    for role, stack, action, resource, keys in recorded:
        if decision(roles.of(role, stack), action, resource, keys)[0] != "Allow":
            denied.add(f"{role}: {action} on {resource} with {keys}")
        elsewhere = tuple(sorted((dict(stack) | FOREIGN).items()))
        verdict, sid = decision(roles.of(role, elsewhere), action, resource, keys)
        # The ledger is the stack's own, whatever its parameters.
        if verdict == "Allow" and not resource.startswith("arn:aws:s3:::ledger"):
            foreign.add(f"{role}: {action} by {sid}")
        for name, alone in roles.permissions(role, stack).items():
            is_needed = decision(alone, action, resource, keys)[0] == "Allow"
            unneeded[name] = unneeded.get(name, True) and not is_needed
    allowed, own = set(), tuple(sorted(asked_for["stack"].items()))
    for role, action, resource, keys in asked_for["forbidden"]:
        verdict, sid = decision(roles.of(role, own), action, resource, keys)
        if verdict == "Allow":
            allowed.add(f"{role}: {action} on {resource} with {keys}, by {sid}")
    lists = {"denied": denied, "foreign": foreign, "allowed": allowed}
    lists["unneeded"] = {name for name, is_unneeded in unneeded.items() if is_unneeded}
    json.dump({name: sorted(found) for name, found in lists.items()} | {"evaluated": len(recorded)}, sys.stdout)


if __name__ == "__main__":
    main()
