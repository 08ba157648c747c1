"""Reads pairs of pattern and text, and says of each whether the pattern matches the whole text, as
CloudFormation's patterns must."""

import json
import re
import sys

pairs = json.load(sys.stdin)
json.dump([bool(re.fullmatch(pattern, text)) for pattern, text in pairs], sys.stdout)
