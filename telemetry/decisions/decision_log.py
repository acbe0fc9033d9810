"""Write decisions: a batch with one COPY, and a decision that the database refuses without the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from django.db import DataError, IntegrityError, transaction

from telemetry.core.decision_trace.constants import Constants
from telemetry.decisions.decision_rows import (
    COLUMNS,
    DecisionRecord,
    StoredRow,
    store_constants,
    stored_row,
    write_rows,
)
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.models import Decision

__all__ = ["COLUMNS", "RECORDS", "DecisionRecord", "Form", "log_decision", "record_decisions", "write_batch"]

logger = logging.getLogger(__name__)
T = TypeVar("T")
Rows = tuple[Sequence[StoredRow], Mapping[int, Constants]]


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How what waits becomes rows: many at once for the database, or one as a record for a file or a log line."""

    rows: Callable[[Sequence[T]], Rows]
    record: Callable[[T], DecisionRecord]
    identity: Callable[[T], UUID]


class Unwritable(Exception):
    """Something in a batch has no form as a row."""


def rows_of_records(records: Sequence[DecisionRecord]) -> Rows:
    """Return records as rows, and the constants that the rows name."""
    rows: list[StoredRow] = []
    constants: dict[int, Constants] = {}
    for record in records:
        row, named = stored_row(record)
        rows.append(row)
        constants.update({each.key: each for each in named})
    return rows, constants


RECORDS: Form[DecisionRecord] = Form(rows_of_records, lambda record: record, lambda record: record.decision_id)


def record_decisions(decisions: Sequence[DecisionRecord]) -> int:
    """Write decisions immediately with one COPY; return the number written. Raises django.db errors."""
    return _store(rows_of_records(decisions))


def _store(found: Rows) -> int:
    rows, constants = found
    with transaction.atomic():
        store_constants(constants)
        return write_rows(rows)


def write_batch(batch: Sequence[T], form: Form[T]) -> tuple[int, int]:
    """Write a batch; return how many were written and how many were refused.

    A refused batch is halved until the refused decision is alone; it is logged. One that is stored already is neither:
    the confirmation of a commit is lost when the connection breaks.
    """
    try:
        return _store(_rows(batch, form)), 0
    except (DataError, IntegrityError, Unwritable) as error:
        if len(batch) == 1:
            return 0, _refused(batch[0], form, error)
    middle = len(batch) // 2
    halves = write_batch(batch[:middle], form), write_batch(batch[middle:], form)
    return halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]


def _rows(batch: Sequence[T], form: Form[T]) -> Rows:
    try:
        return form.rows(batch)
    except Exception as error:  # whatever is wrong with one decision must not hold up the others
        raise Unwritable(f"{type(error).__name__}: {error}") from error


def _refused(item: T, form: Form[T], error: Exception) -> int:
    """Log a decision that cannot be stored, unless it is stored already; return how many were refused."""
    identity = form.identity(item)
    if Decision.objects.filter(pk=identity).exists():
        return 0
    try:
        log_decision(form.record(item), error)
    except Exception:  # the same: a decision without a record leaves its id at least
        logger.exception("decision %s not stored (%s), and it has no record", identity, error)
    return 1


def log_decision(decision: DecisionRecord, error: Exception) -> None:
    """Write a decision that was not stored to the log, whole."""
    logger.error("decision not stored (%s): %s", str(error).strip(), fact_json(decision.row()))
