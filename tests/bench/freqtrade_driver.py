"""What `freqtrade_release` runs inside freqtrade's own environment: bars in, a backtest's result or a live table out.

    python freqtrade_driver.py backtest HOME BARS STRATEGY_FOLDER    # HOME/backtest_results/*.zip
    python freqtrade_driver.py live HOME BARS STRATEGY_FOLDER        # HOME/tradesv3.sqlite

Nothing is asked of an exchange: its markets are made up from the pairs of the bars, and the live table is written by
freqtrade's own persistence classes and the strategy's own hooks. It prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from freqtrade import __version__
from freqtrade.configuration import Configuration
from freqtrade.enums import CandleType, RunMode
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.persistence import Order, Trade, init_db
from freqtrade.resolvers import ExchangeResolver, StrategyResolver

STRATEGY = "DipWithLevers"
FEE = 0.001
MOST_BARS = 3_000  # of each pair; exits ask once per bar, so a year of them takes an hour
WARM_UP = 30  # bars before the first entry of the live table
LIVE_TRADES = 12
PRICES = ("open", "high", "low", "close")


def main(what: str, home: str, bars: str, strategies: str) -> None:
    pairs = {file.stem.replace("_", "/", 1): file for file in sorted(Path(bars).glob("*.parquet"))}
    made = backtest if what == "backtest" else live
    print(json.dumps({"freqtrade": __version__, **made(Path(home), pairs, strategies)}))


def backtest(home: Path, pairs: dict[str, Path], strategies: str) -> dict[str, Any]:
    """Run the strategy over all bars; its trades are exported as freqtrade exports them."""
    frames = {pair: bars_of(file) for pair, file in pairs.items()}
    config = configuration(home, list(pairs), strategies, RunMode.BACKTEST)
    exchange = without_network(config, list(pairs))
    from freqtrade.data.history import get_datahandler

    handler = get_datahandler(config["datadir"], "feather")
    for pair, frame in frames.items():
        handler.ohlcv_store(pair, "5m", frame, CandleType.SPOT)
    running = Backtesting(config, exchange)
    running.start()
    found = next(iter(running.all_bt_content.values()))["results"]
    return {"trades": len(found)}


def live(home: Path, pairs: dict[str, Path], strategies: str) -> dict[str, Any]:
    """Write a table of closed trades of a live bot: entries, adds, trims and exits that ask as they would."""
    config = configuration(home, list(pairs), strategies, RunMode.LIVE)
    strategy = StrategyResolver.load_strategy(config)
    init_db(f"sqlite:///{home / 'tradesv3.sqlite'}")
    Trade.use_db = True
    started = datetime.now(UTC) - timedelta(hours=6)
    written = 0
    for number in range(LIVE_TRADES):
        pair, file = list(pairs.items())[number % len(pairs)]
        closes = bars_of(file)["close"].to_numpy()[WARM_UP + number :]
        at = started + timedelta(minutes=5 * number)
        written += _one_trade(strategy, pair, closes, at, with_moves=number % 2 == 0)
    Trade.commit()
    return {"trades": written}


def _one_trade(strategy: Any, pair: str, closes: Any, at: datetime, *, with_moves: bool) -> int:
    price = float(closes[0])
    stake = strategy.custom_stake_amount(pair, at, price, 100.0, 5.0, 1_000.0, 1.0, "dip", "long")
    trade = Trade(
        pair=pair, base_currency=pair.split("/")[0], stake_currency="USDT", stake_amount=stake, amount=stake / price,
        amount_requested=stake / price, open_rate=price, open_date=at, fee_open=FEE, fee_close=FEE, is_open=True,
        exchange="binance", strategy=STRATEGY, enter_tag="dip", timeframe=5, leverage=1.0, is_short=False,
    )  # fmt: skip
    trade.adjust_stop_loss(price, strategy.stoploss, initial=True)
    Trade.session.add(trade)
    Trade.commit()
    _fill(strategy, trade, "buy", stake / price, price, at)
    if with_moves:
        at += timedelta(minutes=10)
        added = strategy.adjust_trade_position(trade, at, price, -0.02, 5, 1e3, price, price, -0.02, -0.02)
        _fill(strategy, trade, "buy", added / price, price, at)
        at += timedelta(minutes=10)
        sold = strategy.adjust_trade_position(trade, at, price, 0.02, 5, 1e3, price, price, 0.02, 0.02)
        _fill(strategy, trade, "sell", -sold / price, price * 1.015, at)
    at += timedelta(minutes=10)
    reason = strategy.custom_exit(pair, trade, at, price, 0.05)
    trade.exit_reason = reason
    _fill(strategy, trade, "sell", trade.amount, float(closes[6]), at)
    return 1


def _fill(strategy: Any, trade: Any, side: str, amount: float, price: float, at: datetime) -> None:
    """Fill an order in the way of freqtrade's bot: the order first, then the trade, then the strategy's hook."""
    number = len(trade.orders)
    order = Order(
        ft_trade_id=trade.id, ft_order_side=side, ft_pair=trade.pair, ft_is_open=False, ft_amount=amount,
        ft_price=price, order_id=f"{trade.id}-{number}", status="closed", symbol=trade.pair, order_type="market",
        side=side, price=price, average=price, amount=amount, filled=amount, remaining=0.0, cost=amount * price,
        order_date=at, order_filled_date=at, order_update_date=at,
    )  # fmt: skip
    trade.orders.append(order)
    trade.update_trade(order)
    if not trade.is_open:
        trade.close_date = at
    Trade.commit()
    strategy.order_filled(trade.pair, trade, order, at)
    Trade.commit()


def bars_of(file: Path) -> pd.DataFrame:
    """Return bars as freqtrade keeps them, from whole ticks whose decimals the file states."""
    table = pq.read_table(file)
    decimals = {name.decode(): int(value) for name, value in table.schema.metadata.items() if b"decimals" in name}
    frame = pd.DataFrame({"date": pd.to_datetime(table["ts"].to_numpy(), unit="s", utc=True)})
    for name in (*PRICES, "volume"):
        kind = "volume_decimals" if name == "volume" else "price_decimals"
        frame[name] = np.asarray(table[name], dtype=float) / 10 ** decimals.get(kind, 0)
    return frame.head(MOST_BARS)


def configuration(home: Path, pairs: list[str], strategies: str, mode: RunMode) -> dict[str, Any]:
    """Return freqtrade's configuration of a spot bot in a directory of its own."""
    (home / "backtest_results").mkdir(parents=True, exist_ok=True)
    (home / "data" / "binance").mkdir(parents=True, exist_ok=True)
    from_book = {"price_side": "same", "use_order_book": False}
    written = {
        "strategy": STRATEGY, "strategy_path": strategies, "timeframe": "5m", "fee": FEE,
        "user_data_dir": str(home), "datadir": str(home / "data" / "binance"), "dataformat_ohlcv": "feather",
        "stake_currency": "USDT", "stake_amount": 100, "max_open_trades": 5, "trading_mode": "spot",
        "dry_run": True, "dry_run_wallet": 10_000, "entry_pricing": from_book, "exit_pricing": from_book,
        "exchange": {"name": "binance", "pair_whitelist": pairs, "pair_blacklist": [], "key": "", "secret": ""},
        "pairlists": [{"method": "StaticPairList"}],
        "export": "trades", "exportdirectory": str(home / "backtest_results"),
    }  # fmt: skip
    file = home / "config.json"
    file.write_text(json.dumps(written))
    config = Configuration({"config": [str(file)], "user_data_dir": str(home)}, mode).get_config()
    return {**config, "exportdirectory": home / "backtest_results", "runmode": mode}


def without_network(config: dict[str, Any], pairs: list[str]) -> Any:
    """Return freqtrade's exchange with markets that were made up, since the real ones are behind the network."""
    exchange = ExchangeResolver.load_exchange(config, validate=False)
    exchange._markets = {pair: _market(pair) for pair in pairs}
    exchange._last_markets_refresh = int(datetime.now(UTC).timestamp() * 1000)
    exchange._api.markets = exchange._markets
    exchange.reload_markets = lambda *_, **__: None
    return exchange


def _market(pair: str) -> dict[str, Any]:
    base, quote = pair.split("/")
    unbounded = {"min": None, "max": None}
    return {
        "id": base + quote, "symbol": pair, "base": base, "quote": quote, "spot": True, "active": True, "type": "spot",
        "precision": {"amount": 1e-8, "price": 1e-8}, "info": {}, "maker": FEE, "taker": FEE, "contract": False,
        "limits": {"amount": {"min": 1e-8, "max": None}, "cost": {"min": 1.0, "max": None}, "price": unbounded},
    }  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
