"""Holds commands of pages against the AWS CLI, and names against what AWS calls its own.

Reads {"blocks": [shell text], "names": [word]}, prints {"seen": n, "problems": [...], "unknown": [word]}.
"""

import json
import re
import shlex
import sys

import jmespath
from awscli.clidriver import create_clidriver
from botocore.utils import ArgumentGenerator

SERVICES = ["cloudformation", "cloudtrail", "cloudwatch", "ec2", "ecs", "elbv2", "events", "iam", "lambda", "logs"]
SERVICES += ["s3api", "sns", "sqs"]


POSITIONAL = ("outfile", "path", "paths")


class AnyKey(dict):
    """A map of which the model does not say what is in it."""

    def get(self, name, default=None):
        return "value"


def commands(block):
    """Each command that begins with `aws`, up to where the shell ends it; `$(...)` is a word."""
    text = block.replace("\\\n", " ")
    for begin in re.finditer(r"(?:^|(?<=[\s(;&|\"`]))aws\s", text):
        if "#" in text[text.rfind("\n", 0, begin.start()) + 1 : begin.start()]:
            continue
        rest, at, quote, out = text[begin.start() :], 0, None, []
        while at < len(rest):
            char = rest[at]
            if rest.startswith("$(", at) and quote != "'":
                at, words = skip(rest, at), "SUBSTITUTED"
                out.append(words)
                continue
            if quote:
                quote = None if char == quote else quote
            elif char in "'\"":
                quote = char
            elif char in "\n|;&)<>`" or (char == "#" and rest[at - 1] == " "):
                break
            out.append(char)
            at += 1
        yield "".join(out)


def skip(text, at):
    """The place after a `$(...)`."""
    depth, at = 1, at + 2
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at


def check(services, everywhere, command):
    words = shlex.split(command)[1:]
    if len(words) < 2:
        return f"{command}: no service and no operation"
    if words[0] not in services:
        return f"{command}: no service {words[0]}"
    operation = services[words[0]]
    rest = words[1:]
    while rest and not rest[0].startswith("-"):
        inner = getattr(operation, "subcommand_table", None)
        if not inner and hasattr(operation, "_get_command_table"):
            inner = operation._get_command_table()
        if not inner:
            break
        if rest[0] not in inner:
            return f"{command}: no operation {rest[0]}"
        operation, rest = inner[rest[0]], rest[1:]
    known = operation.arg_table
    given, values, query, at = set(), [], None, 0
    while at < len(rest):
        word = rest[at]
        at += 1
        if not word.startswith("--"):
            values.append(word)
            continue
        name = word[2:]
        argument = known.get(name) or everywhere.get(name)
        if argument is None:
            return f"{command}: no option --{name}"
        given.add(name)
        kind = argument.cli_type_name
        if kind == "boolean":
            continue
        first = at
        while at < len(rest) and not rest[at].startswith("--") and (kind == "list" or at == first):
            at += 1
        if at == first:
            return f"{command}: --{name} has no value"
        if name == "query":
            query = rest[first]
    if "cli-input-json" not in given:
        for name, argument in known.items():
            if argument.required and name not in given and name not in POSITIONAL:
                return f"{command}: --{name} is missing"
    positional = [name for name in known if name in POSITIONAL]
    if bool(positional) != bool(values):
        return f"{command}: {values or 'no file'} where {positional or 'nothing more'} is expected"
    return check_query(operation, query, command)


def check_query(operation, query, command):
    model = getattr(operation, "_operation_model", None)
    if query is None or model is None:
        return None
    skeleton = ArgumentGenerator().generate_skeleton(model.output_shape)
    found = jmespath.search(query, json.loads(json.dumps(skeleton, default=str), object_hook=open_maps))
    return f"{command}: the answer has nothing at {query}" if is_empty(found) else None


def open_maps(thing):
    return AnyKey(thing) if set(thing) == {"KeyName"} else thing


def is_empty(found):
    """Filters find nothing in a skeleton, and that is well; a field that is not there is null."""
    if isinstance(found, list):
        return any(is_empty(one) for one in found)
    if isinstance(found, dict):
        return any(is_empty(one) for one in found.values())
    return found is None


def names_of_aws(driver):
    known = set()
    for service in SERVICES:
        name = {"s3api": "s3"}.get(service, service)
        model = driver.session.get_service_model(name)
        known.update(model.operation_names)
        known.update(model.shape_names)
        for shape in model.shape_names:
            shape = model.shape_for(shape)
            known.update(getattr(shape, "members", {}))
            known.update(getattr(shape, "enum", []))
            known.add(shape.metadata.get("error", {}).get("code"))
    return known


def main():
    asked = json.load(sys.stdin)
    driver = create_clidriver()
    services, everywhere = driver._get_command_table(), driver._get_argument_table()
    problems, seen = [], 0
    for block in asked["blocks"]:
        for command in commands(block):
            seen += 1
            problem = check(services, everywhere, command)
            if problem:
                problems.append(problem)
    names = names_of_aws(driver)
    unknown = [name for name in asked["names"] if name not in names]
    print(json.dumps({"seen": seen, "problems": problems, "unknown": unknown}))


main()
