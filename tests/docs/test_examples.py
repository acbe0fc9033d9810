"""The examples of `docs/examples` run as they stand against a server."""

from __future__ import annotations

import shutil
import sys

import pytest

from overrides.serving.decisions.decision_queue import QUEUE
from telemetry.models import Decision, Trade
from tests.docs.conftest import EXAMPLES, PLAIN, Served


def named_decisions(trade: Trade) -> list[str]:
    return [str(decision) for action in trade.actions.order_by("index") for decision in action.decision_ids]


class TestPlainBot:
    def test_trades_with_its_levers_and_records_its_trades(self, served: Served) -> None:
        done = served.run(
            sys.executable, EXAMPLES / "plain_bot.py", "--url", served.url, "--trades", "2", "--bar-seconds", "0.01"
        )
        QUEUE.flush()

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count(" new\n") == 2
        assert "buys for 102 at" in done.stdout  # one step of 2 % towards the size in force
        decisions = {str(each.decision_id): each for each in Decision.objects.all()}
        for trade in Trade.objects.all():
            entry, exit_ = (decisions[name] for name in named_decisions(trade))
            assert (entry.pattern_key, entry.action_category, exit_.action_category) == (PLAIN, "entry", "exit")
            assert entry.at <= trade.opened_at

    def test_answers_by_itself_if_it_is_to(self, served: Served) -> None:
        done = served.run(
            sys.executable, EXAMPLES / "plain_bot.py", "--url", served.url, "--trades", "1", "--bar-seconds", "0.01",
            "--local",
        )  # fmt: skip

        assert (done.returncode, done.stderr) == (0, "")
        assert "buys for 102 at" in done.stdout
        assert "'local': " in done.stdout
        assert "answered" not in done.stdout
        stored = {str(each.decision_id): each for each in Decision.objects.all()}
        named = named_decisions(Trade.objects.get())
        assert len(named) == 2
        assert all("evaluated_by" in stored[name].request for name in named)

    def test_goes_on_with_neutral_levers_without_a_server(self, served: Served) -> None:
        done = served.run(
            sys.executable, EXAMPLES / "plain_bot.py", "--url", "http://127.0.0.1:9", "--trades", "1",
            "--bar-seconds", "0.01",
        )  # fmt: skip

        assert (done.returncode, done.stderr) == (0, "")
        assert "neutral levers: no connection" in done.stdout
        assert "buys for 100 at" in done.stdout
        assert " unsent" in done.stdout


class TestCurl:
    def test_asks_and_records(self, served: Served) -> None:
        if shutil.which("curl") is None:
            pytest.skip("curl is not installed")

        done = served.run("bash", EXAMPLES / "curl.sh")

        assert (done.returncode, done.stderr) == (0, "")
        assert '"status":"new"' in done.stdout
        assert '"modes"' in done.stdout or '"mode"' in done.stdout
        trade = Trade.objects.get()
        assert named_decisions(trade) == [str(Decision.objects.get().decision_id)]
