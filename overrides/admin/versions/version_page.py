"""Content of a version's page: its differences to another version, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import JSONField, OuterRef, QuerySet
from django.db.models.expressions import RawSQL

from overrides.admin.versions.version_diff import Changes, LineChange, constants_of
from overrides.admin.weight_display import levers
from overrides.models import Version, Vote
from telemetry.decisions.earnings import AS_JSON, Earned

PER_PAGE = 200
MOST_VERSIONS = 200  # offered to compare with, newest first
MOST_COEFFICIENTS = 200
MOST_DECISIONS = 10_000  # whose earnings are summed, the last ones, so that the page stays quick
EARNED = f"""
(SELECT {AS_JSON} FROM (
    SELECT DISTINCT o.trade_id, o.decision_id FROM telemetry_decisionoutcome AS o JOIN (
        SELECT decision_id FROM telemetry_decision
        WHERE module = learning_configs.module AND version = learning_configs.number
        ORDER BY decision_id DESC LIMIT %s
    ) AS last USING (decision_id)
) AS asked
JOIN telemetry_attributionshare AS s ON s.attribution_id = asked.trade_id AND s.decision_id = asked.decision_id)
"""
MOST_SHOWN_WHOLE = 200  # overrides of a document that is shown in the page


def version_page(version: Any, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the template context of a version `with_earnings`.

    `query` may name a version to compare with (`against`) and a `page` of lines.
    """
    numbers = Version.objects.filter(module=version.module).exclude(pk=version.pk).order_by("-number")
    others = list(numbers.values_list("number", flat=True)[:MOST_VERSIONS])
    against, refusal = _against(version, query.get("against", ""))
    changes = Changes(version.module, against, version.number)
    counts = changes.counts()
    pages = max(1, -(-sum(counts.values()) // PER_PAGE))
    page = min(_page(query.get("page", "")), pages)
    before, after = constants_of(version.module, against, version.number)
    parameters, coefficients = before.changed_to(after)
    return {
        "version": version,
        "others": others if against in (0, *others) else [*others, against],
        "against": against,
        "refusal": refusal,
        "counts": counts,
        "n_lines": sum(counts.values()),
        "lines": [_shown(line) for line in changes.lines(PER_PAGE, (page - 1) * PER_PAGE)],
        "page": page,
        "pages": pages,
        "parameters": parameters,
        "coefficients": coefficients[:MOST_COEFFICIENTS],
        "n_coefficients": len(coefficients),
        "earned": Earned(**version.earned),
        "most_decisions": MOST_DECISIONS,
    }


def with_earnings(versions: QuerySet[Version]) -> QuerySet[Version]:
    """Add `approvers`, who approved the request of a version, and `earned` by levers in its last decisions."""
    votes = Vote.objects.filter(
        request=OuterRef("request"), content_hash=OuterRef("request__content_hash"), decision=Vote.Decision.APPROVE
    )
    return versions.annotate(
        approvers=ArraySubquery(votes.order_by("voter__username").values("voter__username").distinct()),
        earned=RawSQL(EARNED, (MOST_DECISIONS,), JSONField()),
    )


def _against(version: Version, number: str) -> tuple[int, str]:
    """Return the version number to compare with, and what is wrong with the requested one."""
    before = version.number - 1  # numbers have no gaps
    if not number:
        return before, ""
    known = number.isdecimal() and len(number) < 10
    if known and Version.objects.filter(module=version.module, number=int(number)).exists():
        return int(number), ""
    instead = f"version {before}" if before else "nothing"
    return before, f"against: {version.module} has no version {number[:20]}; compared with {instead} instead"


def _page(number: str) -> int:
    return max(1, int(number)) if number.isdecimal() and len(number) < 10 else 1


def _shown(line: LineChange) -> dict[str, Any]:
    before, after = line.before, line.after
    return {
        "action": line.action,
        "override": line.shown,
        "levers": levers(after.levers if after else {}, before.levers if before else None),
        "before": before,
        "after": after,
    }
