"""Price bars beside a file of trades: scopes and R in both commands, and the universe that they name."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.imports.bars import from_bars
from config.imports.import_report import universe_form
from overrides.core.engine.definitions.universe import Universe
from overrides.core.governance.permissions import DRAFT, PROPOSE_PARAMETERS
from telemetry.core.file_formats.exclusions import NO_BARS
from telemetry.models import Outcome, Trade
from telemetry.recording.market_context import ContextReport
from telemetry.recording.record_trades import record_trades
from tests.admin_pages import browser_of, page
from tests.builders import NOW, action_payload, make_parameters, make_spec, make_trade, publish
from tests.config.imports.bar_folders import PAIRS, logged, write_hours, write_log, write_shared_log
from tests.conftest import make_user
from tests.telemetry.recording.data_folders import convert_shared_bars

DATA = Path(os.environ.get("COUNTERWEIGHT_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Hourly bars of 60 days from 2024-04-01 on."""
    return write_hours(tmp_path / "binance")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of 60 trades, two of them before any warm-up is met, and one on a pair without bars."""
    rows = [logged(number, number % 55, PAIRS[number % 3]) for number in range(59)]
    return write_log(tmp_path / "log.csv", *rows, logged(99, 40, "NONE/USDT"))


def run(command: str, *words: object, **options: Any) -> str:
    stdout = io.StringIO()
    call_command(command, *map(str, words), stdout=stdout, stderr=io.StringIO(), **options)
    return " ".join(stdout.getvalue().split())


class TestMove:
    @pytest.mark.django_db
    def test_of_trades_with_bars_to_another_book_asks_for_the_bars(self, log: Path, bars: Path) -> None:
        run("import_trades", log, bars=bars)
        move = {"book": "backtest", "correction": "They are of a backtest."}

        with pytest.raises(CommandError, match="refused"):
            run("import_trades", log, **move)
        run("import_trades", log, bars=bars, **move)

        assert set(Trade.objects.filter(is_current=True).values_list("book", flat=True)) == {"backtest"}


class TestFirstLook:
    @pytest.mark.parametrize("command", ["first_look", "import_trades"])
    @pytest.mark.django_db
    def test_asks_for_other_bars_where_those_given_reach_few_trades(
        self, command: str, tmp_path: Path, bars: Path
    ) -> None:
        path = write_log(tmp_path / "log.csv", *(logged(number, number, "NONE/USDT") for number in range(3)))

        assert "The price bars given do not reach most of these trades" in run(command, path, bars=bars)

    def test_takes_scopes_and_r_from_bars_and_names_what_they_could_not_give(self, log: Path, bars: Path) -> None:
        without, text = run("first_look", log), run("first_look", log, bars=bars)

        assert "pm: 0 of 60 trades (60 distinct entries) can teach" in without
        assert f"60 {NO_BARS}" in without
        assert "they give scopes and R." in without
        assert re.search(r"pm: 5\d of 60 trades \(60 distinct entries\) can teach", text)
        assert re.search(r"Macd 2 ATR at entry, at least 0.4 % of the price 0 of 60 trades have a real stop", text)
        assert re.search(r"Scopes were computed over the universe binance@[0-9a-f]{12}\.", text)
        for name in ("macro_phase", "meso_phase", "market_family", "timeframe"):
            assert re.search(rf"{name} learned [0-9.]+ % (100 %|.) ", text), name
        assert "the pair does not belong to the universe" in text
        assert "needs 720 hours of the market" in text
        assert re.search(r"hour recorded only 100 % 100 %", text)
        assert text.endswith(f"./dev manage import_trades {log} --bars {bars}")

    def test_names_the_universe_as_it_is_asked_to(self, log: Path, bars: Path) -> None:
        assert "over the universe majors@" in run("first_look", log, bars=bars, universe="majors")
        with pytest.raises(CommandError, match=r"^--universe: 'a:b' is no name of a universe"):
            run("first_look", log, bars=bars, universe="a:b")

    @pytest.mark.parametrize("name", ["alpergulsen_2023", "genetrader_2024"])
    def test_gives_every_dimension_whose_warm_up_is_met_to_real_trades(self, tmp_path: Path, name: str) -> None:
        if not (DATA / name).exists():
            pytest.skip(f"{name} is not under {DATA}; COUNTERWEIGHT_DATA names the folder with the logs")
        folder = tmp_path / "binance"
        convert_shared_bars(DATA / name, folder)
        log = write_shared_log(DATA / name, tmp_path / "log.csv")

        text = run("first_look", log, bars=folder)

        found = re.findall(r"(\w+) (?:learned|recorded only) [0-9.]+ % ([0-9.]+) %", text)
        assert {share for _, share in found} == {"100"}
        assert {"meso_phase", "micro_phase", "bucket", "bucket_leader", "trend", "volatility", "A_mode"} <= dict(
            found
        ).keys()
        assert "Edge beyond noise" not in text


@pytest.mark.django_db
class TestImportTrades:
    def test_records_scopes_and_r_and_says_that_the_universe_is_not_learned_from(self, log: Path, bars: Path) -> None:
        text = run("import_trades", log, bars=bars)

        label = Outcome.objects.exclude(scope__universe=None).values_list("scope__universe", flat=True).distinct().get()
        assert label.startswith("binance@")
        assert Trade.objects.filter(rr=None).count() < 5
        assert f"Scopes name the universe {label}, but pm learns from no universe yet" in text
        assert "Propose that pm learns from the universe binance: BTC/USDT, ETH/USDT, SOL/USDT, XRP/USDT" in text
        address = text.split()[-1]
        assert address.startswith("/admin/overrides/parameterset/pm/propose/?universe=binance:+BTC/USDT,+ETH/USDT")
        proposer = browser_of(make_user("a rule maker", DRAFT, PROPOSE_PARAMETERS))
        assert "\nbinance: BTC/USDT, ETH/USDT, SOL/USDT, XRP/USDT</textarea>" in page(proposer, address)

    def test_asks_for_the_universe_for_the_module_of_the_trades_alone(self, log: Path, bars: Path) -> None:
        allocation = action_payload(module="dm", action_category="allocation", scope={"chain": "base"})
        record_trades([make_trade(actions=[allocation])], now=NOW)

        text = run("import_trades", log, bars=bars)

        assert "What can teach dm" in text
        assert "The universe of dm" not in text
        assert "Propose that pm learns from the universe binance: " in text

    def test_leads_to_the_empty_form_where_the_pairs_are_too_many_for_an_address(self) -> None:
        many = f"all: {', '.join(f'COIN{number}/USDT' for number in range(200))}"

        assert universe_form("pm", many) == "/admin/overrides/parameterset/pm/propose/"

    def test_takes_the_pairs_of_the_universe_that_is_learned_from(self, log: Path, bars: Path) -> None:
        universe = Universe("majors", PAIRS[:3])
        publish(make_spec(), parameters=make_parameters(universe=universe.to_document()))

        text = run("import_trades", log, bars=bars, universe="majors")

        assert f"Scopes name the universe {universe.label}, which pm learns from." in text
        assert Outcome.objects.filter(scope__universe=universe.label).exists()

    def test_of_the_same_file_again_changes_nothing(self, log: Path, bars: Path) -> None:
        run("import_trades", log, bars=bars)

        assert re.search(r"log.csv 60 0 0 60 0 ", run("import_trades", log, bars=bars))

    def test_completes_trades_that_were_recorded_without_bars(self, log: Path, bars: Path) -> None:
        run("import_trades", log)
        assert not Outcome.objects.exists()

        run("import_trades", log, bars=bars)

        assert Outcome.objects.filter(action_category="entry").count() > 50


class TestFromBars:
    def test_counts_as_ready_what_lacks_a_dimension_for_another_reason_than_its_warm_up(self) -> None:
        report = ContextReport()
        for reason in (None, None, "needs 50 hourly bars of the pair", "there are no bars of the pair"):
            report.note("entry", "trend", reason)
        report.note("exit", "trend", "there are no bars of the pair")

        found = from_bars(report)["trend"]

        assert (found.given, found.ready) == (2, 3)
        assert set(found.reasons) == {"needs 50 hourly bars of the pair", "there are no bars of the pair"}
