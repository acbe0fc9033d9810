"""Overrides owns the governed state: which adjustments are in force, who approved them, and what bots are served.

Stages: `requests` drafts, reviews and applies change requests, `versions` publishes immutable versions, `serving`
answers bots from compiled engines in memory, `monitoring` replays decisions and compares challengers. Their rules are
pure and lie in `core`. This app imports telemetry only, and works with learning switched off.
"""
