"""Opinions: what the facts seem to say about where the edge is.

Verbs: aggregate (facts to cells), build (cells to lessons), materialize (lessons to change requests), validate.
Imports overrides and telemetry, and nobody below imports it: serving works with learning switched off.
Nothing here acts on a bot. A lesson becomes policy only through a reviewed change request.
All arithmetic is in `core`: pure functions over columns, standard library and numpy only.
"""
