"""Another policy beside the live one: a trial drafted from the lessons of that policy, logged and never served.

The lines in force on a channel that changes policy are withdrawn in the trial alone, those of people too; what the
lessons of the other policy ask for comes in their place. A channel that keeps its policy keeps its lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from learning.proposals.replace_lines import exchange
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
    """Draft the trial that answers each channel by its policy and combiner; a channel not named stays as it is live.

    Raises GateError naming the field and the way out.
    """
    standing = current_parameters(module)
    wanted = tried(standing, choices)
    moved = {
        channel: each.policy
        for channel, each in wanted.channels.items()
        if each.policy is not standing.channels[channel].policy
    }
    lines = exchange(wanted, moved, at).lines(at)
    title = "; ".join(
        f"{channel}: {each.policy}, {each.combiner}"
        for channel, each in wanted.channels.items()
        if each != standing.channels[channel]
    )
    return draft_request(
        module=module,
        kind=RequestKind.TRIAL,
        title=f"Try beside the live one {title}",
        reason=reason,
        author=author,
        author_name=author.get_username(),
        at=at,
        lines=lines,
        content=wanted.to_document(),
    )


def tried(standing: ModuleParameters, choices: Mapping[Channel, Choice]) -> ModuleParameters:
    """The parameters in force with other methods and combiners. Raises GateError where that is no pair, or the same."""
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
