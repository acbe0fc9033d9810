"""A first look at closed trades in memory: what both learning methods would find, beside their noise twins.

`columns` turns trades into the columns that builds read from the database, `by_plan` and `by_evidence` run the search,
the twins and the walk-forward of a method over them, `look` does both for one module. Nothing here is a second
implementation: every number comes from the functions that builds call.
"""
