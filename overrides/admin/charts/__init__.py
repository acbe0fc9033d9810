"""Geometry of the charts of overrides and requests, in SVG units; templates draw it, `core` computes every number.

Of an override: the product of its weight factors (logarithmic, so that equal bars are equal losses), the decay of the
weight with age, and the targets between their levers' bounds. Of a change: the distribution of each lever before and
after.
"""
