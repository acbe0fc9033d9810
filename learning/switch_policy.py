"""From one policy to the other on a channel: parameters and lines in one request, as neither holds without the other.

The lines in force are of the policy that is left, so all of them are withdrawn, those of people too; what the lessons
of the other policy ask for comes in their place, each ramping from neutral where its policy ramps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from learning.materialize import SOURCE, wanted_specs
from learning.models import BuilderRun
from overrides.core.module import ModuleParameters
from overrides.core.specs import OverrideSpec
from overrides.core.verified import is_verified
from overrides.core.vocabulary import PAIRS, Channel, Combiner, Policy
from overrides.draft import DraftLine, draft_request
from overrides.gates import Refusal
from overrides.load import current_parameters
from overrides.models import ChangeRequest, LineHold, Membership
from overrides.policies import held_lines
from overrides.publish import store_override


@dataclass(frozen=True)
class Switch:
    """What a switch would do. `leaving` maps the line of each override withdrawn to who brought it (its source)."""

    module: str
    channel: Channel
    policy: Policy
    parameters: ModuleParameters
    leaving: Mapping[str, str]
    coming: Mapping[str, OverrideSpec]

    @property
    def verified(self) -> int:
        """How many of those that come are verified."""
        return sum(is_verified(spec, self.parameters.evidence) for spec in self.coming.values())

    @property
    def by_people(self) -> int:
        """How many of those that leave are somebody's own."""
        return sum(source != SOURCE for source in self.leaving.values())


def other_policy(parameters: ModuleParameters, channel: Channel) -> Policy | None:
    """The policy a channel may be switched to; None where there is one only."""
    now = parameters.channels[channel].policy
    return next((policy for each, policy in PAIRS if each is channel and policy is not now), None)


def switch_to(
    *, module: str, channel: Channel, policy: Policy, at: datetime, combiner: Combiner | None = None
) -> Switch:
    """What switching a channel to a policy means now; `combiner` where the policy goes with several (default: its own).

    Raises Refusal naming the field and the way out.
    """
    parameters = current_parameters(module)
    if channel not in parameters.channels:
        raise Refusal(f"channel: {channel} is none of {module}; its channels are {', '.join(parameters.channels)}")
    standing = parameters.channels[channel]
    if standing.policy is policy:
        raise Refusal(f"policy: {channel} is of policy {policy} already; change its combiner on the module's page")
    combiners = PAIRS.get((channel, policy), ())
    if not combiners:
        raise Refusal(f"policy: {channel} is always {standing.policy}: its targets are absolute and must not be summed")
    if combiner is not None and combiner not in combiners:
        raise Refusal(f"combiner: policy {policy} goes with {', '.join(combiners)}, not with {combiner}")
    if not BuilderRun.objects.filter(module=module, policy=policy).exists():
        raise Refusal(f"policy: no lessons of {policy} have been built for {module} yet; its builder runs every hour")
    changed = {**parameters.channels, channel: replace(standing, policy=policy, combiner=combiner or combiners[0])}
    wanted = replace(parameters, channels=changed)
    coming = wanted_specs(module, wanted, {channel: policy})
    vetoed = held_lines(LineHold.Kind.VETO, list(coming), at)
    held = Membership.objects.filter(module=module, to_version=None, line__channel=channel)
    return Switch(
        module=module,
        channel=channel,
        policy=policy,
        parameters=wanted,
        leaving=dict(held.order_by("line_id").values_list("line_id", "override__source")),
        coming={line: spec for line, spec in sorted(coming.items()) if line not in vetoed},
    )


@transaction.atomic
def draft_switch(
    *,
    module: str,
    channel: Channel,
    policy: Policy,
    author: User,
    reason: str,
    at: datetime,
    combiner: Combiner | None = None,
) -> ChangeRequest:
    """Draft the request that switches a channel to a policy, for others to approve. Raises as `switch_to` does."""
    switch = switch_to(module=module, channel=channel, policy=policy, at=at, combiner=combiner)
    content = switch.parameters.to_document()
    same = ChangeRequest.objects.filter(module=module, kind=ChangeRequest.Kind.PARAMETERS, content=content)
    waiting = same.filter(state__in=ChangeRequest.OPEN).first()
    if waiting is not None:
        raise Refusal(f"request {waiting.pk} asks for the same already and is {waiting.state}")
    lines = [DraftLine(line, None, ["withdrawn"]) for line in switch.leaving]
    lines += [
        DraftLine(line, store_override(spec, source=SOURCE, at=at).id, ["new line"])
        for line, spec in switch.coming.items()
    ]
    return draft_request(
        module=module,
        kind=ChangeRequest.Kind.PARAMETERS,
        title=f"Policy of {channel} → {policy}: {len(switch.leaving)} withdrawn, {len(switch.coming)} new",
        reason=reason,
        author=author,
        author_name=author.get_username(),
        at=at,
        lines=lines,
        content=content,
    )
