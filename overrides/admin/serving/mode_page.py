"""What the page of one module shows: how it is served, how its channels combine, what it answered of late."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import PAIRS
from overrides.models import ChangeRequest, ModuleMode, Quarantine, Version
from overrides.requests.kinds import KINDS
from overrides.serving.mode import ORDER, mode_document
from overrides.versions.load_version import read_in_force
from telemetry.models import Decision

LOOKED_THROUGH = 10_000  # newest answers among which those of the module are counted
MOST_WAITING = 10
MOST_VERSIONS = 200  # offered as challengers, newest first
SETTLING = tuple(kind.name for kind in KINDS.values() if kind.settles_serving)
EFFECTS = {
    ModuleMode.Mode.OFF: "every bot gets neutral levers, and nothing is computed",
    ModuleMode.Mode.SHADOW: "every bot gets neutral levers; what would have been served is logged",
}


@dataclass(frozen=True)
class Standing:
    """How a module stands now; a module without a row is off and has no version to serve until one is published."""

    module: str
    row: ModuleMode | None
    version: Version | None
    parameters: ModuleParameters
    challengers: tuple[int, ...]

    @property
    def document(self) -> dict[str, Any]:
        return mode_document(self.row)


def standing_of(module: str) -> Standing:
    row = ModuleMode.objects.select_related("challenger").defer(*_documents("challenger")).filter(pk=module).first()
    standing = read_in_force(module)
    newest = Version.objects.filter(module=module).order_by("-number").values_list("number", flat=True)
    numbers = list(newest[:MOST_VERSIONS])
    if row and row.challenger and row.challenger.number not in numbers:
        numbers.append(row.challenger.number)
    return Standing(module, row, standing.version, standing.parameters, tuple(numbers))


def mode_page(standing: Standing, at: datetime) -> dict[str, Any]:
    """The template's context but for forms and permissions."""
    order = ORDER[ModuleMode.Mode(standing.document["mode"])]
    return {
        "standing": standing,
        "mode": standing.document,
        "channels": [
            (channel, each, PAIRS[channel, each.policy]) for channel, each in standing.parameters.channels.items()
        ],
        "other_policies": [
            (channel, policy)
            for channel, policy in PAIRS
            if channel in standing.parameters.channels and policy is not standing.parameters.channels[channel].policy
        ],
        "lower_modes": [(mode.value, effect) for mode, effect in EFFECTS.items() if ORDER[mode] < order],
        "waiting": ChangeRequest.objects.filter(
            module=standing.module, kind__in=SETTLING, state__in=ChangeRequest.OPEN
        )[:MOST_WAITING],
        "quarantine": Quarantine.objects.select_related("placed_by")
        .filter(module=standing.module, lifted_at=None)
        .first(),
        **_answers(standing.module, at),
    }


def _answers(module: str, at: datetime) -> dict[str, Any]:
    """How the module answered in the last day, as far as the newest answers of all modules show it."""
    of_late = Decision.objects.filter(at__gt=at - timedelta(days=1), at__lte=at).order_by("-at")
    newest = list(of_late.values_list("module", "mode", "reason")[:LOOKED_THROUGH])
    counted = Counter((mode, reason) for owner, mode, reason in newest if owner == module)
    return {
        "answers": [(mode, reason, n) for (mode, reason), n in counted.most_common()],
        "answers_cut": len(newest) == LOOKED_THROUGH,
        "looked_through": LOOKED_THROUGH,
    }


def _documents(prefix: str) -> tuple[str, str]:
    return f"{prefix}__config_data", f"{prefix}__coefficients"
