"""JSON as the standard has it: no NaN, no infinity, no duplicate keys, bounded depth and size."""

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
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"the body has {length} bytes; send at most {limit}, in several requests if need be")


class Encoded(UnsupportedMediaType):
    """A body that was compressed on its way."""

    def __init__(self, encoding: str) -> None:
        super().__init__(encoding, f"content encoding {shown(encoding)} is not read; send the body uncompressed")


def refuse_constant(name: str) -> float:
    raise ParseError(f"{name} is not JSON; send a finite number or leave the field out")


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's pairs as a dict; a key that comes twice would silently lose one of its values."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ParseError(f"the key {shown(key)} appears twice in one object; send it once")
        result[key] = value
    return result


class StrictJSONParser(BaseParser):
    """Parses `application/json` and says what is wrong with what it refuses."""

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
            told = str(error).partition(";")[0]  # Python's advice after it is for programmers
            raise ParseError(f"the body is not JSON: {told}; send one JSON document") from error

    @staticmethod
    def _body(stream: IO[Any], context: Mapping[str, Any]) -> bytes:
        """The whole body. DRF reads past Django's own check of its length, so it is made here, before reading.

        It is read as the request's `body`, so that whoever compares bodies later still finds it there.
        """
        request = context["request"]
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if limit is not None and length > limit:
            for _ in range(DRAINED_CHUNKS):  # a sender that is still sending would not hear the answer
                if not stream.read(CHUNK):
                    break
            raise BodyTooLarge(length, limit)
        encoding = request.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            raise Encoded(encoding)
        body: bytes = request.body
        return body
