"""Who moved the levers of answers, in short, as JSON: those of a list in one pass over each bucket, as text.

Of one answer the contributions are values, because passes over so few would take longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from overrides.core.engine.compiled import Bucket
from overrides.core.engine.listing import Blending
from overrides.core.engine.scope_packing import Rows
from overrides.core.engine.taken import Contributions
from overrides.core.engine.weights import Column
from overrides.serving.blended_rows import BlendedRows, blended_rows
from overrides.serving.decisions.decision_movers import blends_of

NULL = "null"  # how orjson writes NaN
PIECES = 5  # of the text of a contribution; one join for an answer takes a fifth of a template for each
Summary = orjson.Fragment | list[dict[str, Any]]


def summaries(lists: Sequence[Contributions]) -> list[Summary]:
    """Return, for each list of contributions, an array of objects: id, line, w_total, and the parts by lever."""
    if len(lists) == 1:
        return [_values(lists[0])]
    blends = [_blends(each) for each in lists]
    by_bucket: dict[int, list[Blending]] = {}
    for found in blends:
        for blend in found or ():
            by_bucket.setdefault(id(blend.bucket), []).append(blend)
    texts = {at: _texts(of_bucket) for at, of_bucket in by_bucket.items()}
    return [
        _values(each) if found is None else _array([next(texts[id(blend.bucket)]) for blend in found])
        for each, found in zip(lists, blends, strict=True)
    ]


def _values(contributions: Contributions) -> list[dict[str, Any]]:
    return [
        {"id": id, "line": line, "w_total": weight, "parts": parts} for id, line, weight, parts in contributions.brief
    ]


def _blends(contributions: Contributions) -> tuple[Blending, ...] | None:
    """Return the blends that a list is made from; None if it is made from others, or if ids are no hashes."""
    if not contributions:
        return ()
    found = blends_of(contributions)
    for blend in found or ():
        if blend.bucket.ids.packed is None or blend.bucket.lines.packed is None:
            return None
    return found


def _array(texts: Sequence[str]) -> orjson.Fragment:
    return orjson.Fragment(f"[{','.join(texts)}]")


def _texts(blends: Sequence[Blending]) -> Iterator[str]:
    """Yield the contributions to each blend of one bucket, separated by commas."""
    found, bucket = blended_rows(blends), blends[0].bucket
    pieces = [',"parts":{'] * (PIECES * found.rows.size)
    pieces[0::PIECES], pieces[1::PIECES] = _names(bucket, found.rows), _written(found.weights)
    pieces[3::PIECES], pieces[4::PIECES] = _parts(bucket, found), ["}},"] * found.rows.size
    start = 0
    for end in found.ends:
        yield "".join(pieces[start * PIECES : end * PIECES])[:-1]
        start = end


def _names(bucket: Bucket, rows: Rows) -> list[str]:
    """Return what each contribution begins with: the id and the line of its override, which many answers share."""
    listed = rows.tolist()
    distinct = np.array(list(set(listed)))
    pairs = zip(distinct.tolist(), bucket.ids.take(distinct), bucket.lines.take(distinct), strict=True)
    names = {row: f'{{"id":"{id}","line":"{line}","w_total":' for row, id, line in pairs}
    return [names[row] for row in listed]


def _parts(bucket: Bucket, found: BlendedRows) -> list[str]:
    """Return the parts of each contribution, by lever."""
    columns = [
        ["" if part == NULL else f'"{lever}":{part}' for part in _written(column)]
        for lever, column in zip(bucket.levers, found.parts.T, strict=True)
    ]
    if len(columns) == 1:
        return columns[0]
    rows = zip(*columns, strict=True)
    return list(map(",".join, rows if bucket.is_full else (filter(None, row) for row in rows)))


def _written(numbers: Column) -> list[str]:
    """Return numbers as JSON."""
    text = orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].decode().split(",")
