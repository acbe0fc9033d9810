"""The arithmetic and the border of facts: pure functions and frozen dataclasses, standard library only.

In: `trades.parse_trade` turns JSON into a `Trade` or names everything that is wrong with it.
Judged: `outcomes.judge`. Shared out: `attribution.attribute`. Kept honest: `chain.link` and `chain.verify`.
The clock is an argument; nothing here imports Django or another package of this project.
"""
