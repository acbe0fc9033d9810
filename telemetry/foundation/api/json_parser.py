"""A strict JSON parser: no NaN, no infinity, no duplicate keys, bounded depth and size; bodies may be gzip.

An item of a list that breaks one of the first three rules is marked and costs no other item (`Unreadable`).
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import orjson
from django.conf import settings
from django.http import HttpRequest
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from telemetry.foundation.core.objects import Unreadable
from telemetry.foundation.core.refusal import Refusal, join, label, shown

CHUNK = 64 * 1024
DRAINED_CHUNKS = 1024
GZIP = frozenset({"gzip", "x-gzip"})
CODINGS = "gzip, identity"
_GZIP_WINDOW = zlib.MAX_WBITS | 16  # a gzip header and trailer, and nothing else
_KEY_ENDS = re.compile(rb'"[ \t\n\r]*:')


class BodyTooLarge(APIException):
    """The body exceeds DATA_UPLOAD_MAX_MEMORY_SIZE."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE

    def __init__(self, length: int | None, limit: int) -> None:
        has = "is longer than that once it is decoded" if length is None else f"has {length} bytes"
        super().__init__(f"the body {has}; send at most {limit}, in several requests if need be")


class Encoded(UnsupportedMediaType):
    """The body has a content coding that is not read."""

    def __init__(self, encoding: str) -> None:
        super().__init__(
            encoding, f"content coding {shown(encoding)} is not read; send the body as gzip or uncompressed"
        )


_Step = tuple[str, Any]  # a key or place, and the step above it; spelled out only for what is refused


@dataclass(frozen=True, slots=True)
class _Fault:
    """What stands in a parsed document for a part that is not acceptable."""

    message: str


def _constant(name: str) -> _Fault:
    """Mark NaN and the infinities, which Python's parser would accept."""
    return _Fault(f"{name} is not JSON; send a finite number or leave the field out")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Fault:
    """Return an object's pairs as a dict; mark one with a duplicate key, whose first value would be lost."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            return _Fault(f"the key {shown(key)} appears twice in one object; send it once")
        result[key] = value
    return result


def _fault_in(value: Any) -> Refusal | None:
    """Return a fault of a document with its path, None if there is none; a loop, because a recursion has a depth."""
    pending: list[tuple[Any, _Step | None]] = [(value, None)]
    while pending:
        each, step = pending.pop()
        if type(each) is _Fault:
            return Refusal(_path(step), each.message)
        if type(each) is dict:
            pending += [(inner, (label(key), step)) for key, inner in each.items()]
        elif type(each) is list:
            pending += [(inner, (f"[{place}]", step)) for place, inner in enumerate(each)]
    return None


def _path(step: _Step | None) -> str:
    path = ""
    while step is not None:
        path, step = join(step[0], path), step[1]
    return path


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON document; items of a list may be Unreadable. Raises ParseError with what to change.

    orjson parses ten times as fast as the standard library and keeps every float. It keeps the last of duplicate keys,
    however, and its messages are its own. So whatever it refuses, and whatever might hold a duplicate, is parsed once
    more by the standard library, which decides.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_slowly(body)
    return _parse_slowly(body) if _may_repeat_a_key(body, value) else value


def _may_repeat_a_key(body: bytes, value: Any) -> bool:
    """Return whether a document may spell out a key of one object twice; `value` is what orjson made of it.

    Where nothing is escaped, texts hold the same colons when the value is written again, and a key that was dropped
    takes its colon with it. Counting them takes a fifth of the time of looking at keys.

    >>> [_may_repeat_a_key(each, orjson.loads(each)) for each in (b'{"a": "1:2", "b" :3}', b'{"a": 1, "a" :2}')]
    [False, True]
    """
    if b"\\" not in body:
        with suppress(orjson.JSONEncodeError):  # it reads deeper objects than it writes
            return body.count(b":") != orjson.dumps(value).count(b":")
    return _number_of_keys(value) != _most_keys(body)


def _number_of_keys(value: Any) -> int:
    """Return the number of keys of all objects in a value; a loop, because a recursion has a depth."""
    count, pending = 0, [value]
    while pending:
        each = pending.pop()
        if type(each) is dict:
            count += len(each)
            pending += [inner for inner in each.values() if type(inner) in (dict, list)]
        elif type(each) is list:
            pending += [inner for inner in each if type(inner) in (dict, list)]
    return count


def _most_keys(body: bytes) -> int:
    """Return the number of quotes that a colon follows: at least the number of keys that a document spells out.

    A text such as ":" counts as well, so that a document may be suspected wrongly, but no duplicate is overlooked:
    a document with one has fewer keys left than it spells out.

    >>> _most_keys(b'{"a": {"b" : 1}, "c": "x:y"}'), _most_keys(b'{"a": ":"}')
    (3, 2)
    """
    return len(_KEY_ENDS.findall(body))


def _parse_slowly(body: bytes) -> Any:
    value = _marked(body)
    if type(value) is list:
        return [each if (fault := _fault_in(each)) is None else Unreadable(fault) for each in value]
    if (fault := _fault_in(value)) is not None:
        raise ParseError(fault.message)
    return value


def _marked(body: bytes) -> Any:
    """Return the value of a JSON document with its faults marked. Raises ParseError."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_constant, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise ParseError(f"the body is not UTF-8 (byte {error.start}); encode it as UTF-8") from error
    except RecursionError as error:
        raise ParseError("the JSON is nested too deep; send at most a few levels") from error
    except ValueError as error:
        fault = str(error).partition(";")[0]  # the rest is Python's advice to programmers
        raise ParseError(f"the body is not JSON: {fault}; send one JSON document") from error


def gunzip(body: bytes, limit: int) -> bytes:
    """Return a gzip body decoded, at most `limit` bytes. Raises BodyTooLarge before more is decoded, and ParseError."""
    decoder = zlib.decompressobj(_GZIP_WINDOW)
    try:
        decoded = decoder.decompress(body, limit + 1)
    except zlib.error as error:
        raise ParseError(f"the body is not gzip: {error}; send it uncompressed or encode it again") from error
    if len(decoded) > limit:
        raise BodyTooLarge(None, limit)
    if not decoder.eof or decoder.unused_data:
        raise ParseError("the gzip body is cut off or has bytes behind its end; send one whole gzip stream")
    return decoded


def is_too_long(request: HttpRequest) -> bool:
    """Return whether `read_body` refuses a body for its declared length, after which nothing can read it again.

    Raises ValueError if the length is no number.
    """
    return _declared_length(request) > _limit()


def _declared_length(request: HttpRequest) -> int:
    return int(request.META.get("CONTENT_LENGTH") or 0)


def _limit() -> int:
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0


def read_body(request: HttpRequest) -> Any:
    """Return the JSON of a request's body, decoded; raise BodyTooLarge before reading one that is too long.

    DRF bypasses Django's own check of the length. The body is read as `request.body`, so that the idempotency check
    can read it again.
    """
    limit, length = _limit(), _declared_length(request)
    if length > limit:
        for _ in range(DRAINED_CHUNKS):  # a client that is still sending would not read the response
            if not request.read(CHUNK):
                break
        raise BodyTooLarge(length, limit)
    coding = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if coding != "identity" and coding not in GZIP:
        raise Encoded(coding)
    body = request.body
    if coding in GZIP:
        # What is sent again may be compressed otherwise, so that decoded bytes are what is compared.
        body = request._body = gunzip(body, limit)
        request.META["HTTP_CONTENT_ENCODING"] = "identity"
    return parse_json(body)


class StrictJSONParser(BaseParser):
    """DRF parser for `application/json` that explains every refusal."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return read_body((parser_context or {})["request"]._request)
