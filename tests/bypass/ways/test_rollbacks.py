"""A rollback brings what the older version held, a first version needs votes, and weights keep their bounds."""

from __future__ import annotations

from typing import Any

import pytest

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import Version
from overrides.versions.publish import store_parameters
from tests.builders import NOW, make_parameters
from tests.bypass.ways.forgery import HONEST, LINE, OTHER, Act, Forgery, as_before, audited, refused, size, then

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]


def back(to: int, *specs: Any, withdraws: tuple[str, ...] = (), **over: Any) -> Forgery:
    return Forgery(kind="rollback", content={"to": to}, brings=specs, withdraws=withdraws, **over)


def without_dm() -> None:
    """Let the other module have nothing yet."""
    for table in ("overrides_membership", "learning_configs"):
        as_before(f"DELETE FROM {table} WHERE module = 'dm'")


def of_dm(route: str, **over: Any) -> Act:
    """The first version of dm, with the constants that its request names."""

    def write() -> None:
        without_dm()
        parameters = store_parameters(ModuleParameters.default("dm"), by="m", reason="m", at=NOW)
        forgery = Forgery(route=route, request={"base_parameters": parameters.pk})
        asked = forgery.draft()
        as_before("UPDATE overrides_changerequest SET module = 'dm' WHERE id = %s", asked.pk)
        forgery.apply(asked)
        fields: dict[str, Any] = {
            "module": "dm", "number": 1, "is_active": True, "kind": "lines", "n_overrides": 0, "parameters": parameters,
            "content_hash": "h", "request": asked, "published_at": NOW, "published_by": "m",
        } | over  # fmt: skip
        Version.objects.create(**fields)
        audited("version dm/1")

    return write


def other_constants(forgery: Forgery) -> Act:
    def write() -> None:
        row = store_parameters(make_parameters(protected_motifs=["a"]), by="m", reason="m", at=NOW)
        forgery.version["parameters_id"] = row.pk
        forgery()

    return write


def parameters(content: dict[str, Any] | None = None) -> Act:
    """A version of other parameters, as its request holds them, or not."""

    def write() -> None:
        wanted = make_parameters(protected_motifs=["a"])
        row = store_parameters(wanted, by="m", reason="m", at=NOW)
        document = wanted.to_document() if content is None else content
        Forgery(kind="parameters", content=document, version={"parameters_id": row.pk})()

    return write


GONE_BACK = "version pm/4 differs from version [0-9] that request [0-9]+ goes back to, at line"
ROWS: dict[str, tuple[Act, str]] = {
    "back to the version before": (back(2, withdraws=(OTHER,)), HONEST),
    "back to the first": (back(1, size(1.2), withdraws=(OTHER,)), HONEST),
    "back to the version before, and on from there": (
        then(back(2, withdraws=(OTHER,)), Forgery(brings=(size(1.1, {"trend": "Bad"}),))),
        HONEST,
    ),
    "back to what is in force": (back(3), HONEST),
    "a line that the older version did not hold": (back(2), f"{GONE_BACK} {OTHER}"),
    "another override than it held": (back(1, size(1.15), withdraws=(OTHER,)), f"{GONE_BACK} {LINE}"),
    "a line missing that it held": (back(2, withdraws=(LINE, OTHER)), f"{GONE_BACK} {LINE}"),
    "an override of later": (back(1, withdraws=(OTHER,)), f"{GONE_BACK} {LINE}"),
    "a version that is none": (back(9), "is not what request [0-9]+ goes back to"),
    "other parameters than it had": (other_constants(back(3)), "is not what request [0-9]+ goes back to"),
    "other coefficients than it had": (
        back(3, version={"coefficients": {"chain=base": 2.0}}),
        "is not what request|no weight",
    ),
    "a rollback at once": (back(2, withdraws=(OTHER,), route="at_once"), "was not reviewed and may move lines alone"),
    "a rollback under mandates": (
        back(2, withdraws=(OTHER,), route="mandate"),
        "was not reviewed and may move lines alone",
    ),
    "parameters as they were signed": (parameters(), HONEST),
    "parameters other than were signed": (parameters({}), "has constants that request [0-9]+ does not hold"),
    "a first version after votes": (of_dm("review"), HONEST),
    "a first version at once": (of_dm("at_once"), "version dm/1 is the first and needs votes like any other"),
    "a first version under mandates": (of_dm("mandate"), "version dm/1 is the first and needs votes like any other"),
    "a first version that is the second": (of_dm("review", number=2), "version dm/2: the next number is 1"),
    "a first version with weights": (of_dm("review", coefficients={"chain=base": 1.5}), "has constants that request"),
}


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", ROWS)
def test_rollbacks_and_first_versions(name: str, role: str) -> None:
    refused(*ROWS[name], role=role)


WEIGHTS: dict[str, tuple[dict[str, Any], str]] = {
    "a weight": ({"chain=base": 1.5}, HONEST),
    "the least weight": ({"chain=base": 0.5}, HONEST),
    "the greatest weight": ({"chain=base": 2}, HONEST),
    "less than the least": ({"chain=base": 0.49}, "is no weight of dm"),
    "more than the greatest": ({"chain=base": 2.01}, "is no weight of dm"),
    "a text": ({"chain=base": "1.5"}, "is no weight of dm"),
    "no weight at all": ({"chain=base": None}, "is no weight of dm"),
    "a lever that is none": ({"moon=full": 1.5}, "is no weight of dm"),
    "a lever without a value": ({"chain=": 1.5}, "is no weight of dm"),
    "one of two": ({"chain=base": 1.5, "moon=full": 1.5}, "is no weight of dm"),
}


def first_with(weights: dict[str, Any], movement: float = 100.0) -> Act:
    """A first version of the other module, with weights."""

    def write() -> None:
        without_dm()
        parameters = store_parameters(ModuleParameters.default("dm"), by="m", reason="m", at=NOW)
        forgery = Forgery(
            content={"coefficients": weights}, request={"base_parameters": parameters.pk}, movement=movement
        )
        asked = forgery.draft()
        as_before("UPDATE overrides_changerequest SET module = 'dm' WHERE id = %s", asked.pk)
        forgery.apply(asked)
        Version.objects.create(
            module="dm", number=1, is_active=True, kind="lines", n_overrides=0, parameters=parameters, content_hash="h",
            coefficients=weights, request=asked, published_at=NOW, published_by="m",
        )  # fmt: skip
        audited("version dm/1")

    return write


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_of_dm(name: str) -> None:
    weights, why = WEIGHTS[name]

    refused(first_with(weights), why)


def test_weights_of_a_first_version_move_from_one() -> None:
    refused(first_with({"chain=base": 1.5}, movement=20.0), "moves 20.4[0-9]* steps and says 20")
