"""Geometry of the charts on learning pages: positions are computed here and drawn by the templates of `learning/`."""
