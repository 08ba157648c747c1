"""What both sides are told of objects; see calls.py."""

from calls import STEPS, is_error, step

KEY = "receipts/a b+c=é/(1).json"


def put(side, key, body, **conditions):
    """Writes an object; its ETag is compared with others, and not with the other side's."""
    answer = side.call(side.s3.put_object, Bucket="ledger", Key=key, Body=body.encode(), **conditions)
    return {key: answer[key] for key in ("answer", "ETag") if key in answer}


def read(side, key, bucket="ledger"):
    """An object, by GET."""
    answer = side.call(side.s3.get_object, Bucket=bucket, Key=key)
    if is_error(answer):
        return answer
    body = answer["Body"].read().decode()
    return {
        "body": body,
        "has a date": "LastModified" in answer,
        "length": answer["ContentLength"],
        "ETag": answer["ETag"],
    }


def head(side, key, bucket="ledger"):
    """An object, by HEAD."""
    answer = side.call(side.s3.head_object, Bucket=bucket, Key=key)
    fields = ("answer", "ContentLength", "ETag")
    return {field: answer[field] for field in fields if field in answer} | {"has a date": "LastModified" in answer}


@step
def an_object_is_created(side):
    answer = put(side, KEY, "one", IfNoneMatch="*")
    side.first = side.name(answer["ETag"], "first")
    return answer | {"read": read(side, KEY), "head": head(side, KEY)}


@step
def an_object_is_created_twice(side):
    return put(side, KEY, "two", IfNoneMatch="*") | {"read": read(side, KEY)}


@step
def an_object_is_replaced_where_it_is_as_it_was_read(side):
    answer = put(side, KEY, "three", IfMatch=side.first)
    side.name(answer["ETag"], "second")
    return answer | {"read": read(side, KEY)}


@step
def an_object_is_replaced_where_it_has_changed(side):
    return put(side, KEY, "four", IfMatch=side.first) | {"read": read(side, KEY)}


@step
def an_object_that_is_not_there_is_replaced(side):
    return put(side, "receipts/missing.json", "five", IfMatch=side.first)


@step
def an_object_is_written_without_a_condition(side):
    answer = put(side, KEY, "three")
    return answer | {"read": read(side, KEY)}


@step
def an_object_that_is_not_there_is_read(side):
    return {"get": read(side, "receipts/missing.json"), "head": head(side, "receipts/missing.json")}


@step
def a_bucket_that_is_not_there_is_used(side):
    return {
        "get": read(side, KEY, "unknown"),
        "head": head(side, KEY, "unknown"),
        "put": side.call(side.s3.put_object, Bucket="unknown", Key=KEY, Body=b"x"),
        "delete": side.call(side.s3.delete_object, Bucket="unknown", Key=KEY),
        "list": side.call(side.s3.list_objects_v2, Bucket="unknown"),
    }


@step
def objects_are_listed_by_prefix(side):
    for number in range(5):
        put(side, f"intents/{number}.json", "{}")
    answer = side.call(side.s3.list_objects_v2, Bucket="ledger", Prefix="intents/")
    return listed(answer) | {
        "each": [{"size": one["Size"], "has a date": "LastModified" in one} for one in answer["Contents"]]
    }


def listed(answer):
    """What is compared of a listing."""
    keys = [one["Key"] for one in answer.get("Contents", [])]
    return {"keys": keys} | {
        field: answer.get(field) for field in ("answer", "KeyCount", "IsTruncated", "MaxKeys", "Prefix", "Name")
    }


@step
def objects_are_listed_in_pages(side):
    pages, arguments = [], {}
    while len(pages) < 9:
        answer = side.call(side.s3.list_objects_v2, Bucket="ledger", Prefix="intents/", MaxKeys=2, **arguments)
        pages.append(listed(answer))
        if not answer.get("NextContinuationToken"):
            return pages
        arguments = {"ContinuationToken": answer["NextContinuationToken"]}
    return pages


for sentence, arguments in {
    "objects are listed after one": {"Prefix": "intents/", "StartAfter": "intents/2.json"},
    "objects are listed after what is not there": {"Prefix": "intents/", "StartAfter": "intents/2"},
    "objects are listed after all of them": {"Prefix": "intents/", "StartAfter": "zzz"},
    "objects are listed after what comes before the prefix": {"Prefix": "intents/", "StartAfter": "a"},
    "no object has an unknown prefix": {"Prefix": "unknown/"},
    "an awkward key is listed as it is": {"Prefix": "receipts/"},
}.items():
    STEPS.append(
        (
            sentence,
            lambda side, arguments=arguments: listed(side.call(side.s3.list_objects_v2, Bucket="ledger", **arguments)),
        )
    )


@step
def an_object_is_deleted(side):
    answer = side.call(side.s3.delete_object, Bucket="ledger", Key="intents/3.json")
    return answer | {"then": listed(side.call(side.s3.list_objects_v2, Bucket="ledger", Prefix="intents/"))}


@step
def an_object_that_is_not_there_is_deleted(side):
    return side.call(side.s3.delete_object, Bucket="ledger", Key="intents/3.json")
