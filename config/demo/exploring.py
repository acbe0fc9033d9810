"""The demo's honest arm: half of an entry at once and half later, drawn against the whole at once.

The bot does what its answer says of this lever, and replays both values with the same simulation that trades. Its
replays are therefore exact, which no paper twin of a real market is. Each installation draws by a secret of its own, so
which positions are explored differs from one to the next, and the figures of the story with them by a little.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from config.demo.reviews import approve_all, draft
from overrides.core.engine.definitions.arms import Arm, ArmDraw

Payload = dict[str, Any]

MODULE, LEVER = "pm", "phase1_frac_mult"
ARM = Arm(alternative=0.5, probability=0.5, share_percent=40.0, rr_per_week=10.0, rr_per_position=0.75)
OF_ONE_PART = ("leg_rr", "cf_entry_improvement_bucket", "cf_exit_improvement_bucket")
TITLE = "Explore half of an entry at once, in 40 % of positions of pm"
REASON = (
    "Nobody knows what buying in two parts does: the trades tell only what was done. Draw it for a while. By the "
    "replays such a position loses 0.21 R on average against its twin and hardly ever more than the 0.75 R reserved "
    "for each, so that a week stays within its budget."
)


def explore(people: Mapping[str, User], at: datetime) -> None:
    """Ask to explore the lever, and approve it."""
    content = {"arms": {LEVER: ARM.to_document()}}
    draft(people["author"], at, module=MODULE, kind="mode", title=TITLE, reason=REASON, content=content)
    approve_all(people["reviewer"], at)


def drawn(arms: Mapping[str, Any] | None) -> ArmDraw | None:
    """Return the draw of a position that is explored, from those that its decision stores; None if it is not."""
    stored = None if arms is None else arms.get(LEVER)
    draw = None if stored is None else ArmDraw.from_document(stored)
    return draw if draw is not None and draw.is_admitted else None


def explored(payload: Payload, draw: ArmDraw) -> Payload:
    """Return the trade of an explored position as it was made with the value drawn, its entry telling of both values.

    Stops and trims are where they were, so times and what followed a sale stay the same. Where the value is another
    than 1, the legs of sales and the alternatives of other levers were not replayed beside it, and are left out.
    """
    entry = next(each for each in payload["actions"] if each["action_category"] == "entry")
    changes = entry["counterfactuals"][LEVER]
    name, served = f"{draw.value:.9g}", f"{draw.served:.9g}"
    known = {served: change(changes["0.5"], float(served))} | changes
    replays = {value: round(payload["rr"] + known[value], 6) for value in sorted(known)}
    actions = [_in_parts(each) if draw.value != 1 else each for each in payload["actions"]]
    place, rr = payload["actions"].index(entry), replays[name]
    others = {lever: each for lever, each in actions[place]["counterfactuals"].items() if lever != LEVER}
    told = {"leg_rr": rr, "counterfactuals": others, "replays": {LEVER: replays}, "taken_arms": {LEVER: name}}
    actions[place] = actions[place] | told
    return payload | {"rr": rr, "actions": actions}


def change(half: float, value: float) -> float:
    """Return the change of rr when this part of an entry is bought at once, from the change of a half.

    The result is that of both parts in their sizes, so it is a straight line.

    >>> change(-0.25, 1.0), change(-0.25, 0.5), change(-0.25, 0.75)
    (0.0, -0.25, -0.125)
    """
    return half * (1 - value) / (1 - 0.5) if value != 1 else 0.0


def _in_parts(action: Payload) -> Payload:
    """Return an action of a position that was bought in two parts."""
    if action["module"] != MODULE:
        return action
    return {name: each for name, each in action.items() if name not in OF_ONE_PART} | {"counterfactuals": {}}
