"""Columns as bytes: a line of JSON with name, type and shape of each, followed by their values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]


def pack_columns(columns: Columns) -> bytes:
    """Return columns of numbers or fixed-length bytes, of any shapes, as bytes; the inverse of `unpack_columns`.

    >>> packed = pack_columns({"n": np.array([1, 2], dtype=np.int8), "ids": np.array([b"abc"])})
    >>> {name: column.tolist() for name, column in unpack_columns(packed).items()}
    {'n': [1, 2], 'ids': [b'abc']}
    """
    head = [[name, column.dtype.str, column.shape] for name, column in columns.items()]
    values = (np.ascontiguousarray(column).tobytes() for column in columns.values())
    return b"".join([json.dumps(head, separators=(",", ":")).encode(), b"\n", *values])


def unpack_columns(packed: bytes | memoryview) -> dict[str, NDArray[Any]]:
    """Return the columns as read-only views of the packed bytes. Raises ValueError if they are not packed columns."""
    content = bytes(packed)
    end = content.find(b"\n")
    columns, start = {}, end + 1
    for name, kind, shape in json.loads(content[: max(end, 0)]):
        dtype = np.dtype(kind)
        columns[name] = np.frombuffer(content, dtype, prod(shape), start).reshape(shape)
        start += dtype.itemsize * prod(shape)
    return columns
