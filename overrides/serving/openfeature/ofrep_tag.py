"""The entity tag of a bulk evaluation: what a provider may keep using as long as the tag is the same.

Weights decay and changes ramp with time, so the same version answers slightly differently from one minute to the next.
A tag is therefore also of the hour in which it was made: what a provider keeps is at most an hour old.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from overrides.core.engine.definitions.formats import CURRENT_FORMAT
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.engine.definitions.vocabulary import Flag, Reason
from overrides.core.engine.staleness import FRESH_SECONDS
from overrides.serving.engine import ENGINE_ROOM, Engine
from overrides.serving.resolve import Resolved


def tag_now(module: str, fields: Mapping[str, Any], now: datetime) -> str:
    """Return the tag that an evaluation made now would have."""
    engine, age = ENGINE_ROOM.engine(module), ENGINE_ROOM.stale_seconds(module)
    is_expired = engine is None or age > ENGINE_ROOM.max_stale_seconds
    return _tag(engine, is_expired, age > FRESH_SECONDS, fields, now)


def tag_of(resolved: Resolved, fields: Mapping[str, Any], now: datetime) -> str:
    """Return the tag of an evaluation."""
    decided = resolved.decided
    is_expired = decided.answer.reason is Reason.STALE
    return _tag(decided.engine, is_expired, Flag.STALE_VERSION in decided.flags, fields, now)


def _tag(engine: Engine | None, is_expired: bool, is_stale: bool, fields: Mapping[str, Any], now: datetime) -> str:
    mode = None if engine is None else engine.mode
    state = None if engine is None else [*engine.versions, mode and _state_of(mode)]
    hour = None if fields.get("at") is not None else now.strftime("%Y-%m-%dT%H")
    content = json.dumps([state, is_expired, is_stale, CURRENT_FORMAT, hour, dict(fields)], sort_keys=True)
    return f'"{sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def _state_of(mode: ServingMode) -> list[object]:
    arms = {lever: each.to_document() for lever, each in mode.arms.items()}
    return [mode.mode, mode.rollout_percent, dict(mode.allow), mode.rollout_salt, mode.holdback_percent, arms]
