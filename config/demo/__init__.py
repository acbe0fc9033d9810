"""The demo's real input: hourly market bars and the textbook rules that trade them.

`bars.npz` holds 24 pairs of Binance spot market data, 2024-01-01 to 2024-09-06 UTC, exact to the tick, out of
github.com/imsatoshi/GeneTrader @ 2b5dfc6e2077ef65b086376b2b536dad121c36cd (MIT); `make_sample` says how it was cut.
Read in this order: `bars` and `archive`, `indicators`, `rules` (when to trade), `paths` and `simulation` (what becomes
of it), `positions` (which trades can be taken), `counterfactuals` (what would have become of them), `market` and
`scopes` (the situation at that moment), `histories` and `trades` (all of it as trade JSON), `months` (moved up to
today). Deterministic, standard library and numpy only. A scope sees only bars that had closed before its action.
"""
