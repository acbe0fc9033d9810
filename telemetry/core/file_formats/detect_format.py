"""Read a trade file of any supported format: detected by its content, and by its name only if that is ambiguous."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from telemetry.core.file_formats.column_mapping import ColumnMapping
from telemetry.core.file_formats.compression import is_zip, json_members, unpacked, whole_text
from telemetry.core.file_formats.csv_records import Record, read_records
from telemetry.core.file_formats.file_rows import Defaults, Row, with_defaults
from telemetry.core.file_formats.flat_csv import read_flat, refuse_header
from telemetry.core.file_formats.freqtrade_database import MAGIC, read_database
from telemetry.core.file_formats.freqtrade_files import (
    is_result,
    is_table,
    is_trade,
    listed,
    read_result,
    read_table,
    read_trades,
    refuse_table,
)
from telemetry.core.file_formats.freqtrade_trade import read_trade
from telemetry.core.file_formats.json_lines import parse_trades, read_json_lines
from telemetry.core.file_formats.text_lines import UNREADABLE, Line, read_lines
from telemetry.foundation.core.refusal import Refusal, Refused, shown

LINES_ENDINGS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
WHOLE_FILE = "file"
HEAD = 64 * 1024


def read_rows(
    stream: IO[bytes], name: str, size: int, defaults: Defaults, *, path: Path | None = None, beside: object = None
) -> Iterator[Row]:
    """Yield the rows of a seekable file of `size` bytes; an unreadable file yields one refused row of place `file`.

    `path` is where the file lies, if it does: a database is read there. `beside` is what the `.meta.json` of a
    backtest result holds.
    """
    try:
        if size == 0:
            raise Refused.because("the file is empty; give one with trades")
        if is_zip(stream):
            yield from _zip_rows(stream, defaults, beside)
            return
        content, most = unpacked(stream, size)
        head = _head(content)
        if head.startswith(MAGIC):
            yield from read_database(content, path if content is stream else None, defaults)
        elif head[:1] not in (b"{", b"[") and not name.endswith(LINES_ENDINGS):
            yield from _csv_rows(read_lines(content, most=most), defaults)
        elif name.endswith(LINES_ENDINGS) or _is_one_trade_a_line(head):
            yield from read_json_lines(read_lines(content, most=most), defaults)
        else:
            yield from _document_rows(parse_trades(whole_text(content), _is_of_freqtrade), defaults, beside)
    except Refused as refused:
        yield Row.refused(WHOLE_FILE, refused)


def _head(content: IO[bytes]) -> bytes:
    try:
        head = content.read(HEAD)
        content.seek(0)
    except UNREADABLE as error:
        message = f"the packed file is damaged or cut off ({error}); fetch the whole file and import it again"
        raise Refused.because(message) from None
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused.because("the file is UTF-16; save it as UTF-8")
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()


def _is_one_trade_a_line(head: bytes) -> bool:
    """Return whether the first line is a JSON object of its own and not a backtest result (which may be one line)."""
    line, end, _ = head.partition(b"\n")
    try:
        value = json.loads(line) if end else None
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and not is_result(value)


def _zip_rows(stream: IO[bytes], defaults: Defaults, beside: object) -> Iterator[Row]:
    """Yield the rows of every result in a zip; a member that cannot be read costs only itself."""
    documents: dict[str, object] = {}
    refused: dict[str, Refused] = {}
    for name, text in json_members(stream):
        try:
            if isinstance(text, Refused):
                raise text
            documents[name] = parse_trades(text, _is_of_freqtrade)
        except Refused as reason:
            refused[name] = reason
    results = {name: each for name, each in documents.items() if _is_of_freqtrade(each)}
    exchange = defaults.exchange or _exchange(documents.values())
    told = replace(defaults, exchange=exchange)
    for name, document in results.items():
        if isinstance(document, dict) and is_result(document):
            yield from read_result(document, told, _metadata(documents, name) or beside)
        elif isinstance(document, list):
            yield from read_trades(name, document, told)
    for name, why in refused.items():
        yield Row.refused(name, why)
    if not results and not refused:
        raise Refused.because("the zip holds no backtest result; export the backtest with --export trades")


def _exchange(documents: Iterable[object]) -> str | None:
    """Return the exchange that the configuration in a zip names."""
    for document in documents:
        exchange = document.get("exchange") if isinstance(document, dict) else None
        name = exchange.get("name") if isinstance(exchange, dict) else None
        if isinstance(name, str) and name:
            return name
    return None


def _metadata(documents: Mapping[str, object], name: str) -> object:
    """Return what a zip holds beside a result as `<name of the result>.meta.json`."""
    return documents.get(f"{name.removesuffix('.json')}.meta.json")


def _is_of_freqtrade(document: object) -> bool:
    """Return whether this is a backtest result or a list of trades of freqtrade."""
    if isinstance(document, dict) and isinstance(document.get("trades"), list):
        document = document["trades"]  # the response of freqtrade's own API
    if isinstance(document, list):
        return bool(document) and is_trade(document[0])
    return is_result(document) or is_trade(document)


def _document_rows(document: object, defaults: Defaults, beside: object) -> Iterator[Row]:
    """Yield the rows of a JSON document: freqtrade's result or trade list, or trades as the API takes them."""
    if isinstance(document, dict) and is_result(document):
        yield from read_result(document, defaults, beside)
        return
    if isinstance(document, dict) and isinstance(document.get("trades"), list):
        document = document["trades"]
    trades = document if isinstance(document, list) else [document]
    if not trades:
        raise Refused.because("the file holds no trades; give one with trades")
    for index, trade in enumerate(trades):
        if is_trade(trade):
            yield read_trade(f"trades[{index}]", trade, listed(defaults), defaults)
        else:
            yield Row(f"trades[{index}]", with_defaults(trade, defaults))


def _csv_rows(lines: Iterator[Line], defaults: Defaults) -> Iterator[Row]:
    mapping = defaults.mapping
    records = read_records(lines, mapping.separator if mapping is not None else ",")
    first = next(records, None)
    if first is None:
        raise Refused.because("the file is empty; give one with trades")
    if first.refused is not None:
        yield Row.refused(first.place, first.refused)
        return
    header = list(first.cells)
    if twice := next((name for name in header if header.count(name) > 1), None):
        raise Refused(Refusal(twice[:60], "the header names this column twice; name each once"))
    if mapping is not None:
        theirs = header
        header = mapping.header(theirs)
        records = (_mapped(mapping, theirs, record) for record in records)
    if is_table(header):
        refuse_table(header)
        yield from read_table(header, records, defaults)
    elif "external_id" in header:
        refuse_header(header)
        yield from read_flat(header, records, defaults)
    else:
        raise Refused(
            Refusal(
                "external_id",
                f"the header begins {shown(header[0])} and names neither external_id (our CSV) nor pair and open_date "
                "(freqtrade's); separate columns by commas and name them in the first line, or state by a mapping "
                "what the columns are",
            )
        )


def _mapped(mapping: ColumnMapping, theirs: Sequence[str], record: Record) -> Record:
    """Return a record of another bot's CSV in the order of our header."""
    if record.refused is not None:
        return record
    try:
        return replace(record, cells=mapping.cells(theirs, record.cells))
    except Refused as refused:
        return replace(record, cells=(), refused=refused)
