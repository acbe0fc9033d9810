"""A rollback brings what the older version held, a first version needs votes, and weights keep their bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import Version
from overrides.versions.publish import store_parameters
from tests.builders import NOW, make_parameters, make_spec
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


CHAIN, HEAVIER = {"chain=base": 1.5}, {"chain=base": 1.6}
ALLOCATION = make_spec({"alloc_mult": 1.1}, type="dm_alloc", module="dm", action_category="allocation")


def weighed() -> None:
    """Let the versions of the other module have weights."""
    as_before("UPDATE learning_configs SET coefficients = %s WHERE module = 'dm'", json.dumps(CHAIN))


def beside_a_version_of_its_number() -> None:
    """Let pm have a version of the number of the one in force in dm, which comes first in the table."""
    as_before("UPDATE learning_configs SET number = 5 WHERE module = 'pm' AND number = 2")
    weighed()


def in_dm(to: int = 5, weights: dict[str, float] | None = None, **content: Any) -> Forgery:
    """Go back in the other module to what is in force, with its weights or others."""
    version = {} if weights is None else {"coefficients": weights}
    return Forgery(module="dm", kind="rollback", content={"to": to} | content, version=version)


GONE_BACK = "version pm/4 differs from version [0-9] that request [0-9]+ goes back to, at line"
ROWS: dict[str, tuple[Act, str]] = {
    "back to the version before": (back(2, withdraws=(OTHER,)), HONEST),
    "back to the first": (back(1, size(1.2), withdraws=(OTHER,)), HONEST),
    "back to the version before, and on from there": (
        then(back(2, withdraws=(OTHER,)), Forgery(brings=(size(1.1, {"trend": "Bad"}),))),
        HONEST,
    ),
    "back to the version before, and less from there": (
        then(back(2, withdraws=(OTHER,)), Forgery(withdraws=(LINE,))),
        HONEST,
    ),
    "back in a module with weights": (then(weighed, in_dm()), HONEST),
    "back in a module with weights, by a request that names weights too": (
        then(weighed, in_dm(coefficients={})),
        HONEST,
    ),
    "other weights than it had": (then(weighed, in_dm(weights=HEAVIER)), "is not what request [0-9]+ goes back to"),
    "lines alone in a module with weights": (then(weighed, Forgery(module="dm", brings=(ALLOCATION,))), HONEST),
    "weights beside a version of the other module with the same number": (
        then(
            beside_a_version_of_its_number,
            Forgery(
                module="dm",
                content={"coefficients": HEAVIER},
                version={"coefficients": HEAVIER},
                request={"base_version": 5},
            ),
        ),
        HONEST,
    ),
    "no weights beside a version of the other module with the same number": (
        then(weighed, Forgery(brings=(size(1.1),), content={"coefficients": {}}, request={"base_version": 3})),
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


def first_with(weights: dict[str, Any], movement: float = 100.0, **request: Any) -> Act:
    """A first version of the other module, with weights."""

    def write() -> None:
        without_dm()
        parameters = store_parameters(ModuleParameters.default("dm"), by="m", reason="m", at=NOW)
        forgery = Forgery(
            content={"coefficients": weights}, request={"base_parameters": parameters.pk} | request, movement=movement
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


def test_weights_of_a_first_version_are_drafted_against_none() -> None:
    refused(first_with(CHAIN, base_version=1), "was drafted against other coefficients")


def test_weights_of_a_first_version_move_from_one() -> None:
    refused(first_with({"chain=base": 1.5}, movement=20.0), "moves 20.4[0-9]* steps and says 20")
