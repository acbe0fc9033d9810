"""Read lines of a stream that may be compressed, hostile or truncated; at most one line is in memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from telemetry.foundation.core.refusal import Refused

LONGEST_LINE = 10_000_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UNREADABLE = (EOFError, zlib.error, gzip.BadGzipFile)


class Stream(Protocol):
    """Anything with `readline`: a file, or a decompressing stream."""

    def readline(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its line break; `number` counts from 1. `refused` explains why a line has no text."""

    number: int
    text: str = ""
    refused: Refused | None = None


def read_lines(stream: Stream, *, most: int | None = None) -> Iterator[Line]:
    """Yield the lines of a UTF-8 stream. An unreadable line does not affect the others unless nothing can follow it.

    A stream that unpacks to more than `most` bytes is taken for a decompression bomb and refused from there on.
    """
    number = total = 0
    while True:
        number += 1
        try:
            line = stream.readline(LONGEST_LINE + 1)
            total += len(line)
            length = len(line) if len(line) <= LONGEST_LINE else len(line) + _skip_rest(stream, line)
        except UNREADABLE as error:
            message = f"the packed file is damaged or cut off here ({error}); fetch the whole file and import it again"
            yield Line(number, refused=Refused.because(message))
            return
        if not line:
            return
        if most is not None and total > most:
            message = f"the file unpacks to more than {most} bytes, far beyond its own size; unpack it and import that"
            yield Line(number, refused=Refused.because(message))
            return
        yield _line(number, line, length)


def _line(number: int, line: bytes, length: int) -> Line:
    if length > LONGEST_LINE:
        message = f"the line has {length} bytes; send at most {LONGEST_LINE}, one trade to a line"
        return Line(number, refused=Refused.because(message))
    try:
        return Line(number, line.removeprefix(BYTE_ORDER_MARK if number == 1 else b"").decode())
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8"
        return Line(number, refused=Refused.because(message))


def _skip_rest(stream: Stream, line: bytes) -> int:
    """Skip the rest of a line that is too long and return its length in bytes."""
    skipped = 0
    while line and not line.endswith(b"\n"):
        line = stream.readline(LONGEST_LINE)
        skipped += len(line)
    return skipped
