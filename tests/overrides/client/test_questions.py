"""The client reads a question as the server does, or leaves it to the server."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.client.questions import KEYS, OPTIONAL, Unclear, read_question
from overrides.serving import resolve_request
from telemetry.foundation.core.refusal import Refused
from tests.builders import NOW

PLAIN = {"module": "pm", "pattern_key": "a.b.c", "action_category": "entry"}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**10), 10**10),
    st.floats(),
    st.text(max_size=70),
    st.sampled_from(["", "unknown", " Good ", "1.0", "a\0b", "\ud800", "é" * 64, "x" * 65]),
)
LEVERS = st.sampled_from(["size_mult", "alloc_mult", "entry_delay_bars", "nothing"])
QUESTIONS = st.fixed_dictionaries(
    {},
    optional={
        "module": st.sampled_from(["pm", "dm", "xm", None, 1]),
        "pattern_key": st.sampled_from(["a.b.c", "a.b", "a.b.c\n", "x" * 41 + ".b.c", None, 3]),
        "action_category": st.sampled_from(["entry", "allocation", "exit", "fly", None]),
        "scope": st.one_of(
            st.none(),
            st.lists(SCALARS),
            st.dictionaries(st.one_of(st.sampled_from("abC_9"), st.text(max_size=3)), SCALARS),
        ),
        "current": st.one_of(st.none(), SCALARS, st.dictionaries(LEVERS, SCALARS), st.dictionaries(LEVERS, st.just(1))),
        "at": st.one_of(
            st.none(),
            st.datetimes(),  # which name no time zone
            st.datetimes(timezones=st.just(timezone(timedelta(hours=2)))),
            st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01", "soon", 5]),
        ),
        **{
            name: st.one_of(SCALARS, st.floats(0.6, 1.4))
            for name in (
                "rollout_key",
                "base_allocation",
                "coefficient_product",
                "alloc_mult",
                "book",
                "position_key",
                "more",
            )
        },
    },
)


class TestReadQuestion:
    @given(QUESTIONS, st.booleans())
    def test_reads_what_the_server_reads_and_in_the_same_way(self, sent: dict[str, Any], filled: bool) -> None:
        question = PLAIN | sent if filled else sent
        try:
            ours = read_question(question, NOW)
        except Unclear:
            return  # the server is asked
        theirs = resolve_request.read_question(question, now=NOW)

        assert ours.request == theirs.request
        for name in OPTIONAL:
            assert getattr(ours, name) == getattr(theirs, name)
        assert ours.upstream_multiplier == theirs.upstream_multiplier
        assert resolve_request.read_question(ours.document(), now=NOW - timedelta(days=1)) == theirs

    @pytest.mark.parametrize(
        "sent",
        [
            {},
            {"scope": {"b": True, "a": 2.0, "c": " x ", "d": None}},
            {"at": NOW.astimezone(timezone(timedelta(hours=5)))},
            {"at": "2026-01-01T00:00:00+01:00", "current": {"size_mult": 1}, "rollout_key": "BTC", "book": "live"},
        ],
    )
    def test_leaves_no_plain_question_to_the_server(self, sent: dict[str, Any]) -> None:
        assert read_question(PLAIN | sent, NOW).request == resolve_request.read_question(PLAIN | sent, now=NOW).request

    def test_knows_the_fields_that_the_server_knows(self) -> None:
        assert set(resolve_request.KEYS) == KEYS

    def test_leaves_what_the_server_refuses(self) -> None:
        with pytest.raises(Unclear):
            read_question(PLAIN | {"scope": {"a": ["x"]}}, NOW)
        with pytest.raises(Refused):
            resolve_request.read_question(PLAIN | {"scope": {"a": ["x"]}}, now=NOW)
