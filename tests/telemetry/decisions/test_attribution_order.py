"""Whatever arrives in which order, and whenever trades are attributed: the tables end as if it was done once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.core.trades import Trade as TradeValue
from telemetry.decisions.attribute_again import attribute_again
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.attribution_rows import OUTCOME_COLUMNS, SHARE_COLUMNS, SUM_COLUMNS
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.models import Attribution, AttributionShare, DecisionCredit, DecisionOutcome, Outcome, PendingAttribution
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, action_payload, decision_ids, make_decision, make_trade

HOUR = timedelta(hours=1)
KINDS: Sequence[dict[str, Any]] = ({}, {}, {"action_category": "add"}, {"scope": {"bucket": "large"}})
WORDS = {"entry": {}, "add": {"action_category": "add", "fraction": 0.5, "leg_rr": 1.0}}
BOOKS = {"paper": {}, "dry": {"entry_id": "BTC:long:10h"}, "live": {"entry_id": "BTC:long:10h"}}


@dataclass(frozen=True)
class Said:
    """What a revision of a trade says: the decisions of its entry and of its add, and how it counts."""

    name: str
    entry: tuple[int, ...]
    add: tuple[int, ...]
    rr: float | None
    is_other_pattern: bool


def numbers(most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(0, len(KINDS) - 1), max_size=most, unique=True).map(tuple)


SAID = st.builds(
    Said,
    st.sampled_from(["paper 1", "paper 2", "dry 1", "live 1"]),
    numbers(3),
    st.just(()) | numbers(1),
    st.sampled_from([2.0, -1.0, 2.0, None]),
    st.sampled_from([False, False, False, True]),
)
ARRIVES = st.integers(0, len(KINDS) - 1)
WAITS = st.sampled_from([timedelta(minutes=5), 2 * HOUR])
STEPS = st.lists(SAID | SAID | ARRIVES | WAITS | WAITS, min_size=4, max_size=14)


def trade_of(said: Said, revision: int, decisions: Sequence[DecisionRecord]) -> TradeValue:
    book = said.name.split()[0]
    over = {"pattern_key": "rsi.long.dip"} if said.is_other_pattern else {}
    entry = action_payload(decision_ids=decision_ids(*(decisions[each] for each in said.entry)), **over)
    added = [decisions[each] for each in said.add if each not in said.entry]
    actions = [entry, action_payload(decision_ids=decision_ids(*added), **WORDS["add"])] if added else [entry]
    corrects = {"revision": revision, "correction_reason": "it was wrong"} if revision > 1 else {}
    counts = {"rr": said.rr} if said.rr is not None else {"rr": None, "excluded_reason": "no unit of risk"}
    return make_trade(said.name, book=book, actions=actions, **BOOKS[book], **corrects, **counts)


def contents() -> list[list[str]]:
    """Return the rows of all tables that attribution writes, without the numbers and times that runs assign."""
    rows = (
        Attribution.objects.values_list("trade__external_id", *SUM_COLUMNS),
        AttributionShare.objects.values_list(*SHARE_COLUMNS),
        DecisionOutcome.objects.values_list(*OUTCOME_COLUMNS),
        DecisionCredit.objects.values_list("decision_id", "external_id"),
        Outcome.objects.values_list("trade_id", "action_index", "scope", "rr"),
    )
    return [sorted(map(str, each)) for each in rows]


def stored() -> list[list[str]]:
    """Return the same rows whole."""
    models = (Attribution, AttributionShare, DecisionOutcome, DecisionCredit, Outcome)
    return [sorted(map(str, model._default_manager.values_list())) for model in models]


@contextmanager
def world() -> Iterator[None]:
    """Undo at the end whatever is written."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def attribute_all(now: datetime) -> None:
    while attribute_trades(now=now, limit=2):
        pass


def make_decisions() -> list[DecisionRecord]:
    moved = [(f"{number}" * 64, 1.01 + number / 100) for number in range(len(KINDS))]
    effects = [{"size_mult": {"m0": 1.0, "m": m, "parts": {key: log(m)}, "lines": {key: "l"}}} for key, m in moved]
    return [make_decision(effect, **kind) for effect, kind in zip(effects, KINDS, strict=True)]


@pytest.mark.django_db
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_does_not_matter(steps: list[Said | int | timedelta]) -> None:
    """Record, correct, wait and attribute, and store decisions late; then once more with all decisions stored first."""
    decisions = make_decisions()
    arrived = sorted({step for step in steps if isinstance(step, int)})
    said = [step for step in steps if isinstance(step, Said)]
    revisions = [sum(each.name == other.name for other in said[: place + 1]) for place, each in enumerate(said)]
    trades = [trade_of(each, revision, decisions) for each, revision in zip(said, revisions, strict=True)]

    with world():
        now, coming, is_stored = NOW, iter(trades), set[int]()
        for step in steps:
            if isinstance(step, Said):
                record_trades([next(coming)], now=now)
            elif isinstance(step, timedelta):
                now += step
                attribute_trades(now=now, limit=2)
            elif step not in is_stored:
                is_stored.add(step)
                record_decisions([decisions[step]])
        attribute_all(now + 2 * HOUR)
        assert not PendingAttribution.objects.exists()
        piecemeal, whole = contents(), stored()
        assert attribute_again(now=now + 3 * HOUR) == 0
        assert stored() == whole

    with world():
        record_decisions([decisions[each] for each in arrived])
        for trade in trades:
            record_trades([trade], now=NOW)
        attribute_all(NOW + 2 * HOUR)
        assert contents() == piecemeal
