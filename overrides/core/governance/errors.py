"""What verbs of governance raise where a step may not be taken. Doors catch `GovernanceError` and show its message."""

from __future__ import annotations

from collections.abc import Sequence

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.governance.gates import Gate


class GovernanceError(FieldError):
    """The step may not be taken. `path` names the field of what was given that is at fault; it is empty for none."""


class GateError(GovernanceError):
    """A rule stands in the way; the message says why and the way past, `gates` holds each obstacle by itself."""

    def __init__(self, path: str, message: str, gates: Sequence[Gate] = ()) -> None:
        super().__init__(path, message)
        self.gates = tuple(gates)


class PublishError(GovernanceError):
    """The content does not hold together; the message names every fault, and `path` the field of a single one."""


class RaisesEffectError(GovernanceError):
    """The change would raise what is served; it needs a reviewed request."""


class EngineMissing(GovernanceError):
    """The version does not exist, or its stored rows do not hold together."""


class VersionAltered(GovernanceError):
    """A stored row of a version does not belong to the hash that names it; the message names the row."""
