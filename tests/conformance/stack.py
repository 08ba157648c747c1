"""What CloudFormation makes of the template's roles and rules, with given parameters."""

import re

PSEUDO = {
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "cleanup",
    "AWS::URLSuffix": "amazonaws.com",
}

# How ARNs of resources that a policy or a rule names look.
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
}

# The ledger has no name in the template; in the recordings it has this one.
NAMES = {"LedgerBucket": "ledger"}

NOTHING = object()


class Stack:
    """A template with parameters."""

    def __init__(self, template, parameters):
        self.template = template
        defaults = {name: declared.get("Default") for name, declared in template["Parameters"].items()}
        self.parameters = PSEUDO | defaults | parameters

    def holds(self, name):
        """Whether a condition of the template holds."""
        return self.is_true(self.template["Conditions"][name])

    def is_true(self, condition):
        """The same of a condition that is written out."""
        ((function, of),) = condition.items()
        if function == "Fn::Equals":
            return self.resolve(of[0]) == self.resolve(of[1])
        if function == "Fn::Not":
            return not self.is_true(of[0])
        if function == "Fn::And":
            return all(self.is_true(one) for one in of)
        if function == "Fn::Or":
            return any(self.is_true(one) for one in of)
        if function == "Condition":
            return self.holds(of)
        raise KeyError(function)

    def resolve(self, value):
        """A value as it is deployed."""
        if isinstance(value, list):
            items = (self.resolve(item) for item in value)
            return [item for item in items if item is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, of),) = value.items()
            if function == "Ref":
                return NOTHING if of == "AWS::NoValue" else self.named(of)
            if function == "Fn::GetAtt":
                resource, attribute = of if isinstance(of, list) else of.split(".")
                return self.attribute(resource, attribute)
            if function == "Fn::If":
                return self.resolve(of[1] if self.holds(of[0]) else of[2])
            if function == "Fn::Split":
                return self.resolve(of[1]).split(of[0])
            if function == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: self.named(found[1]), of)
            if function.startswith("Fn::"):
                raise KeyError(function)
        fields = {name: self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in fields.items() if item is not NOTHING}

    def named(self, name):
        """A parameter, a resource or an attribute of one, as `Ref` and `Fn::Sub` name it."""
        if name in self.parameters:
            return self.parameters[name]
        resource, _, attribute = name.partition(".")
        return self.attribute(resource, attribute) if attribute else NAMES.get(name, name)

    def attribute(self, resource, attribute):
        """The ARN of a resource."""
        if attribute != "Arn":
            raise KeyError(f"{resource}.{attribute}")
        kind = self.template["Resources"][resource]["Type"]
        region, account = self.named("AWS::Region"), self.named("AWS::AccountId")
        return ARNS[kind].format(name=NAMES.get(resource, resource), region=region, account=account)

    def policies(self, role):
        """The policy documents of a role: its own, and the template's that are attached to it."""
        properties = self.template["Resources"][role]["Properties"]
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for attached in properties.get("ManagedPolicyArns", []):
            if "Ref" in attached:
                documents.append(self.template["Resources"][attached["Ref"]]["Properties"]["PolicyDocument"])
        return [self.resolve(document) for document in documents]
