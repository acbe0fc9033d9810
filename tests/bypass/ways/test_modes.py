"""A mode goes away from neutral only by an applied request of this transaction that says exactly so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db.models import F

from overrides.models import ChangeRequest, ModuleMode, Version
from tests.builders import NOW
from tests.bypass.ways.forgery import HONEST, Act, Forgery, as_before, audited, refused, sql, then
from tests.bypass.ways.test_trials import Trial

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

AWAY = "mode pm: going away from neutral takes an applied request that says so"
WITHOUT = "is applied without what it brings"
LISTS = "allow maps a dimension to a list of values"
UNAUDITED = 'without an audit entry of "mode pm"'
EXPLORES = "arms explore levers that do not scale the outcome, within their bounds"
COUNTED = "a change counts the revision up by one"


def alone(**values: Any) -> Act:
    """Change pm's mode (shadow, 20 %, bucket mid or nano) with an audit entry alone."""

    def write() -> None:
        ModuleMode.objects.filter(module="pm").update(**{"revision": F("revision") + 1} | values)
        audited("mode pm", "mode dm")

    return write


def asked(content: dict[str, Any], was: dict[str, Any] | None = None, **over: Any) -> Act:
    """Change it together with a reviewed request of this content."""

    def write() -> None:
        forgery = Forgery(**{"kind": "mode", "content": content, "brings": ()} | over)
        forgery.apply(forgery.draft())
        alone(**(content if was is None else was))()

    return write


def other(**values: Any) -> Act:
    def write() -> None:
        fields = {"module": "dm", "mode": "off", "changed_at": NOW, "changed_by": "m", "reason": "m"} | values
        ModuleMode.objects.create(**fields)
        audited("mode dm")

    return write


def renamed() -> None:
    """Exchange the rows of a module that is on and one that is off, by way of a third name."""
    other()()
    for old, new in (("pm", "xx"), ("dm", "pm"), ("xx", "dm")):
        sql("UPDATE overrides_modulemode SET module = %s, revision = revision + 1 WHERE module = %s", new, old)
    audited("mode pm", "mode dm", "mode xx")


def of_another_cluster() -> None:
    forgery = Forgery(kind="mode", content={"mode": "on"}, brings=())
    forgery.apply(forgery.draft())
    as_before("UPDATE overrides_changerequest SET epoch = 1 WHERE id = %s", forgery.asked.pk)
    alone(mode="on")()


def of_dm() -> None:
    forgery = Forgery(kind="mode", content={"mode": "on"}, brings=(), request={})
    asked_ = forgery.draft()
    as_before("UPDATE overrides_changerequest SET module = 'dm' WHERE id = %s", asked_.pk)
    forgery.apply(asked_)
    alone(mode="on")()


def not_applied() -> None:
    Forgery(kind="mode", content={"mode": "on"}, brings=()).draft()
    alone(mode="on")()


def challenger(number: int = 1) -> int:
    return Version.objects.get(module="pm", number=number).pk


def challenged() -> None:
    """Let the first version have been the challenger."""
    as_before("UPDATE overrides_modulemode SET challenger_id = %s WHERE module = 'pm'", challenger())


def tried(number: int = 4, **values: Any) -> Act:
    """Try a version, which is the fourth, and restore the one in force as the fifth; one of them is the challenger."""

    def write() -> None:
        Trial()()
        alone(challenger_id=challenger(number), **values)()

    return write


def tried_before() -> None:
    """Name the version of an earlier trial as the challenger, together with a trial of today."""
    earlier = Trial()
    earlier()
    as_before("UPDATE overrides_changerequest SET epoch = 1 WHERE id = %s", earlier.asked.pk)
    tried()()


def held_back() -> None:
    """Let 5 % of positions have been held back."""
    as_before("UPDATE overrides_modulemode SET holdback_percent = 5 WHERE module = 'pm'")


DELAY = {"alternative": 2, "probability": 0.5, "share_percent": 10, "rr_per_week": 5, "rr_per_position": 1}
TRAIL = {"trail_mult": DELAY}
BOTH = TRAIL | {"entry_delay_bars": DELAY}


def exploring() -> None:
    """Let two levers have been explored."""
    as_before("UPDATE overrides_modulemode SET arms = %s WHERE module = 'pm'", json.dumps(BOTH))


def whole() -> None:
    """Let the roll-out have been to everybody."""
    as_before("UPDATE overrides_modulemode SET rollout_percent = 100 WHERE module = 'pm'")


def rolling() -> None:
    """Let the roll-out have been under way."""
    as_before("UPDATE overrides_modulemode SET mode = 'on' WHERE module = 'pm'")


def misnamed() -> None:
    ModuleMode.objects.filter(module="pm").update(mode="off", revision=F("revision") + 1)
    audited("mode dm")


def entry_of_another_cluster() -> None:
    alone(mode="off")()
    as_before(
        "UPDATE telemetry_auditentry SET epoch = 1 WHERE transaction = pg_current_xact_id()::text::bigint",
        is_checked=False,
    )


ROWS: dict[str, tuple[Act, str]] = {
    "a lower mode with an entry of long ago": (
        lambda: ModuleMode.objects.filter(module="pm").update(mode="off", revision=F("revision") + 1),
        UNAUDITED,
    ),
    "a lower mode with an entry of another cluster": (entry_of_another_cluster, UNAUDITED),
    "a lower mode with an entry about the other module": (misnamed, UNAUDITED),
    "the rows of two modules exchanged": (renamed, "a mode stays with its module"),
    "a revision that stays": (alone(mode="off", revision=F("revision")), COUNTED),
    "a revision that jumps": (alone(mode="off", revision=F("revision") + 2), COUNTED),
    "a first revision of its own": (other(revision=7), COUNTED),
    "a module that is none": (other(module="xx"), "there is no such module"),
    "a mode of the other module": (other(), HONEST),
    "an allow-list that is a text": (alone(allow={"bucket": "mid"}), LISTS),
    "an allow-list of numbers": (alone(allow={"bucket": ["mid", 1]}), LISTS),
    "an allow-list that is a list": (alone(allow=["mid"]), LISTS),
    "a narrower allow-list": (alone(allow={"bucket": ["mid"]}), HONEST),
    "one more dimension to allow": (alone(allow={"bucket": ["mid"], "chain": ["sol"]}), HONEST),
    "a wider allow-list": (alone(allow={"bucket": ["mid", "nano", "big"]}), AWAY),
    "another dimension to allow": (alone(allow={"chain": ["sol"]}), AWAY),
    "a lower mode": (alone(mode="off"), HONEST),
    "the same mode": (alone(), HONEST),
    "a higher mode": (alone(mode="on"), AWAY),
    "a smaller roll-out": (alone(rollout_percent=10.0), HONEST),
    "a larger roll-out": (alone(rollout_percent=20.5), AWAY),
    "a lower mode and a larger roll-out": (alone(mode="off", rollout_percent=30.0), AWAY),
    "a share of positions held back": (alone(holdback_percent=5.0), AWAY),
    "a smaller share of positions held back": (then(held_back, alone(holdback_percent=4.0)), AWAY),
    "a larger share of positions held back": (then(held_back, alone(holdback_percent=6.0)), AWAY),
    "a lower mode beside its holdback": (then(held_back, alone(mode="off")), HONEST),
    "a lower mode that ends its holdback": (then(held_back, alone(mode="off", holdback_percent=0.0)), AWAY),
    "another module with a holdback": (other(holdback_percent=5.0), "mode dm: going away from neutral"),
    "an arm": (alone(arms=TRAIL), AWAY),
    "an arm of a lever that scales": (alone(arms={"size_mult": DELAY | {"alternative": 1}}), EXPLORES),
    "an arm of no lever": (alone(arms={"moon_mult": DELAY}), EXPLORES),
    "an arm outside the bounds": (alone(arms={"trail_mult": DELAY | {"alternative": 2.1}}), EXPLORES),
    "an arm drawn too often": (alone(arms={"trail_mult": DELAY | {"probability": 0.6}}), EXPLORES),
    "an arm without a budget": (alone(arms={"trail_mult": {"alternative": 2, "probability": 0.5}}), EXPLORES),
    "arms that are a list": (alone(arms=[]), EXPLORES),
    "the end of an arm": (then(exploring, alone(arms=TRAIL)), HONEST),
    "the end of all arms": (then(exploring, alone(arms={})), HONEST),
    "a lower mode beside its arms": (then(exploring, alone(mode="off")), HONEST),
    "a smaller budget of an arm": (
        then(exploring, alone(arms=BOTH | {"trail_mult": DELAY | {"rr_per_week": 4}})),
        AWAY,
    ),
    "an arm without one of its terms": (
        then(exploring, alone(arms=BOTH | {"trail_mult": DELAY | {"share_percent": 5}})),
        AWAY,
    ),
    "a request for an arm": (asked({"arms": TRAIL}, {"arms": TRAIL}), HONEST),
    "a request for a smaller arm": (
        asked({"arms": TRAIL}, {"arms": {"trail_mult": DELAY | {"rr_per_week": 50}}}),
        AWAY,
    ),
    "a request for another mode that brings an arm": (asked({"mode": "on"}, {"mode": "on", "arms": TRAIL}), AWAY),
    "a request that leaves the arms": (then(exploring, asked({"mode": "on"})), HONEST),
    "a trial and an arm": (tried(arms=TRAIL), AWAY),
    "another salt of a roll-out under way": (alone(rollout_salt="ff"), AWAY),
    "another salt and a smaller roll-out": (alone(rollout_salt="ff", rollout_percent=10.0), AWAY),
    "a salt where a roll-out to some begins": (then(whole, alone(rollout_salt="ff", rollout_percent=10.0)), HONEST),
    "a request for a holdback": (asked({"holdback_percent": 5}, {"holdback_percent": 5.0}), HONEST),
    "a request for the end of a holdback": (
        then(held_back, asked({"holdback_percent": 0}, {"holdback_percent": 0.0})),
        HONEST,
    ),
    "a request for a smaller holdback": (asked({"holdback_percent": 5}, {"holdback_percent": 2.0}), AWAY),
    "a request for another mode that brings a holdback": (
        asked({"mode": "on"}, {"mode": "on", "holdback_percent": 5.0}),
        AWAY,
    ),
    "a request that leaves the holdback": (then(held_back, asked({"mode": "on"})), HONEST),
    "a request that switches a roll-out on with a new salt": (
        asked({"mode": "on"}, {"mode": "on", "rollout_salt": "ff"}),
        HONEST,
    ),
    "a request that exchanges the callers of a roll-out under way": (
        then(rolling, asked({"rollout_percent": 30}, {"rollout_percent": 30.0, "rollout_salt": "ff"})),
        AWAY,
    ),
    "a challenger": (lambda: alone(challenger_id=challenger())(), AWAY),
    "another module that is on": (other(mode="on"), "mode dm: going away from neutral"),
    "another module in shadow": (other(mode="shadow"), "mode dm: going away from neutral"),
    "a request that says it": (asked({"mode": "on"}), HONEST),
    "a request for all": (asked({"mode": "on", "rollout_percent": 50, "allow": {}}), HONEST),
    "a request for less": (asked({"mode": "shadow"}, {"mode": "on"}), AWAY),
    "a request for a smaller roll-out": (asked({"mode": "on"}, {"mode": "on", "rollout_percent": 30.0}), AWAY),
    "a request for a narrower allow-list": (asked({"mode": "on"}, {"mode": "on", "allow": {}}), AWAY),
    "a request for no challenger": (
        lambda: asked({"mode": "on"}, {"mode": "on", "challenger_id": challenger()})(),
        AWAY,
    ),
    "a request for a challenger": (
        lambda: asked({"challenger": 2}, {"challenger_id": challenger(2)})(),
        HONEST,
    ),
    "a request for another challenger": (
        lambda: asked({"challenger": 2}, {"challenger_id": challenger(1)})(),
        AWAY,
    ),
    "a lower mode beside its challenger": (then(challenged, alone(mode="off")), HONEST),
    "a request that leaves the challenger": (then(challenged, asked({"mode": "on"})), HONEST),
    "a request that takes the challenger away": (
        then(challenged, asked({"mode": "on", "challenger": None}, {"mode": "on", "challenger_id": None})),
        HONEST,
    ),
    "a trial": (tried(), HONEST),
    "a trial and a higher mode": (tried(mode="on"), AWAY),
    "a trial and a larger roll-out": (tried(rollout_percent=30.0), AWAY),
    "a trial and a holdback": (tried(holdback_percent=5.0), AWAY),
    "a trial and another salt": (tried(rollout_salt="ff"), AWAY),
    "a trial and a wider allow-list": (tried(allow={}), AWAY),
    "a trial for the version that it restores": (tried(5), AWAY),
    "a trial for the version of another": (tried_before, AWAY),
    "a request without votes": (asked({"mode": "on"}, voters=()), "has 0 of 1 approvals"),
    "a request at once": (asked({"mode": "on"}, route="at_once"), AWAY),
    "a request for lines": (asked({"mode": "on"}, kind="lines"), WITHOUT),
    "a request for a trial": (asked({"mode": "on"}, kind="trial"), WITHOUT),
    "a request that is not applied": (not_applied, AWAY),
    "a request of the other module": (of_dm, AWAY),
    "a request of another cluster": (of_another_cluster, AWAY),
}


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", ROWS)
def test_modes(name: str, role: str) -> None:
    assert ChangeRequest.objects.exists()
    refused(*ROWS[name], role=role)
