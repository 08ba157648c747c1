"""The two sides that are told the same: the simulated AWS as it is served, and a moto server."""

import os

os.environ["MOTO_ACCOUNT_ID"] = "000000000000"

import boto3  # noqa: E402
import requests  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

REGION = "us-east-1"
CLUSTERS = ("more", "sessions")
BUCKETS = ("artifacts", "ledger")


class Side:
    """Clients of one side, and names for what it calls as it likes."""

    def __init__(self, endpoint):
        once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        self.endpoint = endpoint
        self.names = {}
        self.ecs, self.elb, self.s3 = (self.client(name, once) for name in ("ecs", "elbv2", "s3"))
        self.subnet, self.security_groups = "subnet-0123456789abcdef0", []

    def client(self, service, config=None):
        """A client of one service."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )

    def call(self, operation, **arguments):
        """What an operation answers: whether it succeeds, or with which error it fails, and its members."""
        try:
            answer = operation(**arguments)
        except ClientError as problem:
            status = problem.response["ResponseMetadata"]["HTTPStatusCode"]
            return {"answer": f"{status} {problem.response['Error']['Code']}"}
        metadata = answer.pop("ResponseMetadata")
        return answer | {"answer": str(metadata["HTTPStatusCode"])}

    def name(self, value, name):
        """From now on a value that differs from side to side is called so."""
        if value:
            self.names[value] = f"<{name}>"
        return value

    def plain(self, value):
        """A value with our names for what is this side's own."""
        if isinstance(value, dict):
            return {key: self.plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(item) for item in value]
        if isinstance(value, str):
            for own in sorted(self.names, key=len, reverse=True):
                value = value.replace(own, self.names[own])
            return value
        return value if isinstance(value, (int, float, bool, type(None))) else f"<{type(value).__name__}>"


def simulated(endpoint):
    """The simulated AWS. Its clusters, groups and buckets are there from the beginning."""
    side = Side(endpoint)
    (group,) = side.elb.describe_target_groups(Names=["sessions"])["TargetGroups"]
    side.group = side.name(group["TargetGroupArn"], "group")
    return side


def moto():
    """A moto server in which there is the same; and what must be called at the end."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    side = Side(f"http://{host}:{port}")
    # Otherwise a task goes one step on towards its end whenever it is looked at.
    stays = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1_000_000}}
    requests.post(f"{side.endpoint}/moto-api/state-manager/set-transition", json=stays, timeout=10).raise_for_status()
    ec2 = side.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="127.0.0.0/16")["Vpc"]["VpcId"]
    # Without it moto has no name for a network interface, and fails.
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    side.subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="127.0.10.0/24")["Subnet"]["SubnetId"]
    side.security_groups = [ec2.create_security_group(GroupName="all", Description="all", VpcId=vpc)["GroupId"]]
    for cluster in CLUSTERS:
        side.ecs.create_cluster(clusterName=cluster)
    for family in ("session", "web"):
        container = {"name": "session", "image": "image", "memory": 512}
        side.ecs.register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="1024",
            memory="2048",
            containerDefinitions=[container],
        )
    group = side.elb.create_target_group(
        Name="sessions", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckPath="/health"
    )
    side.group = side.name(group["TargetGroups"][0]["TargetGroupArn"], "group")
    for bucket in BUCKETS:
        side.s3.create_bucket(Bucket=bucket)
    return side, server.stop
