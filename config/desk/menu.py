"""The menu by task: what a reviewer needs first, then the rest in the order of the work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from config.learner import LEARNS


@dataclass(frozen=True)
class Entry:
    """A page of the menu; `key` is the name of its model in lower case, or of its route if it belongs to none."""

    key: str
    name: str
    url: str


@dataclass(frozen=True)
class Section:
    """A part of the menu with its pages; the first part has no title."""

    title: str
    entries: Sequence[Entry]


# The one page in place of those of what was learned, where learning is switched off.
WITHOUT_LEARNING = {} if LEARNS else {"without_learning": "Walk-forward (not available)"}
SECTIONS: Mapping[str, Mapping[str, str]] = {
    "": {"changerequest": "Requests", "override": "Overrides", "auditentry": "Audit trail"},
    "Decide": {
        "mandate": "Mandates", "linehold": "Vetoes, pins and caps", "modulemode": "Modes", "version": "Versions",
        "monitor": "Monitors", "parameterset": "Parameters", "modulepolicy": "Policies", "line": "Lines",
        "levers": "Levers",
    },
    "What happened": {
        "earned_page": "Earned", "scorecard": "Scorecards", "decision": "Decisions", "trade": "Trades",
        "episode": "Episodes", "attribution": "Earnings by trade", "books": "Trades by book",
        "weekly_reports": "Weekly reports", "coverage": "Coverage", "never_matched": "Never matched",
        "unitofrisk": "Units of risk",
    },
    "What was learned": {
        "lesson": "Lessons", "coefficient": "Coefficients", "walkforward": "Walk-forward", "noisetwin": "Noise twins",
        "lifetimeledger": "Proofs for life", "builderrun": "Builder runs", "cell": "Cells", "cellgroup": "Cell groups",
        **WITHOUT_LEARNING,
    },
    "Operation": {
        "jobrun": "Job runs", "apikey": "API keys", "user": "People", "group": "Roles and groups",
    },
}  # fmt: skip
# Pages that belong to no model: key -> who sees that model sees them.
COUNTED_FROM = {
    "earned_page": "attribution", "books": "trade", "coverage": "trade", "levers": "line", "never_matched": "line",
    "weekly_reports": "changerequest", **dict.fromkeys(WITHOUT_LEARNING, "trade"),
}  # fmt: skip
OTHERS = "Other"


def menu(apps: Iterable[Mapping[str, Any]]) -> list[Section]:
    """Return the sections with the pages that a person may see, given Django's list of apps and their models.

    A model that no section names is listed last, so that none is lost.
    """
    models = [model for app in apps for model in app["models"] if model.get("admin_url")]
    urls = {model["object_name"].lower(): model["admin_url"] for model in models}
    urls |= {page: reverse(page) for page, seen in COUNTED_FROM.items() if seen in urls}
    today = Entry("today", "Today", reverse("admin:index"))
    found = [
        Section(title, [Entry(key, name, urls[key]) for key, name in named.items() if key in urls])
        for title, named in SECTIONS.items()
    ]
    found[0] = Section("", [today, *found[0].entries])
    named_keys = {key for named in SECTIONS.values() for key in named}
    rest = [
        Entry(model["object_name"].lower(), str(model["name"]), model["admin_url"])
        for model in models
        if model["object_name"].lower() not in named_keys
    ]
    return [section for section in [*found, Section(OTHERS, rest)] if section.entries]
