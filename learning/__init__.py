"""Learning: estimates, from closed trades, of where an override improves results.

Steps: aggregate (facts to cells), build (cells to lessons), materialize (lessons to change requests), validate.

The app imports `overrides` and `telemetry`; neither imports it, so overrides are served even if learning is switched
off. Nothing here affects a bot directly: a lesson takes effect only through a reviewed change request. All calculations
are in `core`: pure functions over columns that use the standard library and numpy only.
"""
