"""The permissions that govern, by the names Django stores them under."""

from __future__ import annotations

VIEW_REQUESTS = "overrides.view_changerequest"
DRAFT = "overrides.add_changerequest"
PROPOSE_PARAMETERS = "overrides.propose_parameters"  # besides DRAFT, for requests of parameters, policies and trials
REVIEW = "overrides.review_changerequest"
APPLY = "overrides.apply_changerequest"
LOWER = "overrides.lower_modulemode"  # what goes towards neutral, at once
