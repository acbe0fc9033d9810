"""A version is what its mandates say, line by line: every deviation from an honest one is refused by name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.builders import NOW
from tests.bypass.ways.forgery import (
    DAY,
    DIP,
    HONEST,
    LINE,
    OTHER,
    Act,
    Forgery,
    as_before,
    refused,
    size,
    then,
)
from tests.bypass.ways.publications import (
    AGGRESSIVE,
    BAD,
    CAPPED,
    HOUR,
    NEW,
    UNCOVERED,
    capped,
    doubled,
    hold,
    lowering,
    mandated,
    quarantine,
    replaced_edition,
    revoked,
    somebody_is,
    stored,
    voted_down,
    without_floor,
)
from tests.people import somebody

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]
UNDER_MANDATES: dict[str, tuple[Act, str]] = {
    "a move towards neutral": (mandated(), HONEST),
    "a withdrawal": (Forgery(route="mandate", withdraws=(LINE,)), HONEST),
    "a withdrawal without a mandate": (then(revoked, Forgery(route="mandate", withdraws=(LINE,))), UNCOVERED),
    "another line without a mandate": (mandated(NEW), "no mandate covers line"),
    "an override of another line in the change": (
        then(lambda: stored(size(1.1, DIP)), mandated(line={"after_id": size(1.1, DIP).content_id})),
        "change_brings_its_line",
    ),
    "an override of another line as what stood": (
        mandated(line={"before_id": size(1.2, DIP).content_id}),
        "change_replaces_its_line",
    ),
    "an override of another line in the membership": (
        then(lambda: stored(size(1.1, BAD)), mandated(membership={"override_id": NEW.content_id, "override": None})),
        "membership_holds_its_line|differs from request",
    ),
    "more trades than the module has": (mandated(size(1.1, n=101)), UNCOVERED),
    "as many trades as the module has": (mandated(size(1.1, n=100)), HONEST),
    "more trades than the module has without those of another": (
        then(
            lambda: as_before("UPDATE telemetry_outcome SET module = 'dm' WHERE id %% 2 = 0"), mandated(size(1.1, n=60))
        ),
        UNCOVERED,
    ),
    "more trades than the module has, each with two actions": (
        then(doubled, mandated(size(1.1, n=101))),
        UNCOVERED,
    ),
    "fewer trades than the floor": (mandated(size(1.1, n=19)), UNCOVERED),
    "as many trades as the floor": (mandated(size(1.1, n=20)), HONEST),
    "less edge than the floor": (mandated(size(1.1, edge_raw=0.39)), UNCOVERED),
    "as much edge as the floor": (mandated(size(1.1, edge_raw=0.4)), HONEST),
    "the opposite sign of the edge": (mandated(size(1.1, edge_raw=-0.8)), UNCOVERED),
    "evidence of the future": (mandated(size(1.1, updated_at="2100-01-01T00:00:00Z")), UNCOVERED),
    "evidence of this moment": (mandated(size(1.1, updated_at=(NOW + HOUR).isoformat())), HONEST),
    "no edge where the mandate asks for none": (then(without_floor, mandated(size(1.1, edge_raw=0.0))), HONEST),
    "a target beyond the reach": (mandated(size(1.255)), UNCOVERED),
    "a target beyond neutral": (mandated(size(0.995)), UNCOVERED),
    "another lever": (mandated(AGGRESSIVE), UNCOVERED),
    "a mandate that ran out": (mandated(at=NOW + 400 * DAY), UNCOVERED),
    "a mandate at the moment it runs out": (mandated(at=NOW + 90 * DAY), UNCOVERED),
    "a mandate in its last second": (mandated(at=NOW + 90 * DAY - timedelta(seconds=1)), HONEST),
    "a mandate that was revoked": (then(revoked, mandated()), UNCOVERED),
    "a mandate whose signer was deactivated": (then(somebody_is("is_active = false"), mandated()), UNCOVERED),
    "a mandate whose signer may not review": (then(somebody_is("is_superuser = false"), mandated()), UNCOVERED),
    "a mandate whose signer said no later": (then(replaced_edition, mandated()), UNCOVERED),
    "a mandate whose own request was voted down later": (then(voted_down, mandated()), UNCOVERED),
    "a person who drafted it": (
        lambda: mandated(request={"author": somebody()})(),
        "no mandate covers line <NULL>|no mandate covers line",
    ),
    "a quarantine": (then(quarantine(), mandated()), "the builder of pm is in quarantine"),
    "a quarantine of the other module": (then(quarantine("dm"), mandated()), HONEST),
    "a quarantine that was lifted": (then(quarantine(is_lifted=True), mandated()), HONEST),
    "a pin": (then(hold("pin"), mandated()), f"line {LINE} is pinned"),
    "a pin on another line": (then(hold("pin", OTHER), mandated()), HONEST),
    "a pin that was lifted": (then(hold("pin", lifted_at=NOW), mandated()), HONEST),
    "a pin that ran out": (then(hold("pin", expires_at=NOW), mandated()), HONEST),
    "a pin that ends at this moment": (then(hold("pin", expires_at=NOW + HOUR), mandated()), HONEST),
    "a pin that runs": (then(hold("pin", expires_at=NOW + DAY), mandated()), "is pinned"),
    "a pin of a rejection": (then(hold("pin", rejected="{}"), mandated()), f"line {LINE} is pinned"),
    "a withdrawal under a pin": (then(hold("pin"), Forgery(route="mandate", withdraws=(LINE,))), "is pinned"),
    "a withdrawal under a pin of a rejection": (
        then(hold("pin", rejected="{}"), Forgery(route="mandate", withdraws=(LINE,))),
        HONEST,
    ),
    "a target beyond a cap": (then(capped(), mandated()), CAPPED),
    "a target beyond a cap in the other direction": (then(capped('{"size_mult": 0.96}'), mandated()), CAPPED),
    "a target at a cap": (then(capped('{"size_mult": 1.1}'), mandated()), HONEST),
    "a target within a cap in the other direction": (then(capped('{"size_mult": 0.9}'), mandated()), HONEST),
    "a cap on another lever": (then(capped('{"entry_aggression_mult": 1.05}'), mandated()), HONEST),
    "a cap that no one can read": (then(capped('{"size_mult": null}'), mandated()), CAPPED),
    "a cap on another line": (then(capped(line=OTHER), mandated()), HONEST),
    "a cap that was lifted": (then(capped(lifted_at=NOW), mandated()), HONEST),
    "a cap that ran out": (then(capped(expires_at=NOW), mandated()), HONEST),
    "a cap that runs": (then(capped(expires_at=NOW + DAY), mandated()), CAPPED),
    "a withdrawal under a cap": (then(capped(), Forgery(route="mandate", withdraws=(LINE,))), HONEST),
    "a target beyond a cap where the policy lets exposure fall": (
        then(lowering(), revoked, capped(), mandated()),
        CAPPED,
    ),
    "a veto": (then(hold("veto"), mandated()), f"a veto stands on line {LINE}"),
    "a veto of what is withdrawn": (then(hold("veto"), Forgery(route="mandate", withdraws=(LINE,))), HONEST),
    "parameters": (mandated(kind="parameters"), "has constants|was not reviewed and may move lines alone"),
    "content beside its lines": (mandated(content={"note": "x"}), "was not reviewed and may move lines alone"),
    "less exposure where the policy lets it": (then(then(lowering(), revoked), mandated()), HONEST),
    "more exposure where the policy lets it fall": (
        then(then(lowering(), revoked), mandated(size(1.26))),
        UNCOVERED,
    ),
    "the same exposure where the policy lets it fall": (
        then(lowering(), revoked, mandated(size(1.25, n=50))),
        UNCOVERED,
    ),
    "less exposure in one lever and more in another": (
        then(lowering(), revoked, mandated(AGGRESSIVE)),
        UNCOVERED,
    ),
    "a withdrawal where the policy lets exposure fall": (
        then(lowering(), revoked, Forgery(route="mandate", withdraws=(LINE,))),
        HONEST,
    ),
    "less exposure where a policy of old let it": (
        then(then(lowering(is_active=False), revoked), mandated()),
        UNCOVERED,
    ),
    "less exposure where the policy of the other module lets it": (
        then(lowering(module="dm"), revoked, mandated()),
        UNCOVERED,
    ),
    "less exposure than a before that did not stand": (
        then(
            then(lowering(), revoked, lambda: stored(size(1.3))),
            mandated(size(1.28), line={"before_id": size(1.3).content_id}),
        ),
        "was drafted against other levers than stood on line",
    ),
}


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", UNDER_MANDATES)
def test_under_mandates(name: str, role: str) -> None:
    refused(*UNDER_MANDATES[name], role=role)
