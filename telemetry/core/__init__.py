"""Pure rules of the facts: parsing, judging, attributing and hash-chaining, with the standard library only.

`trades.parse_trade` turns JSON into a `Trade` or names everything that is wrong with it, `outcomes.judge` decides what
its actions are judged by, `episodes.parse_episode` reads chances that were taken or not, `attribution.attribute` shares
a trade's result among overrides, and `hash_chain` links and verifies the audit log. The clock is an argument. Nothing
here imports Django or another app.
"""
