"""A trial stands between the version in force and its exact restoration, by one reviewed request of its kind.

Its line is of the evidence method, so that the paths of memberships are tried here too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import Membership, Override, Version
from overrides.versions.publish import store_override, store_parameters
from tests.builders import NOW, make_parameters, make_spec
from tests.bypass.ways.forgery import HONEST, LINE, OTHER, Act, Forgery, as_before, audited, refused, size, sql

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

LIVE = make_parameters({"policy": "evidence", "combiner": "evidence"})
TRIED = make_spec({"size_mult": 1.3}, policy="evidence", stats={"n": 40, "edge_raw": 0.8, "variance": 0.5})
CHANNEL = LIVE.to_document()["channels"]["pm_strength"]
TIGHTENED = make_parameters(CHANNEL | {"weights": CHANNEL["weights"] | {"max_steps": {"size_mult": 0.01}}})
HOUR = timedelta(hours=1)
STARTED = {"path_from": {"size_mult": 1.0}, "path_since": NOW + HOUR}


@dataclass
class Trial(Forgery):
    """A trial of another line and its restoration by hand."""

    kind: str = "trial"
    brings: tuple[Any, ...] = (TRIED,)
    withdraws: tuple[str, ...] = (LINE,)
    content: dict[str, Any] = field(default_factory=LIVE.to_document)
    membership: dict[str, Any] = field(default_factory=lambda: dict(STARTED))
    restored: dict[str, Any] = field(default_factory=dict)
    again: dict[str, Any] = field(default_factory=dict)
    ends: bool = True
    returns: bool = True
    is_restored: bool = True
    is_replaced: bool = True
    tried: ModuleParameters = LIVE

    def publish(self) -> None:
        before = Version.objects.get(module=self.module, is_active=True)
        number, touched = before.number + 1, [spec.line for spec in self.brings]
        stood = list(Membership.objects.filter(line_id__in=self.withdraws, to_version=None))
        if self.closes:
            Membership.objects.filter(line_id__in=self.withdraws, to_version=None).update(to_version=number)
        base: dict[str, Any] = {
            "module": self.module, "coefficients": before.coefficients, "request": self.asked, "published_at": self.at,
            "published_by": "mallory",
        }  # fmt: skip
        parameters = store_parameters(self.tried, by="m", reason="m", at=NOW)
        tried = {"number": number, "kind": "trial", "parameters": parameters, "n_overrides": 1, "content_hash": "t"}
        Version.objects.create(**base | tried | self.version)
        audited(f"version {self.module}/{number}")
        for spec in self.brings if self.opens else ():
            opened: dict[str, Any] = {"module": self.module, "line_id": spec.line, "from_version": number}
            Membership.objects.create(**opened | {"override_id": spec.content_id} | self.membership)
        if not self.is_restored:
            return
        if self.ends:
            Membership.objects.filter(line_id__in=touched, to_version=None).update(to_version=number + 1)
        if self.is_replaced:
            Version.objects.filter(pk=before.pk).update(is_active=False)
        like = {
            "number": number + 1, "kind": "restored", "is_active": True, "parameters_id": before.parameters_id,
            "n_overrides": before.n_overrides, "content_hash": before.content_hash,
        }  # fmt: skip
        Version.objects.create(**base | like | self.restored)
        audited(f"version {self.module}/{number + 1}")
        for each in stood if self.returns else ():
            back = {
                "module": self.module, "line_id": each.line_id, "override_id": each.override_id,
                "from_version": number + 1,
                "path_from": each.path_from, "path_since": each.path_since,
            }  # fmt: skip
            Membership.objects.create(**back | self.again)

    def draft(self) -> Any:
        in_force = Version.objects.get(module=self.module, is_active=True)
        self.request = {"base_parameters": in_force.parameters_id} | self.request
        return super().draft()


def stored(act: Trial, *specs: Any) -> Act:
    def write() -> None:
        for spec in specs:
            store_override(spec, source="x", at=NOW)
        act()

    return write


def evidence_in_force(
    act: Forgery, path: str | None = '{"size_mult": 1.0}', hours: int = 24, parameters: ModuleParameters = LIVE
) -> Act:
    """Let the module learn by evidence, and let the line have stood on a path that began hours before `act`."""

    def write() -> None:
        row = store_parameters(parameters, by="m", reason="m", at=NOW)
        since = None if path is None else act.at - timedelta(hours=hours)
        store_override(TRIED, source="x", at=NOW)
        as_before("UPDATE learning_configs SET parameters_id = %s WHERE is_active", row.pk)
        as_before(
            "INSERT INTO overrides_membership (module, line_id, override_id, from_version, path_from, path_since) "
            "VALUES ('pm', %s, %s, 3, %s, %s)", TRIED.line, TRIED.content_id, path, since,
        )  # fmt: skip
        act()

    return write


def evidence(start: float | None, target: float = 1.2, **over: Any) -> Forgery:
    path = {"path_from": None if start is None else {"size_mult": start}, "path_since": NOW + HOUR} | over
    spec = make_spec({"size_mult": target}, policy="evidence", stats={"n": 40, "edge_raw": 0.8, "variance": 0.5})
    return Forgery(brings=(spec,), membership=path)


def opened(spec: Any, **path: Any) -> None:
    fields = {"module": "pm", "line_id": spec.line, "override_id": spec.content_id, "from_version": 4} | path
    Membership.objects.create(**fields)


def checked_early() -> None:
    sql("SET CONSTRAINTS membership_is_of_its_version IMMEDIATE")


OF_ITS_VERSION = "(?s)differs from request [0-9]+ at line.*membership_is_of_its_version"
DM = ModuleParameters.default("dm")
WEIGHTS, OTHER_WEIGHTS = {"chain=base": 1.5}, {"chain=base": 1.6}


def of_dm(**over: Any) -> Act:
    """A trial of the other module, whose version in force has weights."""
    tried = make_spec(
        {"alloc_mult": 1.1}, type="dm_alloc", module="dm", action_category="allocation", scope={"chain": "base"}
    )
    fields: dict[str, Any] = {
        "module": "dm", "brings": (tried,), "withdraws": (), "membership": {}, "tried": DM,
        "content": DM.to_document(),
    } | over  # fmt: skip

    def write() -> None:
        as_before("UPDATE learning_configs SET coefficients = %s WHERE module = 'dm'", json.dumps(WEIGHTS))
        Trial(**fields)()

    return write


def with_new_constants(act: Trial) -> Act:
    """A trial after a version that has other parameters than the versions before it."""

    def write() -> None:
        row = store_parameters(make_parameters(protected_motifs=["a"]), by="m", reason="m", at=NOW)
        as_before("UPDATE learning_configs SET parameters_id = %s WHERE module = 'pm' AND is_active", row.pk)
        act()

    return write


DIFFERS, CONSTANTS = "trial pm/4 differs from request", "trial pm/4 has constants that request"
NOTHING, AGAIN = "version pm/5 restores nothing", "version pm/5 differs from the one it restores at line"
OTHERS, ASTRAY = "version pm/5 has other constants", "differs from request [0-9]+ at line"
PATH = "the path of line [0-9a-f]+ does not begin where the line stood when it was published"
TRIALS: dict[str, tuple[Act, str]] = {
    "as it was signed": (Trial(), HONEST),
    "without votes": (Trial(voters=()), "has 0 of 1 approvals"),
    "at once": (Trial(route="at_once"), "was not reviewed and may move lines alone"),
    "of another kind": (Trial(kind="lines", version={"kind": "trial"}), "is not applied, or of another kind"),
    "active": (Trial(version={"is_active": True}), "trial_is_never_active"),
    "not restored": (Trial(is_restored=False), "trial pm/4 stands between a version and its restoration"),
    "not brought": (Trial(opens=False), f"{DIFFERS}|{ASTRAY}"),
    "not closed": (Trial(closes=False), f"{DIFFERS}|one_open_membership"),
    "not closed and not brought back": (Trial(closes=False, returns=False), DIFFERS),
    "another line closed": (
        Trial(more=lambda: Membership.objects.filter(line_id=OTHER, to_version=None).update(to_version=4)),
        f"{DIFFERS}|{ASTRAY}|opened or closed only by",
    ),
    "another line opened as well": (
        stored(Trial(last=lambda: opened(size(1.1, {"trend": "Bad"}))), size(1.1, {"trend": "Bad"})),
        DIFFERS,
    ),
    "another line closed as well": (
        Trial(last=lambda: Membership.objects.filter(line_id=OTHER, to_version=None).update(to_version=4)),
        DIFFERS,
    ),
    "other parameters than were signed": (Trial(content={}), CONSTANTS),
    "other parameters than it was drafted against": (Trial(request={"base_parameters": "p"}), CONSTANTS),
    "other coefficients": (Trial(version={"coefficients": {"chain=base": 2}}), f"{CONSTANTS}|no weight of dm"),
    "no end of what it tries": (Trial(ends=False), f"{AGAIN}|{DIFFERS}"),
    "no return of what stood": (Trial(returns=False), AGAIN),
    "another return than stood": (
        stored(Trial(again={"override_id": size(1.15).content_id}), size(1.15)),
        f"{AGAIN}|{ASTRAY}",
    ),
    "another return than stood, if that is checked first": (
        stored(Trial(again={"override_id": size(1.15).content_id}, last=checked_early), size(1.15)),
        OF_ITS_VERSION,
    ),
    "a return of what stood long ago": (
        Trial(again={"override_id": size(1.2).content_id}, last=checked_early),
        OF_ITS_VERSION,
    ),
    "of a line on its way": (
        evidence_in_force(Trial(brings=(), withdraws=(TRIED.line,))),
        HONEST,
    ),
    "another path of what returns": (
        evidence_in_force(
            Trial(brings=(), withdraws=(TRIED.line,), again={"path_from": {"size_mult": 1.1}}, last=checked_early)
        ),
        OF_ITS_VERSION,
    ),
    "another time of what returns": (
        evidence_in_force(Trial(brings=(), withdraws=(TRIED.line,), again={"path_since": NOW}, last=checked_early)),
        OF_ITS_VERSION,
    ),
    "a path on what returns": (Trial(again=STARTED), f"{AGAIN}|{ASTRAY}"),
    "of the other module": (of_dm(), HONEST),
    "of the other module with other weights": (
        of_dm(version={"coefficients": OTHER_WEIGHTS}),
        "trial dm/6 has constants that request",
    ),
    "of the other module with other weights afterwards": (
        of_dm(restored={"coefficients": OTHER_WEIGHTS}),
        "version dm/7 has other constants",
    ),
    "after a version with other parameters": (with_new_constants(Trial()), HONEST),
    "another number of overrides": (Trial(restored={"n_overrides": 9}), OTHERS),
    "another hash": (Trial(restored={"content_hash": "x"}), OTHERS),
    "other constants restored": (
        lambda: Trial(restored={"parameters_id": store_parameters(LIVE, by="m", reason="m", at=NOW).pk})(),
        OTHERS,
    ),
    "restored and not in force beside the one before": (
        Trial(restored={"is_active": False}, is_replaced=False),
        NOTHING,
    ),
    "restored and not in force": (Trial(restored={"is_active": False}), "taken out of force without another"),
    "a start of its own": (Trial(membership=STARTED | {"path_from": {"size_mult": 1.2}}), PATH),
    "a start of its own time": (Trial(membership=STARTED | {"path_since": NOW + 90 * HOUR}), PATH),
    "no path": (Trial(membership={}), PATH),
    "a path of another lever": (Trial(membership=STARTED | {"path_from": {"alloc_mult": 1.0}}), PATH),
    "a path of one lever more": (
        Trial(membership=STARTED | {"path_from": {"size_mult": 1.0, "alloc_mult": 1.0}}),
        PATH,
    ),
}
A_DAY, TWO = 1.02, 1.02**2
PATHS: dict[str, tuple[Act, str]] = {
    "where it had come in a day": (evidence_in_force(evidence(A_DAY)), HONEST),
    "where it had come in two days": (evidence_in_force(evidence(TWO), hours=48), HONEST),
    "farther than it had come in a day": (evidence_in_force(evidence(TWO)), PATH),
    "at neutral again": (evidence_in_force(evidence(1.0)), PATH),
    "at the target of old": (evidence_in_force(evidence(1.3)), PATH),
    "at the target of old that was reached": (evidence_in_force(evidence(1.3), hours=24 * 365), HONEST),
    "from where it had begun": (evidence_in_force(evidence(1.1), path='{"size_mult": 1.1}', hours=0), HONEST),
    "from neutral where it named no beginning": (evidence_in_force(evidence(A_DAY), path="{}"), HONEST),
    "none": (evidence_in_force(evidence(None)), f"{PATH}|membership_path_is_whole"),
    "of another time": (evidence_in_force(evidence(A_DAY, path_since=NOW)), PATH),
    "where it had come by a tightened step": (evidence_in_force(evidence(1.01), parameters=TIGHTENED), HONEST),
    "farther than a tightened step leads": (evidence_in_force(evidence(A_DAY), parameters=TIGHTENED), PATH),
    "where it stood without a path": (evidence_in_force(evidence(1.3), path=None), HONEST),
    "at neutral where it stood without a path": (evidence_in_force(evidence(1.0), path=None), PATH),
    "nearly where it had come": (evidence_in_force(evidence(A_DAY + 1e-6)), PATH),
}


def of_two_levers_and_of_one() -> None:
    stats = {"n": 40, "edge_raw": 0.8, "variance": 0.5}
    two, one = (
        make_spec(levers, policy="evidence", scope={"trend": trend}, stats=stats)
        for levers, trend in (({"size_mult": 1.2, "entry_aggression_mult": 1.1}, "Bad"), ({"size_mult": 1.2}, "Good"))
    )

    def open_both() -> None:
        for spec in (two, one):
            start = dict.fromkeys(spec.levers, 1.0)
            opened(spec, path_from=start, path_since=NOW + HOUR)

    Forgery(brings=(two, one), opens=False, last=open_both)()


PATHS["of two levers and of one"] = (of_two_levers_and_of_one, HONEST)


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", TRIALS)
def test_trials(name: str, role: str) -> None:
    refused(*TRIALS[name], role=role)


@pytest.mark.parametrize("name", PATHS)
def test_paths_begin(name: str) -> None:
    assert not Override.objects.filter(pk=TRIED.content_id).exists()
    refused(*PATHS[name])
