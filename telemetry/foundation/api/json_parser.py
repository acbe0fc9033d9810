"""A strict JSON parser: no NaN, no infinity, no duplicate keys, bounded depth and size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from telemetry.foundation.core.refusal import shown

CHUNK = 64 * 1024
DRAINED_CHUNKS = 1024


class BodyTooLarge(APIException):
    """The body exceeds DATA_UPLOAD_MAX_MEMORY_SIZE."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"the body has {length} bytes; send at most {limit}, in several requests if need be")


class Encoded(UnsupportedMediaType):
    """The body has a content encoding, such as gzip, which is not supported."""

    def __init__(self, encoding: str) -> None:
        super().__init__(encoding, f"content encoding {shown(encoding)} is not read; send the body uncompressed")


def refuse_constant(name: str) -> float:
    """Raise ParseError for NaN and the infinities, which Python's parser would accept."""
    raise ParseError(f"{name} is not JSON; send a finite number or leave the field out")


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's pairs as a dict; raise ParseError on a duplicate key, whose first value would be lost."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ParseError(f"the key {shown(key)} appears twice in one object; send it once")
        result[key] = value
    return result


class StrictJSONParser(BaseParser):
    """DRF parser for `application/json` that explains every refusal."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            text = self._body(stream, parser_context or {}).decode("utf-8")
            return json.loads(text, parse_constant=refuse_constant, object_pairs_hook=unique_keys)
        except UnicodeDecodeError as error:
            raise ParseError(f"the body is not UTF-8 (byte {error.start}); encode it as UTF-8") from error
        except RecursionError as error:
            raise ParseError("the JSON is nested too deep; send at most a few levels") from error
        except ValueError as error:
            fault = str(error).partition(";")[0]  # the rest is Python's advice to programmers
            raise ParseError(f"the body is not JSON: {fault}; send one JSON document") from error

    @staticmethod
    def _body(stream: IO[Any], context: Mapping[str, Any]) -> bytes:
        """Return the whole body as bytes; raise BodyTooLarge before reading one that is too long.

        DRF bypasses Django's own check of the length. The body is read as `request.body`, so that the idempotency check
        can read it again.
        """
        request = context["request"]
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if limit is not None and length > limit:
            for _ in range(DRAINED_CHUNKS):  # a client that is still sending would not read the response
                if not stream.read(CHUNK):
                    break
            raise BodyTooLarge(length, limit)
        encoding = request.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            raise Encoded(encoding)
        body: bytes = request.body
        return body
