"""Prints samconfig.toml as JSON."""

import json
import sys

import tomlkit

with open(sys.argv[1], encoding="utf-8") as file:
    json.dump(tomlkit.load(file).unwrap(), sys.stdout)
