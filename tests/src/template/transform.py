"""Prints template.yaml after the transform of SAM, as JSON: what is really deployed."""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    def load(self):
        return {}


with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file.read())
# The transform wants uploaded code.
template["Globals"]["Function"]["CodeUri"] = "s3://bucket/code.zip"
json.dump(transform(template, {}, NoManagedPolicies()), sys.stdout)
