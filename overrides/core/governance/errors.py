"""Errors of governance verbs; pages, API and tasks catch `GovernanceError` and show its message."""

from __future__ import annotations

from collections.abc import Sequence

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.governance.gates import Gate


class GovernanceError(FieldError):
    """A step is not allowed. `path` names the field at fault; it is empty if no single field is."""


class GateError(GovernanceError):
    """A rule blocks the step. The message states the reason and the remedy; `gates` holds each obstacle."""

    def __init__(self, path: str, message: str, gates: Sequence[Gate] = ()) -> None:
        super().__init__(path, message)
        self.gates = tuple(gates)


class PublishError(GovernanceError):
    """The content is not consistent. The message names every fault; `path` is the field if there is only one."""


class RaisesEffectError(GovernanceError):
    """The change would raise what is served; it needs a reviewed request."""


class EngineMissing(GovernanceError):
    """The version does not exist, or its stored rows are not consistent."""


class VersionAltered(GovernanceError):
    """A stored row of a version does not belong to the hash that names it; the message names the row."""
