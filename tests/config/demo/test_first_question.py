from __future__ import annotations

import json
import re
from datetime import datetime

import pytest

from config.demo.first_question import first_question, question_lines
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from overrides.serving.resolve_request import read_question
from tests.builders import KEY, SCOPE, make_spec, publish, set_mode

pytestmark = pytest.mark.django_db


class TestFirstQuestion:
    def test_is_the_one_whose_answer_moves_the_levers_furthest(self, now: datetime) -> None:
        publish(make_spec({"size_mult": 1.001}), make_spec({"size_mult": 0.9}, pattern_key="rsi.long.dip"))
        set_mode("on")

        found = first_question(now)

        assert found is not None
        assert found[0]["pattern_key"] == "rsi.long.dip"
        assert found[1].answer.levers["size_mult"] == pytest.approx(1 / 1.02)

    def test_gets_the_answer_that_is_printed(self, now: datetime) -> None:
        publish(make_spec())
        set_mode("on")

        text = "\n".join(question_lines(now))

        sent = re.search("-d '(.*)'", text)
        assert sent is not None
        question = json.loads(sent[1])
        assert (question["pattern_key"], question["scope"]) == (KEY, SCOPE)
        answer = resolve_one(read_question(question, now=now), load_engine("pm"), now=now).answer
        assert f"size_mult {answer.levers['size_mult']:g}, " in text
        assert f"reason {answer.reason.value}" in text

    @pytest.mark.parametrize("mode", ["off", "on"])
    def test_is_none_where_nothing_moves(self, now: datetime, mode: str) -> None:
        publish(make_spec({"exit_aggression_mult": 1.1}, action_category="exit") if mode == "on" else make_spec())
        if mode == "on":
            set_mode("on")

        assert first_question(now) is None
        assert "no override in force moves" in "\n".join(question_lines(now))
