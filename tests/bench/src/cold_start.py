"""The same start in Python: the SDK, three clients, the next invocation, one AWS call."""

import http.client
import json
import os

import boto3

ecs, elbv2, s3 = (boto3.client(name) for name in ("ecs", "elbv2", "s3"))
runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
runtime.request("GET", "/2018-06-01/runtime/invocation/next")
event = json.load(runtime.getresponse())
ecs.describe_tasks(cluster="sessions", tasks=[event["detail"]["task_arn"]], include=["TAGS"])
