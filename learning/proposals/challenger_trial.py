"""A challenger trial: another learning method, drafted from its lessons, logged beside the live one and never served.

The lines in force on a channel that changes its method are withdrawn in the trial only, manual ones too, and replaced
by those that the other method's lessons request. A channel that keeps its method keeps its lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from learning.proposals.replace_lines import replace_lines
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import PAIRS, Channel, Combiner, LearningMethod
from overrides.core.governance.errors import GateError
from overrides.models import ChangeRequest, RequestKind
from overrides.requests.authoring import draft_request
from overrides.versions.load_version import current_parameters

Choice = tuple[LearningMethod, Combiner]


@transaction.atomic
def draft_trial(
    *, module: str, choices: Mapping[Channel, Choice], author: User, reason: str, at: datetime
) -> ChangeRequest:
    """Draft the trial of a method and combiner for each channel; a channel that is not named stays as it is live.

    Raises GateError that names the field and the remedy.
    """
    standing = current_parameters(module)
    wanted = trial_parameters(standing, choices)
    moved = {
        channel: each.policy
        for channel, each in wanted.channels.items()
        if each.policy is not standing.channels[channel].policy
    }
    replacement = replace_lines(wanted, moved, at)
    method = next(iter(moved.values()), next(iter(wanted.channels.values())).policy)
    title = "; ".join(
        f"{channel}: learning method {each.policy}, combiner {each.combiner}"
        for channel, each in wanted.channels.items()
        if each != standing.channels[channel]
    )
    return draft_request(
        module=module,
        kind=RequestKind.TRIAL,
        title=f"Shadow trial on {title}",
        reason=reason,
        author=author,
        author_name=author.get_username(),
        at=at,
        lines=replacement.lines(at),
        content=wanted.to_document(),
        measured=replacement.measured(module, method, at),
    )


def trial_parameters(standing: ModuleParameters, choices: Mapping[Channel, Choice]) -> ModuleParameters:
    """Return the parameters in force with other methods and combiners. Raises GateError for invalid choices."""
    channels = dict(standing.channels)
    for channel, (policy, combiner) in choices.items():
        if channel not in channels:
            raise GateError("channel", f"{channel} is none of {standing.module}; it has {', '.join(channels)}")
        if combiner not in PAIRS.get((channel, policy), ()):
            pairs = ", ".join(f"{p} with {c}" for (each, p), cs in PAIRS.items() if each is channel for c in cs)
            raise GateError(channel, f"policy {policy} does not go with combiner {combiner} there; choose {pairs}")
        channels[channel] = replace(channels[channel], policy=policy, combiner=combiner)
    if channels == dict(standing.channels):
        raise GateError("channels", "this is what is live; choose another policy or combiner for one of them")
    return replace(standing, channels=channels)
