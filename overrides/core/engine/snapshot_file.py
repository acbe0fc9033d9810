"""The bytes of a snapshot: a short header, and a body of columns that stays the same while only the mode changes.

    magic (8) | length of the header (8, little-endian) | sha256 of the header (32) | header, JSON | body
    body:      length of its JSON (8) | JSON, padded with blanks to a multiple of 8 | columns, each padded

The header names the length and the sha256 of the body, so one hash covers everything. A reader that holds the body
already may be sent the header alone. Numbers are the bytes of the doubles themselves, so nothing is rounded; numpy and
the standard library read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"CWSNAP\x00\x01"  # the last byte is the version of this layout
LENGTH, DIGEST, UNIT = 8, 32, 8
BEGIN = len(MAGIC) + LENGTH + DIGEST
LONGEST_HEADER = 1 << 20
DTYPES = ("<f8", "<i8", "<u8", "|u1")

Columns = Mapping[str, NDArray[Any]]


class SnapshotError(ValueError):
    """The bytes are no whole snapshot that this reader knows."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body as bytes with the sha256 that its header names."""

    content: bytes
    sha256: str

    @classmethod
    def of(cls, document: Mapping[str, Any], columns: Columns) -> Body:
        """Return the body of a JSON document and columns of the types in DTYPES.

        >>> body = Body.of({"name": "pm"}, {"n": np.array([1.5, 2.0])})
        >>> document, columns = body.read()
        >>> document["name"], columns["n"].tolist()
        ('pm', [1.5, 2.0])
        """
        kept = {name: np.ascontiguousarray(column) for name, column in columns.items()}
        table = [[name, column.dtype.newbyteorder("<").str, list(column.shape)] for name, column in kept.items()]
        text = _json({**document, "columns": table})
        parts = [(len(text) + -len(text) % UNIT).to_bytes(LENGTH, "little"), text, b" " * (-len(text) % UNIT)]
        for column in kept.values():
            raw = column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes()
            parts += [raw, b"\0" * (-len(raw) % UNIT)]
        content = b"".join(parts)
        return cls(content, hashlib.sha256(content).hexdigest())

    def read(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the JSON document and the columns, which share the body's memory. Raises SnapshotError."""
        try:
            start = LENGTH + int.from_bytes(self.content[:LENGTH], "little")
            document = json.loads(self.content[LENGTH:start])
            columns: dict[str, NDArray[Any]] = {}
            for name, dtype, shape in document.pop("columns"):
                if dtype not in DTYPES:
                    raise SnapshotError(f"column {name} is of type {dtype}")
                size = int(np.prod(shape, dtype=np.int64))
                columns[name] = np.frombuffer(self.content, dtype, size, start).reshape(shape)
                start += columns[name].nbytes + -columns[name].nbytes % UNIT
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise SnapshotError(f"the body cannot be read: {error}") from error
        if start != len(self.content):
            raise SnapshotError("the body holds more than its columns")
        return document, columns


def pack_header(header: Mapping[str, Any], body: Body) -> bytes:
    """Return what precedes the body: the header with the length and the hash of the body, under its own hash."""
    text = _json({**header, "body": {"bytes": len(body.content), "sha256": body.sha256}})
    return b"".join((MAGIC, len(text).to_bytes(LENGTH, "little"), hashlib.sha256(text).digest(), text))


def digest_of(content: bytes) -> str:
    """Return 16 hexadecimal digits that tell snapshots apart whatever they are called: of the header's sha256.

    The header names the sha256 of the body, so equal digests mean the same mode, version and overrides.

    >>> body = Body.of({}, {})
    >>> len(digest_of(pack_header({"module": "pm"}, body) + body.content))
    16
    """
    return content[BEGIN - DIGEST : BEGIN].hex()[:16]


def unpack(content: bytes) -> tuple[dict[str, Any], Body | None]:
    """Return the header and the body of a snapshot, both compared with their hashes; None if the body was left out.

    Raises SnapshotError.

    >>> body = Body.of({}, {})
    >>> unpack(pack_header({"module": "pm"}, body) + body.content)[0]["module"]
    'pm'
    >>> unpack(b"<html>")
    Traceback (most recent call last):
    overrides.core.engine.snapshot_file.SnapshotError: these bytes are no snapshot of a known layout
    """
    if content[: len(MAGIC)] != MAGIC or len(content) < BEGIN:
        raise SnapshotError("these bytes are no snapshot of a known layout")
    end = BEGIN + int.from_bytes(content[len(MAGIC) : len(MAGIC) + LENGTH], "little")
    if end > min(len(content), BEGIN + LONGEST_HEADER):
        raise SnapshotError("the header is cut off")
    text = content[BEGIN:end]
    if hashlib.sha256(text).digest() != content[BEGIN - DIGEST : BEGIN]:
        raise SnapshotError("the header has another hash than the snapshot names")
    try:
        header = json.loads(text)
        length, sha256 = header["body"]["bytes"], header["body"]["sha256"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SnapshotError(f"the header cannot be read: {error}") from error
    if end == len(content):
        return header, None
    body = content[end:]
    if len(body) != length:
        raise SnapshotError(f"the body has {len(body)} bytes, not {length}")
    if hashlib.sha256(body).hexdigest() != sha256:
        raise SnapshotError("the body has another hash than the header names")
    return header, Body(body, sha256)


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
