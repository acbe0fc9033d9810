"""Simulated time: whether the database accepts other times than its own clock's, and who let it.

Times that grant or prove something lie within seconds of the database's clock (`refuse_other_time`). The demo replays
months, and tests work at an instant of their own: for them the owner of the tables writes one row, which processes can
read and cannot write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, connections, transaction

from telemetry.audit.audit_log import write_audit

OBJECT = "clock"


@dataclass(frozen=True, slots=True)
class SimulatedTime:
    """Since when other times are accepted, and why."""

    since: datetime
    reason: str


def simulated_time() -> SimulatedTime | None:
    """The owner's permission to use other times than the clock's; None where the clock alone counts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT since, reason FROM simulated_time")
        row = cursor.fetchone()
    return None if row is None else SimulatedTime(*row)


@transaction.atomic
def allow_simulated_time(reason: str) -> None:
    """Let the database accept other times from now on, with an audit entry. Needs the connection of the owner.

    Raises ValueError without a reason, ProgrammingError where the connection is not the owner's.
    """
    if not reason.strip():
        raise ValueError("reason: say why other times than the clock's are needed")
    if simulated_time() is not None:
        return
    _write("allow simulated time", reason, {"reason": reason})
    with connections[_owner()].cursor() as cursor:
        cursor.execute("INSERT INTO simulated_time (reason) VALUES (%s)", [reason])


@transaction.atomic
def end_simulated_time(reason: str) -> None:
    """Let the clock alone count again, with an audit entry. Needs the connection of the owner."""
    standing = simulated_time()
    if standing is None:
        return
    _write("end simulated time", reason, None)
    with connections[_owner()].cursor() as cursor:
        cursor.execute("DELETE FROM simulated_time")


@contextmanager
def time_simulated(reason: str) -> Iterator[None]:
    """Simulated time for a while; the clock counts again afterwards, also where the work fails."""
    allow_simulated_time(reason)
    try:
        yield
    finally:
        end_simulated_time(f"ended: {reason}")


def _owner() -> str:
    return "owner" if "owner" in connections else "default"


def _write(action: str, reason: str, after: dict[str, str] | None) -> None:
    write_audit(
        actor="owner", action=action, object=OBJECT, reason=reason, before=None, after=after, at=datetime.now(UTC)
    )
