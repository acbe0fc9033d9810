"""Content hashes: the same line or override has the same id wherever it is computed.

Both ids are sha256 of canonical JSON, as 64 hexadecimal digits (docs/design.md 6).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def content_json(value: Any) -> str:
    """Return the canonical JSON of a value: sorted keys, no spaces, ASCII, floats by repr.

    Raises ValueError for NaN and infinities, TypeError for values that JSON cannot represent.

    >>> content_json({"b": 1.0, "a": ["é"]})
    '{"a":["\\\\u00e9"],"b":1.0}'
    """
    return _ENCODER.encode(value)


def content_hash(value: Any) -> str:
    """Return the sha256 of the canonical JSON of a value, as 64 hexadecimal digits. Raises like `content_json`."""
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
