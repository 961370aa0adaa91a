# SPDX-License-Identifier: Apache-2.0
"""Reads a dashboard with Grafana's own model of one, and prints what that did not know, a line each.

Runs in .build-venv.
"""

import json
import sys

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(given, kept, path=""):
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            yield from lost(value, kept[name], f"{path}/{name}") if name in kept else [f"{path}/{name}"]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, (one, other) in enumerate(zip(given, kept)):
            yield from lost(one, other, f"{path}/{number}")
    elif given != kept:
        yield path


plugins.register_default_plugins()
board = json.load(sys.stdin)
print("\n".join(lost(board, json.loads(JSONEncoder().encode(Dashboard.from_json(board))))))
