"""Reads requests back as the calls that they are: AWS JSON 1.1 (ECS), query (ELBv2) and REST with XML (S3)."""

import json
import re
import zlib
from base64 import b64encode
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, unquote, urlsplit

import botocore.session

SESSION = botocore.session.get_session()
MODELS = {name: SESSION.get_service_model(name) for name in ("ecs", "elbv2", "s3")}

# What any request may have: HTTP's own, the SDK's account of itself, and Signature Version 4 with its checksums
# (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html).
ANYWHERE = {
    "accept", "accept-encoding", "amz-sdk-invocation-id", "amz-sdk-request", "authorization", "connection",
    "content-length", "content-type", "host", "user-agent", "x-amz-content-sha256", "x-amz-date",
    "x-amz-decoded-content-length", "x-amz-security-token", "x-amz-trailer", "x-amz-user-agent",
}  # fmt: skip


class Unreadable(Exception):
    """A request that is no call of its service."""


class Call:
    """A request that was read: the service, the operation's model, and its members by name."""

    def __init__(self, service, operation, members, region=None):
        self.service = service
        self.operation = operation
        self.members = members
        self.region = region

    def __str__(self):
        return f"{self.service} {self.operation.name}"


def read(exchange):
    """The call that a recorded request is."""
    if "x-amz-target" in exchange["headers"]:
        return read_json(exchange)
    if exchange["method"] == "POST" and "Action=" in exchange["body"]:
        return read_query(exchange)
    return read_rest(exchange)


def operation_named(service, name):
    """The model of an operation that must exist."""
    model = MODELS[service]
    if name not in model.operation_names:
        raise Unreadable(f"{service} has no operation {name}")
    return model.operation_model(name)


def expect(what, is_so):
    """A rule of a protocol."""
    if not is_so:
        raise Unreadable(what)


def foreign_headers(exchange, known=()):
    """No header is sent that neither the protocol nor the model knows."""
    unknown = set(exchange["headers"]) - ANYWHERE - set(known)
    expect(f"headers that nobody knows: {sorted(unknown)}", not unknown)


def read_json(exchange):
    """ECS."""
    metadata = MODELS["ecs"].metadata
    prefix, _, name = exchange["headers"]["x-amz-target"].rpartition(".")
    expect(f"the target is of {prefix}", prefix == metadata["targetPrefix"])
    content = f"application/x-amz-json-{metadata['jsonVersion']}"
    expect(f"the content is not {content}", exchange["headers"].get("content-type") == content)
    path = urlsplit(exchange["uri"]).path
    expect(f"{exchange['method']} {path}", exchange["method"] == "POST" and path == "/")
    foreign_headers(exchange, ["x-amz-target"])
    return Call("ecs", operation_named("ecs", name), json.loads(exchange["body"]))


def read_query(exchange):
    """ELBv2."""
    form = dict(parse_qsl(exchange["body"], keep_blank_values=True, strict_parsing=True))
    version = MODELS["elbv2"].metadata["apiVersion"]
    expect(f"the version is not {version}", form.pop("Version", None) == version)
    content = "application/x-www-form-urlencoded"
    expect(f"the content is not {content}", exchange["headers"].get("content-type") == content)
    foreign_headers(exchange)
    operation = operation_named("elbv2", form.pop("Action"))
    members = from_form(operation.input_shape, form, "") or {}
    expect(f"the form has {sorted(form)}, which the model has not", not form)
    return Call("elbv2", operation, members)


def from_form(shape, form, prefix):
    """What a form says of a shape; what is used is taken out of the form."""
    if shape.type_name == "structure":
        members = {}
        for name, member in shape.members.items():
            value = from_form(member, form, f"{prefix}{member.serialization.get('name', name)}")
            if value is not None:
                members[name] = value
        return members or None
    if shape.type_name == "list":
        items = []
        while True:
            item = f"{prefix}.{shape.member.serialization.get('name', 'member')}.{len(items) + 1}"
            value = from_form(shape.member, form, item + ("." if shape.member.type_name == "structure" else ""))
            if value is None:
                return items or None
            items.append(value)
    text = form.pop(prefix, None)
    return None if text is None else from_text(shape, text)


def from_text(shape, text):
    """A text of a form, a URL or a header, as its shape has it. What is nothing of the kind stays a text."""
    kind = shape.type_name
    if kind in ("integer", "long") and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "timestamp":
        return parsedate_to_datetime(text)
    return text


def read_rest(exchange):
    """S3, by virtual host."""
    url = urlsplit(exchange["uri"])
    host = re.fullmatch(r"(?P<bucket>.+)\.s3\.(?P<region>[a-z0-9-]+)\.amazonaws\.com", url.netloc)
    expect(f"the host is {url.netloc}", host)
    key = unquote(url.path.removeprefix("/"))
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    # Some SDKs name the operation; S3 does not look at it.
    named = query.pop("x-id", None)
    operation = rest_operation(exchange["method"], key, query)
    expect(f"x-id is {named}", named in (None, operation.name))
    members, known = {"Bucket": host["bucket"]}, []
    if key:
        members["Key"] = key
    shape = operation.input_shape
    for name, member in shape.members.items():
        place, wired = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "querystring" and wired in query:
            members[name] = from_text(member, query.pop(wired))
        elif place == "header":
            known.append(wired.lower())
            if wired.lower() in exchange["headers"]:
                members[name] = from_text(member, exchange["headers"][wired.lower()])
    expect(f"the query has {sorted(query)}, which the model has not", not query)
    foreign_headers(exchange, known)
    read_body(exchange, shape, members)
    return Call("s3", operation, members, host["region"])


def rest_operation(method, key, query):
    """The one operation whose method and URI fit; what its URI itself asks is taken out of the query."""
    fitting = []
    for name in MODELS["s3"].operation_names:
        http = MODELS["s3"].operation_model(name).http
        path, _, fixed = http["requestUri"].partition("?")
        wanted = dict(parse_qsl(fixed, keep_blank_values=True))
        has_key = "{Key+}" in path
        if http["method"] == method and has_key == bool(key) and "{Bucket}" in path:
            if all(query.get(field) == value for field, value in wanted.items()):
                fitting.append((len(wanted), name, wanted))
    # Some share a URI and differ in a header or in a query that the model binds; ours are the plain ones.
    fitting.sort(key=lambda one: (-one[0], len(one[1])))
    expect(f"{method} with {sorted(query)} is no operation", fitting)
    _, name, wanted = fitting[0]
    for field in wanted:
        del query[field]
    return MODELS["s3"].operation_model(name)


def read_body(exchange, shape, members):
    """The payload of an upload, without its chunks and with its checksum; no other call has one."""
    payload = shape.serialization.get("payload")
    if payload is None:
        expect("there is a body where none belongs", not exchange["body"])
        return
    body = exchange["body"].encode()
    headers = exchange["headers"]
    if "aws-chunked" in headers.get("content-encoding", ""):
        body, trailers = unchunked(body)
        expect("the length is not as declared", int(headers["x-amz-decoded-content-length"]) == len(body))
        expect("other trailers than declared", set(trailers) == {headers.get("x-amz-trailer")})
        headers = headers | trailers
    checksum = headers.get("x-amz-checksum-crc32")
    if checksum is not None:
        right = b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        expect(f"the checksum is {checksum} and not {right}", checksum == right)
    members[payload] = body


def unchunked(body):
    """A body without its chunks, and its trailers."""
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        whole, body = whole + body[:length], body[length:].removeprefix(b"\r\n")
    lines = [line.split(":", 1) for line in body.decode().split("\r\n") if line]
    return whole, {name.lower(): value.strip() for name, value in lines}
