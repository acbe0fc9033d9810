"""Telemetry owns the facts: closed trades, decisions served, what they earned, who did what. Append-only.

Verbs: `record` (trades in), `attribute` (a closed trade among its decisions), `audit` (the chained log).
A fact is never changed: a correction is a new revision, and refers upward by plain values, never by key.
It imports no other app; `learning` and `overrides` build on it, never the other way.
"""
