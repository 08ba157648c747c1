"""Which AWS operations the source of the functions can send: every method that is named as one of a service's.

Takes the folder of the source; prints [["ecs ListTasks"], ...]: each a call, with all operations that it may be.
"""

import json
import pathlib
import re
import sys

from botocore import xform_name
from wire import MODELS


def main():
    """Reads every file, but for its tests."""
    by_method = {}
    for service, model in MODELS.items():
        for name in model.operation_names:
            by_method.setdefault(xform_name(name), []).append(f"{service} {name}")
    calls = set()
    source = pathlib.Path(sys.argv[1]).resolve()
    for path in source.rglob("*.rs"):
        text = path.read_text(encoding="utf-8").split("#[cfg(test)]")[0]
        # A builder begins with a call without arguments.
        if "tests" not in path.relative_to(source).parts and "aws_sdk_" in text:
            calls.update(name for name in re.findall(r"\.\s*([a-z0-9_]+)\(\)", text) if name in by_method)
    json.dump([by_method[name] for name in sorted(calls)], sys.stdout)


if __name__ == "__main__":
    main()
