"""Content of a module's page: how it is served and by whom, how its channels combine, and what it answered lately."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery

from overrides.admin.serving.switching_effect import effect_of_off
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.engine.definitions.vocabulary import PAIRS
from overrides.core.engine.exploring import explorable
from overrides.models import ChangeRequest, ModuleMode, Quarantine, Version
from overrides.monitoring.earning.holdback_counts import holdback_counts
from overrides.requests.kinds import KINDS
from overrides.serving.confirmations import LATEST_SECONDS, reported
from overrides.serving.mode import ORDER, full_document
from overrides.versions.acts_today import acts_today
from overrides.versions.load_version import InForce, read_in_force
from telemetry.models import Decision

MOST_COUNTED = 10_000  # newest answers, of all modules, among which those of the module are counted
MOST_WAITING = 10
MOST_VERSIONS = 200  # offered as challengers, newest first
REQUEST_KINDS = tuple(kind.name for kind in KINDS.values() if kind.settles_serving)
EFFECTS = {
    ModuleMode.Mode.OFF: "every bot gets neutral levers, and nothing is computed",
    ModuleMode.Mode.SHADOW: "every bot gets neutral levers; what would have been served is logged",
}


@dataclass(frozen=True)
class ModuleStatus:
    """How a module is served now. A module without a row is off; before the first publication it has no version."""

    module: str
    row: ModuleMode | None
    version: Version | None
    parameters: ModuleParameters
    challengers: tuple[int, ...]
    held: InForce

    @property
    def document(self) -> dict[str, Any]:
        return full_document(self.row)


def module_status(module: str) -> ModuleStatus:
    """Read how a module is served now, with the newest versions that can be its challenger."""
    newest = Version.objects.filter(module=module).order_by("-number").values_list("number", flat=True)[:MOST_VERSIONS]
    rows: Any = ModuleMode.objects.select_related("challenger").defer(*_documents("challenger")).filter(pk=module)
    row = rows.annotate(numbers=ArraySubquery(newest)).first()
    standing = read_in_force(module)
    numbers = list(row.numbers if row else newest)
    if row and row.challenger and row.challenger.number not in numbers:
        numbers.append(row.challenger.number)
    return ModuleStatus(module, row, standing.version, standing.parameters, tuple(numbers), standing)


def mode_page(status: ModuleStatus, at: datetime) -> dict[str, Any]:
    """Return the template context, without forms and permissions."""
    order = ORDER[ModuleMode.Mode(status.document["mode"])]
    return {
        "standing": status,
        "mode": status.document,
        "channels": [
            (channel, each, PAIRS[channel, each.policy]) for channel, each in status.parameters.channels.items()
        ],
        "other_policies": [
            (channel, policy)
            for channel, policy in PAIRS
            if channel in status.parameters.channels and policy is not status.parameters.channels[channel].policy
        ],
        "lower_modes": [(mode.value, effect) for mode, effect in EFFECTS.items() if ORDER[mode] < order],
        "waiting": ChangeRequest.objects.filter(
            module=status.module, kind__in=REQUEST_KINDS, state__in=ChangeRequest.OPEN
        )[:MOST_WAITING],
        "quarantine": Quarantine.objects.select_related("placed_by")
        .filter(module=status.module, lifted_at=None)
        .first(),
        "acts": acts_today(status.module, at, status.held),
        # Called by the template for those who may switch the module off.
        "switching": partial(effect_of_off, status.held, ServingMode.parse(status.document), at),
        **_servers(status.module, at),
        **_answers(status.module, at),
        "explorable": explorable(status.module),
        "holdback": holdback_counts(status.module, at) if _has_holdback(status) else None,
    }


def _has_holdback(status: ModuleStatus) -> bool:
    return ServingMode.parse(status.document).runs_holdback


def _servers(module: str, at: datetime) -> dict[str, Any]:
    """Return who serves the module, and who has not confirmed the newest version and mode."""
    servers = reported(module, at)
    return {
        "n_confirmed": sum(each.is_confirmed for each in servers),
        "unconfirmed": [each for each in servers if not each.is_confirmed],
        "servers": servers,
        "report_seconds": LATEST_SECONDS,
        "stale_seconds": settings.MAX_STALE_SECONDS,
    }


def _answers(module: str, at: datetime) -> dict[str, Any]:
    """Count how the module answered in the last day, as far as the newest answers of all modules reach."""
    recent = Decision.objects.filter(at__gt=at - timedelta(days=1), at__lte=at).order_by("-at")
    newest = list(recent.values_list("module", "mode", "reason")[:MOST_COUNTED])
    counted = Counter((mode, reason) for owner, mode, reason in newest if owner == module)
    return {
        "answers": [(mode, reason, n) for (mode, reason), n in counted.most_common()],
        "answers_cut": len(newest) == MOST_COUNTED,
        "looked_through": MOST_COUNTED,
    }


def _documents(prefix: str) -> tuple[str, str]:
    return f"{prefix}__config_data", f"{prefix}__coefficients"
