"""Telemetry owns the facts: closed trades, served decisions, what they earned, and the audit trail.

Stages: `recording` writes trades, `decisions` logs what was served and attributes closed trades to it, `audit` keeps
the hash-chained log. `foundation` is the toolkit that all apps share. Facts are append-only: a correction is a new
revision, and a fact refers to opinions and overrides by plain values, never by foreign key. Telemetry imports no other
app; `overrides` and `learning` build on it.
"""
