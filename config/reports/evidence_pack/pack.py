"""The evidence pack: each table as CSV and JSON lines, the period's part of the audit trail, and its verification.

Files are written as rows arrive, and each is hashed while it is written. The part of the audit trail is complete for
every choice of module, because a chain with missing rows proves nothing.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from django.core.files.temp import NamedTemporaryFile

from config.reports.evidence_pack.tables import TABLES
from config.reports.exports.selection import Selection
from telemetry.audit.audit_log import Part, export_part, part_of_period
from telemetry.core import hash_chain
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.csv_cells import csv_lines

Opened = Callable[[str], AbstractContextManager[IO[bytes]]]
AUDIT_COLUMNS = ("seq", "at", "actor", "action", "object", "reason", "before", "after", "request_id", "hash")
MOST_NUMBERS = 100
RANGE = (
    "by sequence, the order in which the database committed: from the entry after the newest one before the period to "
    "the entry before the oldest one after it; none between them is left out for the time that it names"
)


def write_pack(opened: Opened, selection: Selection, *, made_at: datetime) -> dict[str, Any]:
    """Write every file to the stream that `opened` returns for its name, the manifest last; return the manifest."""
    files: dict[str, dict[str, Any]] = {}

    def put(name: str, pieces: Iterable[str]) -> None:
        files[name] = _write(opened, name, pieces)

    for name, table in TABLES.items():
        put(f"{name}.csv", csv_lines(table.columns, table.rows(selection)))
        put(f"{name}.jsonl", (_line(row) for row in table.rows(selection)))
    ends: list[dict[str, Any]] = []
    part = part_of_period(selection.since, selection.until)
    put("audit.jsonl", (f"{line}\n" for line in _ends_of(export_part(part), ends)))
    put("audit.csv", csv_lines(AUDIT_COLUMNS, _entries(part)))
    put("chain.py", [Path(hash_chain.__file__).read_text(encoding="utf-8")])
    manifest = {
        "made_at": utc_text(made_at),
        "since": selection.since and utc_text(selection.since),
        "until": selection.until and utc_text(selection.until),
        "module": selection.module,
        "audit": ends[0] | ends[-1] | _range(part, selection),
        "verify": "python chain.py audit.jsonl HEAD, the head as noted elsewhere; sha256sum of each file",
        "files": files,
    }
    _write(opened, "manifest.json", [json.dumps(manifest, indent=1) + "\n"])
    return manifest


def zipped(selection: Selection, *, made_at: datetime) -> IO[bytes]:
    """Return the pack as one zip in a temporary file, positioned at its beginning."""
    file: IO[bytes] = NamedTemporaryFile()  # deleted when its reader closes it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pack:
        write_pack(lambda name: pack.open(name, "w"), selection, made_at=made_at)
    file.seek(0)
    return file


def _write(opened: Opened, name: str, pieces: Iterable[str]) -> dict[str, Any]:
    """Write one file; return its hash and size."""
    digest, size = sha256(), 0
    with opened(name) as stream:
        for piece in pieces:
            data = piece.encode()
            digest.update(data)
            size += len(data)
            stream.write(data)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"


def _ends_of(lines: Iterable[str], ends: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines unchanged, and append their first and last documents to `ends`."""
    last = ""
    for line in lines:
        if not ends:
            ends.append(json.loads(line))
        last = line
        yield line
    ends.append(json.loads(last))


def _range(part: Part, selection: Selection) -> dict[str, Any]:
    """Return how the part of the trail was found, and which of its entries name a time outside the period."""
    elsewhere = part.entries.exclude(pk__in=selection.between(part.entries, "written_at").values("pk"))
    numbers = list(elsewhere.order_by("seq").values_list("seq", flat=True)[:MOST_NUMBERS])
    return {"range": RANGE, "dated_elsewhere": {"entries": elsewhere.count(), "first": numbers}}


def _entries(part: Part) -> Iterator[dict[str, Any]]:
    """Yield the audit entries as table rows, without the fields that only the chain needs."""
    for line in export_part(part):
        row = json.loads(line)
        if "content" in row:
            yield json.loads(row["content"]) | {"seq": row["seq"], "hash": row["hash"]}
