"""The state of each module as the database holds it: the numbers by which processes and clients compare theirs."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from overrides.serving.clients.snapshot_tag import snapshot_tag
from overrides.serving.engine import STAMPS


@dataclass(frozen=True, slots=True)
class ModuleState:
    """The served version and the revision of the mode; None before the first of each."""

    module: str
    version: int | None
    mode_revision: int | None

    @property
    def tag(self) -> str:
        """The entity tag of the state, with its quotation marks."""
        return snapshot_tag(self.module, self.version, self.mode_revision)


def read_states() -> dict[str, ModuleState]:
    """Return the state of every module, in one query. Raises django.db.Error while PostgreSQL is unreachable."""
    with connection.cursor() as cursor:
        cursor.execute(STAMPS)
        return {module: ModuleState(module, version, revision) for module, revision, version, *_ in cursor.fetchall()}
