"""The outcomes of a category as columns are those that are read row by row for a group."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import numpy as np
import pytest

from learning.core.cells.rows import Rows
from learning.readers.category_columns import load_category
from learning.readers.group_columns import PatternGroup, load_group
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.recording.record_trades import record_trades
from tests.builders import DAY, KEY, NOW, action_payload, make_trade

pytestmark = pytest.mark.django_db

LEARNED = ModuleParameters.default("pm").learned_from
CLUSTERS = ("", "storm", "", "storm", "calm", "calm", "")


def record() -> None:
    """Record trades in clusters and alone, two of which close in the same moment, the last with two entries."""
    for place, cluster in enumerate(CLUSTERS):
        closed = NOW - DAY * (8 - place // 2)
        opened = closed - DAY
        actions = [action_payload(at=utc_text(opened + timedelta(minutes=each))) for each in range(1 + place // 6)]
        times = {"opened_at": utc_text(opened), "closed_at": utc_text(closed)}
        record_trades(
            [
                make_trade(
                    f"t{place}",
                    rr=place - 2.25,
                    actions=actions,
                    **times,
                    **({"cluster_id": cluster} if cluster else {}),
                )
            ],
            now=NOW,
        )


def columns(rows: Rows) -> dict[str, list[float]]:
    return {field.name: getattr(rows, field.name).tolist() for field in fields(rows) if field.name != "codes"}


def test_a_category_of_one_group_has_the_rows_of_the_group() -> None:
    record()

    found = load_category("pm", "entry", LEARNED, NOW)

    assert columns(found) == columns(load_group(PatternGroup("pm", KEY, "entry"), LEARNED, NOW).rows)
    assert (len(found), len(np.unique(found.trade)), len(np.unique(found.cluster))) == (8, 7, 5)
    assert found.codes.shape == (8, 0)


def test_a_category_without_outcomes_has_no_rows() -> None:
    record()

    assert len(load_category("pm", "exit", LEARNED, NOW)) == 0
    assert len(load_category("pm", "entry", LEARNED, NOW - 10 * DAY)) == 0
