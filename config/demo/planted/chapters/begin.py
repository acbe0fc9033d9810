"""Begin: the channel that sizes trades learns by the evidence method, and the module is switched on."""

from __future__ import annotations

from typing import Any

from config.demo.planted.chapters.learn import METHOD, MODULE
from config.demo.planted.stage import Stage
from config.demo.reviews import approve_all, draft
from learning.proposals.switch_method import draft_switch
from overrides.core.engine.definitions.vocabulary import Channel

SWITCH_REASON = "Thirteen weeks of trades are recorded; the evidence method separates edge from luck."
ON_REASON = (
    "The first lines are reviewed. Serve them, and leave a tenth of all positions at neutral, so that what serving "
    "earns is measured without relying on the replay of sizes."
)
MODE: dict[str, Any] = {"mode": "on", "holdback_percent": 10.0}


def begin(stage: Stage) -> None:
    """Do so in the first week after the weeks that were recorded; every later week leaves it as it is."""
    if stage.number:
        return
    author, reviewer, at = stage.people["author"], stage.people["reviewer"], stage.since
    draft_switch(module=MODULE, channel=Channel.PM_STRENGTH, policy=METHOD, author=author, reason=SWITCH_REASON, at=at)
    approve_all(reviewer, at)
    draft(
        author,
        at,
        module=MODULE,
        kind="mode",
        title="Switch pm on, with a holdback of 10 %",
        reason=ON_REASON,
        content=MODE,
    )
    approve_all(reviewer, at)
