"""OpenAPI description of remote evaluation, after the protocol's own (github.com/open-feature/protocol, 0.3.0)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from overrides.serving.openfeature.ofrep import FLAGS, TARGETING_KEY
from telemetry.foundation.api.schema_parts import problems

Shape = dict[str, Any]

KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="a flag: " + ", ".join(FLAGS))
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="the ETag of an evaluation that the provider has"
)
FLAG_CONFIG = [
    OpenApiParameter(name, str, description="what an event of the stream said; it is accepted and has no effect")
    for name in ("flagConfigEtag", "flagConfigLastModified")
]

_TEXT: Shape = {"type": "string"}
_METADATA: Shape = {"type": "object", "additionalProperties": {"type": ["boolean", "string", "number"]}}
CONTEXT: Shape = {
    "type": "object",
    "description": "The action about to be taken. Fields are those of `POST /api/v1/levers/resolve/`; other attributes "
    "are ignored and named in the metadata. Dimensions may also be sent flat, as `scope.bucket`, and so may `current`.",
    "required": [TARGETING_KEY],
    "properties": {
        TARGETING_KEY: {"type": "string", "minLength": 1, "maxLength": 200, "description": "decides, always alike, who "
                        "is in a partial roll-out"},
        "pattern_key": {**_TEXT, "description": "family.state.motif; without it only dm has an answer"},
        "action_category": {**_TEXT, "description": "entry, add, trim or exit (pm), allocation (dm)"},
        "scope": {"type": "object", "additionalProperties": True, "description": "dimension → value"},
        "current": {"type": "object", "additionalProperties": {"type": "number"}, "description": "lever → its value"},
        "at": {**_TEXT, "format": "date-time", "description": "as of when; now if left out"},
        "coefficient_product": {"type": "number", "description": "pm: what dm answered for the position"},
        "alloc_mult": {"type": "number", "description": "pm: what dm answered for the position"},
        "book": {**_TEXT, "description": "the book of the action"},
        "position_key": {**_TEXT, "description": "names the position in every question about it, before its order"},
    },
    "additionalProperties": True,
}  # fmt: skip
REQUEST: Shape = {
    "type": "object",
    "required": ["context"],
    "properties": {"context": CONTEXT},
}
SUCCESS: Shape = {
    "type": "object",
    "required": ["key", "value", "reason", "variant", "metadata"],
    "properties": {
        "key": _TEXT,
        "value": {"type": "number", "format": "float"},
        "reason": {"type": "string", "enum": ["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"]},
        "variant": {**_TEXT, "description": "`version N`, or `neutral` where nothing learned is served"},
        "metadata": {
            **_METADATA,
            "description": "reason (in this product's words), decision_id, version, mode, flags, ignored",
        },
    },
}
_FAILED: Shape = {
    "type": "object",
    "required": ["errorCode"],
    "properties": {
        "key": _TEXT,
        "errorCode": {
            "type": "string",
            "enum": ["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "FLAG_NOT_FOUND", "GENERAL"],
        },
        "errorDetails": {**_TEXT, "description": "what is wrong, and the way out"},
    },
}
BULK: Shape = {
    "type": "object",
    "required": ["flags"],
    "properties": {
        "flags": {"type": "array", "items": {"oneOf": [SUCCESS, {**_FAILED, "required": ["key", "errorCode"]}]}},
        "metadata": _METADATA,
        "eventStreams": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "url"],
                "properties": {
                    "type": {"type": "string", "enum": ["sse"]},
                    "url": {**_TEXT, "format": "uri", "description": "holds a ticket of the caller: do not log it"},
                    "inactivityDelaySec": {"type": "integer", "minimum": 1},
                },
            },
        },
    },
}
EXAMPLE_CONTEXT = {
    TARGETING_KEY: "BTC/USDT",
    "pattern_key": "donchian.long.breakout",
    "action_category": "entry",
    "scope.macro_phase": "Good",
    "scope.timeframe": "4h",
    "current.size_mult": 1.02,
}


def failures(*statuses: int) -> dict[Any, Any]:
    """Return the responses of a refused evaluation, and those that every operation has."""
    words = {400: "The request cannot be evaluated.", 404: "There is no such flag."}
    refused = {(status, "application/json"): OpenApiResponse(_FAILED, words[status]) for status in statuses}
    return {**refused, **problems(408, 411, 413, 415)}
