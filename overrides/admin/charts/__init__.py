"""Overrides and changes as pictures: pure geometry in SVG units, drawn by templates; every number comes from `core`.

Of an override: how its factors multiply to a weight (logarithmic, so that equal bars are equal losses), how the
weight fades with age, and where each lever's target lies between its bounds. Of a change: how each lever is spread
before it and after it.
"""
