"""JSON as the standard has it: no NaN, no infinity, no duplicate keys, no lone surrogates, bounded depth."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_DEPTH_MESSAGE = "the JSON is nested too deeply; send at most a few levels"


def refuse_constant(name: str) -> float:
    raise ParseError(f"{name} is not JSON; send a finite number or leave the field out")


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ParseError(f"the key {twice!r} appears twice in one object; send it once")
    return result


class StrictJSONParser(BaseParser):
    """Parses `application/json` and says what is wrong with what it refuses."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            text = codecs.decode(stream.read(), "utf-8")
            return json.loads(text, parse_constant=refuse_constant, object_pairs_hook=unique_keys)
        except UnicodeDecodeError as error:
            raise ParseError(f"the body is not UTF-8 (byte {error.start}); encode it as UTF-8") from error
        except RecursionError as error:
            raise ParseError(MAX_DEPTH_MESSAGE) from error
        except ValueError as error:
            raise ParseError(f"the body is not JSON: {error}") from error
