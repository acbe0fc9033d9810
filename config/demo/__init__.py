"""The demo: real market data, textbook trading rules, and a run of the complete pipeline on their trades.

`market/bars.npz` holds 24 pairs of Binance spot market data, 2024-01-01 to 2024-09-06 UTC, exact to the tick, from
github.com/imsatoshi/GeneTrader @ 2b5dfc6e2077ef65b086376b2b536dad121c36cd (MIT); `market.make_sample` describes how it
was extracted. Read in this order: `market.bars`, `market.archive`, `market.indicators`, `backtest.rules` (entry
signals), `backtest.price_paths` and `backtest.simulation` (outcomes), `backtest.positions` (which trades can be taken),
`backtest.counterfactuals` (outcomes of alternatives), `market.conditions` and `market.scopes` (the situation at that
moment), `backtest.histories` and `backtest.closed_trades` (all of it as trade JSON), `shift_dates` (dates moved up to
today). These modules are deterministic and use the standard library and numpy only. A scope uses only bars that had
closed before its action.
"""
