"""What version 0.3.0 of OpenFeature's remote evaluation protocol requires of responses, as JSON schemas.

Restated from `service/openapi.yaml` and `service/event-streams.yaml` of github.com/open-feature/protocol, independently
of the product's own description of its endpoints. No conformance kit for servers is published.
"""

from __future__ import annotations

from typing import Any

import jsonschema_rs

Shape = dict[str, Any]

TEXT: Shape = {"type": "string"}
METADATA: Shape = {"type": "object", "additionalProperties": {"type": ["boolean", "string", "number"]}}
SUCCESS: Shape = {
    "type": "object",
    "required": ["key", "reason"],
    "properties": {
        "key": TEXT,
        "reason": {"enum": ["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"]},
        "value": {"type": ["boolean", "string", "number", "object"]},
        "variant": TEXT,
        "metadata": METADATA,
    },
}
FAILURE: Shape = {
    "type": "object",
    "required": ["key", "errorCode"],
    "properties": {
        "key": TEXT,
        "errorCode": {"enum": ["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"]},
        "errorDetails": TEXT,
        "metadata": METADATA,
    },
}
NOT_FOUND: Shape = {
    "type": "object",
    "required": ["key", "errorCode"],
    "properties": {"key": TEXT, "errorCode": {"const": "FLAG_NOT_FOUND"}, "errorDetails": TEXT},
}
BULK_FAILURE: Shape = {
    "type": "object",
    "required": ["errorCode"],
    "properties": {"errorCode": TEXT, "errorDetails": TEXT},
}
STREAM: Shape = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": TEXT,
        "url": {**TEXT, "format": "uri"},
        "endpoint": {"type": "object", "required": ["requestUri"]},
        "inactivityDelaySec": {"type": "integer", "minimum": 1},
    },
    "oneOf": [{"required": ["url"]}, {"required": ["endpoint"]}],
}
BULK: Shape = {
    "type": "object",
    "required": ["flags"],
    "properties": {
        "flags": {"type": "array", "items": {"oneOf": [SUCCESS, FAILURE]}},
        "metadata": METADATA,
        "eventStreams": {"type": "array", "items": STREAM},
    },
}
EVENT_DATA: Shape = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": TEXT, "etag": TEXT, "lastModified": {"type": ["integer", "string"]}},
}


def faults(shape: Shape, document: object) -> list[str]:
    """Return how a document differs from what the protocol requires."""
    return [error.message for error in jsonschema_rs.validator_for(shape).iter_errors(document)]
