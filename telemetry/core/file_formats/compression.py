"""Compressed files: gzip or zip, recognised by their first bytes, never by the file name."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from telemetry.core.file_formats.text_lines import UNREADABLE
from telemetry.foundation.core.refusal import Refused

GZIP, ZIP = b"\x1f\x8b", b"PK"
LARGEST_DOCUMENT = 256 * 1024 * 1024  # parsed JSON takes several times its size in memory
MOST_MEMBERS = 100
LARGEST_RATIO, ALWAYS_ALLOWED = 200, 256 * 1024 * 1024  # text packs 10 to 30 times, a bomb 1,000


def unpacked(stream: IO[bytes], size: int) -> tuple[IO[bytes], int | None]:
    """Return a buffered stream of the content of a plain or gzip file of `size` bytes, and the most bytes to accept.

    The limit is None for a plain file.
    """
    if _begins_with(stream, GZIP):
        content: Any = gzip.GzipFile(fileobj=stream)  # a stream of bytes in all but its type
        return content, max(ALWAYS_ALLOWED, size * LARGEST_RATIO)
    return stream, None


def is_zip(stream: IO[bytes]) -> bool:
    """Return whether the stream starts like a zip file."""
    return _begins_with(stream, ZIP)


def json_members(stream: IO[bytes]) -> Iterator[tuple[str, str | Refused]]:
    """Yield name and text of the JSON files in a zip, and a refusal for each that cannot be read.

    Raises Refused if the zip itself cannot be.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            found = [member for member in archive.infolist() if member.filename.endswith(".json")]
            if len(found) > MOST_MEMBERS:
                raise Refused.because(f"the zip holds {len(found)} JSON files; import at most {MOST_MEMBERS} at once")
            for member in found:
                yield member.filename, _member_text(archive, member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise _damaged(error) from None


def _member_text(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str | Refused:
    try:
        with archive.open(member) as file:
            return whole_text(file)
    except Refused as refused:
        return refused
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        return _damaged(error)


def _damaged(error: Exception) -> Refused:
    return Refused.because(
        f"the zip is damaged, encrypted or cut off ({error}); fetch the whole file and import it again"
    )


def whole_text(stream: IO[bytes]) -> str:
    """Read a stream whole and return its text; raise Refused if it is damaged, too large or not UTF-8."""
    try:
        content = stream.read(LARGEST_DOCUMENT + 1)
    except UNREADABLE as error:
        message = f"the packed file is damaged or cut off ({error}); fetch the whole file and import it again"
        raise Refused.because(message) from None
    if len(content) > LARGEST_DOCUMENT:
        raise Refused.because(
            f"the JSON has more than {LARGEST_DOCUMENT} bytes; split it by strategy, or write JSON lines"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused.because(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None


def _begins_with(stream: IO[bytes], magic: bytes) -> bool:
    start = stream.tell()
    found = stream.read(len(magic))
    stream.seek(start)
    return found == magic
