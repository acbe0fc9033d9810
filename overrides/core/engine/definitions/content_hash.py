"""Names made of content: the same line or override has the same name wherever it is computed.

Both are sha256 of canonical JSON, as 64 hex digits (design section 3).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def content_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces, ASCII, floats by repr; NaN and infinities raise ValueError.

    >>> content_json({"b": 1.0, "a": ["é"]})
    '{"a":["\\\\u00e9"],"b":1.0}'
    """
    return _ENCODER.encode(value)


def content_hash(value: Any) -> str:
    return hashlib.sha256(content_json(value).encode("ascii")).hexdigest()


def line_id(
    module: str, channel: str, policy: str, pattern_key: str, action_category: str, scope: Mapping[str, str]
) -> str:
    """The identity that a lesson and the overrides made from it share, whatever their statistics and targets.

    >>> line_id("pm", "pm_strength", "plan", "a.b.c", "entry", {"bucket": "nano"})[:12]
    '64b24cab2768'
    """
    return content_hash([module, channel, policy, pattern_key, action_category, dict(scope)])


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
)  # made once: building it costs as much as most values
