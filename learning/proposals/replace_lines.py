"""Replace all overrides of a channel when its learning method changes.

Overrides in force are withdrawn, manual ones too because they were written for the old method, and those that the new
method's lessons request are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from learning.models import BuilderRun
from learning.proposals.evidence_document import measured_as
from learning.proposals.materialize import SOURCE, capped, requested_specs
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.core.governance.errors import GateError
from overrides.models import HoldKind, Membership
from overrides.requests.evidence import DraftedLine, Measured
from overrides.requests.governance_store import held_lines
from overrides.requests.holds import live_holds
from overrides.requests.kinds.kind import DraftLine
from overrides.versions.publish import store_override

REPLACED = "its channel changes to another learning method, whose lines replace it"


@dataclass(frozen=True)
class LineReplacement:
    """The replacement: `leaving` maps withdrawn lines to their sources, `coming` maps lines to new overrides."""

    leaving: Mapping[str, str]
    coming: Mapping[str, OverrideSpec]

    def lines(self, at: datetime) -> list[DraftLine]:
        """Return the changes as lines of a request; new overrides are stored."""
        return [DraftLine(line, None, ["withdrawn"]) for line in self.leaving] + [
            DraftLine(line, store_override(spec, source=SOURCE, at=at).id, ["new line"])
            for line, spec in self.coming.items()
        ]

    def measured(self, module: str, method: LearningMethod, at: datetime) -> Measured:
        """Return what is known of the lines; those that leave do so because their method does."""
        leaving = [DraftedLine(line, None, None) for line in self.leaving]
        coming = [DraftedLine(line, None, spec) for line, spec in self.coming.items()]
        return measured_as(module, method, [*leaving, *coming], (), at, dict.fromkeys(self.leaving, REPLACED))


def replace_lines(
    wanted: ModuleParameters, policies: Mapping[Channel, LearningMethod], at: datetime
) -> LineReplacement:
    """Return the replacement for changing these channels to these methods; vetoed lines are not added, and caps hold.

    Raises GateError if a method has built no lessons yet.
    """
    module = wanted.module
    for policy in set(policies.values()):
        if not BuilderRun.objects.filter(module=module, policy=policy).exists():
            message = f"no lessons of {policy} have been built for {module} yet; its builder runs every hour"
            raise GateError("policy", message)
    held = Membership.objects.filter(module=module, to_version=None, line__channel__in=list(policies))
    coming = requested_specs(module, wanted, policies)
    vetoed = held_lines(HoldKind.VETO, list(coming), at)
    caps = {line: hold.cap for line, holds in live_holds(coming, at).items() for hold in holds if hold.cap}
    return LineReplacement(
        leaving=dict(held.order_by("line_id").values_list("line_id", "override__source")),
        coming={line: capped(spec, caps.get(line)) for line, spec in sorted(coming.items()) if line not in vetoed},
    )
