"""`./dev manage replay` as an operator runs it: its output and its exit code."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from telemetry.decisions.decision_log import record_decisions
from telemetry.models import Decision
from tests.builders import DAY, NOW, make_question, make_spec, publish, set_mode


@pytest.fixture
def decisions(db: None) -> list[UUID]:
    publish(make_spec())
    set_mode("on")
    records = [resolve_one(make_question(), load_engine("pm"), now=NOW + number * DAY).record for number in range(3)]
    record_decisions([*records, resolve_one(make_question(), None, now=NOW + 3 * DAY).record])
    return [record.decision_id for record in records]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    call_command("replay", *arguments)
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("decisions")
class TestReplay:
    def test_ends_with_how_many_were_replayed(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(capsys) == [
            "1 of them STALE or ERROR: neutral levers checked, nothing more claimed",
            "4 replayed, 0 differences",
        ]

    @pytest.mark.parametrize(
        ("arguments", "count"),
        [
            (["--sample", "2"], 2),
            (["--since", "2026-03-03T12:00:00Z", "--until", "2026-03-05T12:00:00Z"], 2),
            (["--module", "dm"], 0),
        ],
    )
    def test_replays_the_selected_decisions(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str], count: int
    ) -> None:
        assert run(capsys, *arguments)[-1] == f"{count} replayed, 0 differences"

    def test_names_each_difference_and_fails(self, decisions: list[UUID], capsys: pytest.CaptureFixture[str]) -> None:
        Decision.objects.filter(pk=decisions[1]).update(reason="COMBINED", flags=[])

        with pytest.raises(SystemExit) as ended:
            call_command("replay", "--decision", str(decisions[1]))

        assert ended.value.code == 1
        assert capsys.readouterr().out.splitlines() == [
            f"decision {decisions[1]}: reason is 'COMBINED', recomputed 'SINGLE'",
            f"decision {decisions[1]}: flags is [], recomputed ['STEP_LIMITED']",
            "1 replayed, 2 differences",
        ]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--sample", "0"], "sample: 0 replays nothing; give 1 or more"),
            (["--sample", "-3"], "sample: -3 replays nothing"),
            (["--since", "2026-03-02T12:00:00"], "since: '2026-03-02 12:00:00' names no time zone"),
            (["--since", "2099-01-01T00:00:00Z"], "since: '2099-01-01 00:00:00+00:00' is in the future"),
            (["--since", "yesterday"], "since: 'yesterday' is not a time"),
            (["--decision", "x"], "decision: 'x' is not a UUID"),
            (["--decision", "018f3c1e-7b2a-7c3d-8e4f-5a6b7c8d9e0f"], "decision: no decision 018f3c1e"),
            (["--module", "xm"], "invalid choice: 'xm'"),
        ],
    )
    def test_refuses_by_name(self, arguments: list[str], message: str) -> None:
        with pytest.raises(CommandError, match=message.replace("[", r"\[").replace("(", r"\(").replace("+", r"\+")):
            call_command("replay", *arguments)
