"""Holds answers against the service models: what is sent is known, what is demanded is there, errors are AWS's."""

import json
from xml.etree import ElementTree

from botocore.parsers import ResponseParserError, create_parser
from shapes import problems as of_value

# Errors that the operations' models leave out, with their status, as the services' lists of common errors have them:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html,
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html and
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. ELBv2 says AccessDenied and Throttling where
# its page says AccessDeniedException and ThrottlingException; botocore's list of retries has both.
COMMON = {
    "ecs": {"AccessDeniedException": 400, "ThrottlingException": 400},
    "elbv2": {"AccessDenied": 403, "InternalFailure": 500, "Throttling": 400},
    "s3": {
        "AccessDenied": 403,
        "AuthorizationHeaderMalformed": 400,
        "InternalError": 500,
        "InvalidRequest": 400,
        "NoSuchBucket": 404,
        "NoSuchKey": 404,
        "PermanentRedirect": 301,
        "PreconditionFailed": 412,
        "SlowDown": 503,
        "TemporaryRedirect": 307,
    },
}

# Where an S3 error comes without a body, to a HEAD, it has a status and no code.
BODILESS = {301, 307, 400, 403, 404, 412, 500, 503}
REGION = "x-amz-bucket-region"
HTTP = {"content-length", "content-type", "date"}


def problems(call, answer):
    """Each way in which an answer is none that AWS could give to a call."""
    protocol = call.operation.service_model.metadata["protocol"]
    raw = {"status_code": answer["status"], "headers": answer["headers"], "body": answer["body"].encode()}
    try:
        parsed = create_parser(protocol).parse(raw, call.operation.output_shape)
    except (ResponseParserError, ValueError) as problem:
        yield f"botocore can't parse it: {problem}"
        return
    if call.operation.http["method"] == "HEAD" and answer["body"]:
        yield "the answer to a HEAD has a body"
        return
    if answer["status"] >= 300:
        yield from of_error(call, answer, parsed)
        return
    wanted = call.operation.http.get("responseCode", 200)
    if answer["status"] != wanted:
        yield f"the status is {answer['status']} and not {wanted}"
    shape = call.operation.output_shape
    parsed.pop("ResponseMetadata")
    if shape is None:
        return
    yield from foreign(call, answer, shape)
    yield from of_value(shape, without_streams(shape, parsed), "answer")


def without_streams(shape, parsed):
    """What was parsed, but for a payload that is a stream of bytes, and headers by prefix that are not there."""
    payload = shape.serialization.get("payload")
    return {name: value for name, value in parsed.items() if name != payload and value not in ({}, None)}


def of_error(call, answer, parsed):
    """Whether the operation can fail so."""
    code, status = parsed["Error"].get("Code"), answer["status"]
    if call.operation.http["method"] == "HEAD":
        if status not in BODILESS:
            yield f"a HEAD is answered {status}"
        return
    for shape in call.operation.error_shapes:
        modelled = shape.metadata.get("error", {})
        if code == modelled.get("code", shape.name):
            fault = shape.metadata.get("fault", False)
            wanted = modelled.get("httpStatusCode", COMMON[call.service].get(code, 500 if fault else 400))
            if status != wanted:
                yield f"{code} comes with {status} and not with {wanted}"
            return
    if code not in COMMON[call.service]:
        yield f"{code} is neither an error of the operation nor a common one"
    elif status != COMMON[call.service][code]:
        yield f"{code} comes with {status} and not with {COMMON[call.service][code]}"
    if not parsed["Error"]["Message"]:
        yield f"{code} has no message"


def foreign(call, answer, shape):
    """What is sent and the model does not know: a parser passes over it."""
    if call.service == "ecs":
        yield from of_value(shape, json.loads(answer["body"]), "sent")
        return
    bound = {
        member.serialization.get("name", name).lower()
        for name, member in shape.members.items()
        if member.serialization.get("location") == "header"
    }
    for name in sorted(set(answer["headers"]) - bound - HTTP - {REGION}):
        yield f"the header {name} is not in the model"
    if "payload" in shape.serialization or not answer["body"]:
        return
    root = ElementTree.fromstring(answer["body"])
    if call.service == "elbv2":
        names = [local(child.tag) for child in root]
        wrapper = shape.serialization["resultWrapper"]
        if names != [wrapper, "ResponseMetadata"] or local(root.tag) != f"{call.operation.name}Response":
            yield f"the answer is {local(root.tag)} with {names}"
            return
        root = root[0]
    yield from foreign_elements(shape, root, "answer")


def local(tag):
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def foreign_elements(shape, element, where):
    """Elements below one that its shape does not know."""
    if shape.type_name == "structure":
        by_name = {}
        for name, member in shape.members.items():
            wired, item = member.serialization.get("name", name), member
            # A flattened list has its items where it would be itself.
            if member.type_name == "list" and member.serialization.get("flattened"):
                item = member.member
                wired = item.serialization.get("name", wired)
            by_name[wired] = item
        for child in element:
            if local(child.tag) not in by_name:
                yield f"{where}.{local(child.tag)} is not in the model"
            else:
                yield from foreign_elements(by_name[local(child.tag)], child, f"{where}.{local(child.tag)}")
    elif shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        for child in element:
            if local(child.tag) != name:
                yield f"{where}.{local(child.tag)} is not in the model"
            else:
                yield from foreign_elements(shape.member, child, f"{where}.{name}")
    elif len(element):
        yield f"{where} has elements, and is a {shape.type_name}"
