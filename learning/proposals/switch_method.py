"""Switch a channel to its other learning method: parameters and lines, which depend on each other, in one request.

All overrides in force belong to the old method, so they are withdrawn, manual ones too. The overrides that the new
method's lessons request replace them; each ramps from neutral if its method ramps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from learning.lessons.methods import METHODS
from learning.lessons.run_strength import newest_strength
from learning.models import MethodStrength
from learning.proposals.materialize import SOURCE
from learning.proposals.replace_lines import LineReplacement, replace_lines
from learning.validation.strength_gate import unready_by
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import PAIRS, Channel, Combiner, LearningMethod
from overrides.core.governance.errors import GateError
from overrides.core.governance.evidence_bar import clears_evidence_bar
from overrides.models import ChangeRequest, RequestKind
from overrides.requests.authoring import draft_request
from overrides.versions.load_version import current_parameters


@dataclass(frozen=True)
class Switch(LineReplacement):
    """The effect of a switch, and the newest strength of the new method."""

    module: str
    channel: Channel
    policy: LearningMethod
    parameters: ModuleParameters
    strength: MethodStrength | None

    @property
    def verifies(self) -> bool:
        """Whether lessons of the new method are verified or not."""
        return METHODS[self.policy].verifies

    @property
    def ramps(self) -> bool:
        """Whether new lines begin at neutral and move by themselves; tuning is combined as the plan does."""
        return self.parameters.channels[self.channel].combiner is Combiner.EVIDENCE

    @property
    def verified(self) -> int:
        """The number of new overrides that are verified."""
        return sum(clears_evidence_bar(spec, self.parameters.evidence) for spec in self.coming.values())

    @property
    def by_people(self) -> int:
        """The number of withdrawn overrides that people wrote."""
        return sum(source != SOURCE for source in self.leaving.values())


def other_policy(parameters: ModuleParameters, channel: Channel) -> LearningMethod:
    """Return the other method of a channel; each has two."""
    now = parameters.channels[channel].policy
    return next(policy for each, policy in PAIRS if each is channel and policy is not now)


def switch_to(
    *, module: str, channel: Channel, policy: LearningMethod, at: datetime, combiner: Combiner | None = None
) -> Switch:
    """Return the effect of switching a channel to a method now; `combiner` defaults to the method's first one.

    Raises GateError that names the field and the remedy.
    """
    parameters = current_parameters(module)
    if channel not in parameters.channels:
        raise GateError("channel", f"{channel} is none of {module}; its channels are {', '.join(parameters.channels)}")
    standing = parameters.channels[channel]
    if standing.policy is policy:
        raise GateError("policy", f"{channel} is of policy {policy} already; change its combiner on the module's page")
    combiners = PAIRS[channel, policy]
    if combiner is not None and combiner not in combiners:
        raise GateError("combiner", f"policy {policy} goes with {', '.join(combiners)}, not with {combiner}")
    strength = newest_strength(module, policy, at)
    unready = unready_by(module, policy, strength)
    if unready is not None:
        raise GateError("policy", f"{unready.message}; {unready.way_past}")
    changed = {**parameters.channels, channel: replace(standing, policy=policy, combiner=combiner or combiners[0])}
    wanted = replace(parameters, channels=changed)
    lines = replace_lines(wanted, {channel: policy}, at)
    return Switch(
        module=module,
        channel=channel,
        policy=policy,
        parameters=wanted,
        strength=strength,
        leaving=lines.leaving,
        coming=lines.coming,
    )


@transaction.atomic
def draft_switch(
    *,
    module: str,
    channel: Channel,
    policy: LearningMethod,
    author: User,
    reason: str,
    at: datetime,
    combiner: Combiner | None = None,
) -> ChangeRequest:
    """Draft the request that switches a channel to a method, for others to approve. Raises as `switch_to` does."""
    switch = switch_to(module=module, channel=channel, policy=policy, at=at, combiner=combiner)
    content = switch.parameters.to_document()
    same = ChangeRequest.objects.filter(module=module, kind=RequestKind.PARAMETERS, content=content)
    waiting = same.filter(state__in=ChangeRequest.OPEN).first()
    if waiting is not None:
        raise GateError.because(f"request {waiting.pk} asks for the same already and is {waiting.state}")
    return draft_request(
        module=module,
        kind=RequestKind.PARAMETERS,
        title=f"Learning method of {channel} → {policy}: {len(switch.leaving)} withdrawn, {len(switch.coming)} new",
        reason=reason,
        author=author,
        author_name=author.get_username(),
        at=at,
        lines=switch.lines(at),
        content=content,
        measured=switch.measured(module, policy, at),
    )
