"""Content hashes: the same line or override has the same id wherever it is computed.

Each id is the sha256 of `content_json`, as 64 hexadecimal digits (docs/design.md 6). It signs policy: the ids of lines,
overrides, parameter sets and versions, the content of a change request that votes refer to, and the inputs of a
background result. Bots compute the same ids, so this file needs the standard library alone.

Facts (trades, audit entries, stored decisions) are signed by `fact_json` of telemetry, which writes characters as
they are (UTF-8) and knows times and UUIDs. The two texts differ for everything beyond ASCII, so neither may stand in
for the other: every stored hash would change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def content_json(value: Any) -> str:
    """Return the canonical text of a JSON value: sorted keys, no spaces, ASCII with escapes, floats by repr.

    Raises ValueError for NaN and infinities, TypeError for anything that is no JSON value; a time has to be text.

    >>> content_json({"b": 1.0, "a": ["é"]})
    '{"a":["\\\\u00e9"],"b":1.0}'
    """
    return _ENCODER.encode(value)


def content_hash(value: Any) -> str:
    """Return the sha256 of the canonical text, as 64 hexadecimal digits. Raises what `content_json` raises.

    >>> content_hash({"b": 1.0, "a": ["é"]})[:12]
    'e020d772a506'
    """
    return hashlib.sha256(content_json(value).encode("ascii")).hexdigest()


def line_id(
    module: str, channel: str, policy: str, pattern_key: str, action_category: str, scope: Mapping[str, str]
) -> str:
    """Return the id of a line: shared by a lesson and its overrides, whatever their statistics and targets.

    >>> line_id("pm", "pm_strength", "plan", "a.b.c", "entry", {"bucket": "nano"})[:12]
    '64b24cab2768'
    """
    return content_hash([module, channel, policy, pattern_key, action_category, dict(scope)])


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
)  # made once: building it costs as much as most values
