"""Decisions that an older format of the engine stored replay without a difference, and are found where rewritten."""

from __future__ import annotations

from typing import Any

import pytest

from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.formats import CURRENT_FORMAT, FIRST, FORMATS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.monitoring.replaying.json_diff import Difference
from overrides.models import ParameterSet
from overrides.monitoring.replaying.replay import Choice, Report, replay, replay_one
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from overrides.versions.verify_hashes import Recheck
from telemetry.decisions.decision_log import record_decisions
from telemetry.models import Decision
from tests.builders import NOW, make_question, make_spec, publish, set_mode, without_triggers
from tests.overrides.monitoring.replaying.first_format import engine_of, objects_of, rows_of, store
from tests.overrides.monitoring.replaying.test_replay import LATER, changed

FLAGS = {"STEP_LIMITED", "BOUND_HIGH", "RAMPING", "UNKNOWN_DIMENSION", "STALE_VERSION"}


def replayed(*rows: Decision) -> list[str]:
    """What differs, replayed without a database."""
    return [str(difference) for row in rows for difference in replay_one(row, engine_of)]


def decision(**wanted: Any) -> Decision:
    """The last of the stored decisions that has these values, and that was asked without `session` unless wanted."""
    session = wanted.pop("session", False)
    found: list[Decision] = [
        row
        for row in objects_of("decisions")
        if ("session" in row.scope) is session and all(getattr(row, name) == value for name, value in wanted.items())
    ]
    return found[-1]


def within(known: Any, document: Any) -> Any:
    """The part of a document that another one names too: constants may have come since."""
    if not isinstance(known, dict):
        return document
    return {name: within(value, document[name]) for name, value in known.items()}


class TestTheFirstFormat:
    def test_is_what_these_decisions_are_of(self) -> None:
        rows = rows_of("decisions")

        assert not any("format" in row for row in rows)
        assert {flag for row in rows for flag in row["flags"]} == FLAGS
        assert {row["version"] for row in rows} >= {None, 1, 2, 5, 6, 7, 9}
        assert {lever for row in rows for lever in row["levers"]} <= set(FIRST.levers)
        assert {name for row in rows for each in row["contributions"] for name in each if name.startswith("w_")} == {
            *FIRST.factors, "w_total",
        }  # fmt: skip

    def test_replays_without_a_difference(self) -> None:
        assert replayed(*objects_of("decisions")) == []

    def test_flagged_a_dimension_that_it_did_not_know(self) -> None:
        rows = [row for row in objects_of("decisions") if "session" in row.scope]

        assert {row.version for row in rows} == {None, 8, 9}
        assert all("UNKNOWN_DIMENSION" in row.flags for row in rows)


class TestADimensionOfACoefficient:
    @pytest.fixture(params=[None, 1])
    def of_dm(self, request: pytest.FixtureRequest) -> Decision:
        """A decision of dm, also from before a first version, whose scope names timeframe; its parameters do not."""
        row = decision(module="dm", reason="NO_MATCH")
        row.version = request.param
        row.scope = {**row.scope, "timeframe": "1h"}
        return row

    def test_was_flagged_by_the_first_format(self, of_dm: Decision) -> None:
        flags = [flag for flag in of_dm.flags if flag != "UNKNOWN_DIMENSION"]

        for stored, n_differences in ([*flags, "UNKNOWN_DIMENSION"], 0), (flags, 1):
            of_dm.flags = stored
            assert len([line for line in replayed(of_dm) if "flags" in line]) == n_differences

    def test_is_known_since_the_second(self, of_dm: Decision) -> None:
        of_dm.format = 2
        flags = [flag for flag in of_dm.flags if flag != "UNKNOWN_DIMENSION"]

        for stored, n_differences in ([*flags, "UNKNOWN_DIMENSION"], 1), (flags, 0):
            of_dm.flags = stored
            assert len([line for line in replayed(of_dm) if "flags" in line]) == n_differences


class TestARewrittenDecision:
    @pytest.mark.parametrize(
        ("wanted", "field", "path", "value", "named"),
        [
            ({"reason": "NO_MATCH"}, "levers", "size_mult.served", 1.1, "levers.size_mult.served is 1.1, recomputed 1"),
            (
                {"reason": "STALE", "module": "dm"},
                "levers",
                "alloc_mult.served",
                1.1,
                "levers.alloc_mult.served is 1.1, recomputed 1",
            ),
            ({"reason": "NO_MATCH"}, "levers", "panic_mult", {"served": 1.0}, "levers.panic_mult is {'served': 1.0}"),
            ({"reason": "SINGLE"}, "contributions", "0.w_spec", 1.0, "w_spec is 1.0, recomputed 0."),
            ({"reason": "SINGLE"}, "contributions", "0.w_last", 1.0, "w_last is 1.0, recomputed missing"),
            ({"reason": "COMBINED", "session": True}, "contributions", "1.w_n", 1.0, "w_n is 1.0, recomputed 0."),
            ({"mode": "shadow"}, "challenger", "levers.size_mult.served", 0.9, "levers.size_mult.served is 0.9, reco"),
        ],
    )
    def test_is_named_with_its_field(
        self, wanted: dict[str, Any], field: str, path: str, value: Any, named: str
    ) -> None:
        row = decision(**wanted)
        setattr(row, field, changed(getattr(row, field), path, value))

        [line] = replayed(row)

        assert named in line

    @pytest.mark.parametrize("session", [True, False])
    def test_is_named_where_a_contribution_is_dropped(self, session: bool) -> None:
        row = decision(reason="COMBINED", session=session)
        row.contributions = row.contributions[:-1]

        assert any(": contributions is [" in line for line in replayed(row))

    def test_is_named_where_a_factor_is_dropped(self) -> None:
        row = decision(reason="SINGLE")
        row.contributions = [{name: value for name, value in row.contributions[0].items() if name != "w_edge"}]

        [line] = replayed(row)

        assert "w_edge is missing, recomputed 1.0" in line

    def test_is_named_where_a_lever_is_dropped(self) -> None:
        row = decision(reason="NO_MATCH")
        row.levers = {name: value for name, value in row.levers.items() if name != "size_mult"}

        [line] = replayed(row)

        assert "levers.size_mult is missing, recomputed {'served': 1.0}" in line

    @pytest.mark.parametrize("version", [None, 9])
    def test_is_named_where_a_flag_is_added(self, version: int | None) -> None:
        row = decision(version=version, mode="on")
        row.flags = [*row.flags, "UNKNOWN_DIMENSION"]

        [line] = replayed(row)

        assert "flags is [" in line

    @pytest.mark.parametrize("version", [None, 8, 9])
    def test_is_named_where_the_flag_of_its_unknown_dimension_is_taken_away(self, version: int | None) -> None:
        row = decision(version=version, session=True)
        row.flags = [flag for flag in row.flags if flag != "UNKNOWN_DIMENSION"]

        [line] = replayed(row)

        assert "flags is [" in line
        assert "UNKNOWN_DIMENSION" in line

    def test_is_named_where_its_format_does_not_exist(self) -> None:
        row = decision(reason="NO_MATCH")
        row.format = len(FORMATS) + 1

        assert replayed(row) == [
            f"decision {row.pk}: format is {row.format}, recomputed 'format: {row.format} is unknown; "
            f"known are 1 to {len(FORMATS)}'"
        ]


@pytest.mark.django_db
class TestStoredRows:
    @pytest.fixture
    def stored(self) -> None:
        with without_triggers():
            store()

    @pytest.mark.usefixtures("stored")
    def test_replay_without_a_difference(self) -> None:
        found: list[Difference] = []

        report = replay(Choice(), now=LATER, on_difference=found.append)

        assert list(map(str, found)) == []
        assert report == Report(replayed=34, unclaimed=Decision.objects.filter(reason="STALE").count())
        assert set(Decision.objects.values_list("format", flat=True)) == {None}

    @pytest.mark.usefixtures("stored")
    def test_keep_the_names_of_their_documents(self) -> None:
        """What a document leaves unsaid is filled in when it is read, and never in the document that its id is of."""
        assert [str(difference) for difference in Recheck().everything()] == []
        for row in ParameterSet.objects.all():
            assert content_hash([row.module, row.document]) == row.pk
            assert row.document["lessons"]["dimensions"] is None
            read = ModuleParameters.from_document(row.module, row.document).to_document()
            assert within(row.document, read) == row.document

    @pytest.mark.usefixtures("stored")
    def test_learn_from_the_dimensions_of_then(self) -> None:
        found = {row.parsed.lessons.dimensions for row in ParameterSet.objects.filter(module="pm")}

        assert found == {FIRST.learned["pm"]}


@pytest.mark.django_db
class TestANewDecision:
    def test_names_the_format_of_the_engine_that_answered_it(self) -> None:
        publish(make_spec())
        set_mode("on")
        record = resolve_one(make_question(), load_engine("pm"), now=NOW).record
        record_decisions([record])

        assert Decision.objects.get().format == record.format == CURRENT_FORMAT

    def test_names_it_where_there_was_no_engine(self) -> None:
        record = resolve_one(make_question(), None, now=NOW).record
        record_decisions([record])

        assert Decision.objects.get().format == CURRENT_FORMAT
