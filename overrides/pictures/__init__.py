"""An override as pictures: pure geometry in SVG units, drawn by templates; every number comes from `core`.

Three pictures: how five factors multiply to a weight (logarithmic, so that equal bars are equal losses), how the
weight fades with age, and where each lever's target lies between its bounds.
"""
