"""Where an override came from: the version that brought it, its request, and who approved it or signed the mandate.

This is the way from a trade to the people who approved what moved it, in one query for any number of overrides.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from overrides.models import ChangeRequest, VersionKind

# Names of those who approved the content of a request, and of those who signed a mandate.
APPROVERS = """ARRAY(
    SELECT DISTINCT u.username::text FROM overrides_vote AS v JOIN auth_user AS u ON u.id = v.voter_id
    WHERE v.request_id = r.id AND v.content_hash = r.content_hash AND v.decision = 'approve' ORDER BY 1
)"""
SIGNERS = """ARRAY(
    SELECT DISTINCT u.username::text FROM overrides_changerequest AS s
    JOIN LATERAL (
        SELECT v.voter_id FROM overrides_vote AS v WHERE m.renews_id IS NULL
            AND v.request_id = s.id AND v.content_hash = s.content_hash AND v.decision = 'approve'
        UNION SELECT n.voter_id FROM overrides_mandaterenewal AS n WHERE n.mandate_id = m.renews_id
    ) AS signed ON true
    JOIN auth_user AS u ON u.id = signed.voter_id WHERE s.id = m.request_id ORDER BY 1
)"""
ORIGINS = f"""
SELECT k.override_id, k.line_id, k.module, k.from_version, v.id, v.kind, k.to_version, e.id, k.path_since,
    r.id, r.title, r.route, {APPROVERS}, m.id, m.request_id, {SIGNERS}
FROM overrides_membership AS k
JOIN learning_configs AS v ON v.module = k.module AND v.number = k.from_version
LEFT JOIN learning_configs AS e ON e.module = k.module AND e.number = k.to_version
LEFT JOIN overrides_changerequest AS r ON r.id = v.request_id
LEFT JOIN LATERAL (
    SELECT * FROM overrides_mandate AS each WHERE each.line_id = k.line_id AND r.route = 'mandate'
    AND each.granted_at <= r.closed_at AND (each.revoked_at IS NULL OR each.revoked_at >= r.closed_at)
    ORDER BY each.id DESC LIMIT 1
) AS m ON true
WHERE {{condition}} ORDER BY k.from_version
"""
OF_OVERRIDES, OF_LINE = (ORIGINS.format(condition=each) for each in ("k.override_id = ANY(%s)", "k.line_id = %s"))
OF_COEFFICIENTS = f"""
SELECT '', '', v.module, v.number, v.id, v.kind, NULL, NULL, NULL,
    r.id, r.title, r.route, {APPROVERS}, NULL, NULL, ARRAY[]::text[]
FROM learning_configs AS v LEFT JOIN overrides_changerequest AS r ON r.id = v.request_id
WHERE v.module = %s AND v.number <= %s AND v.kind NOT IN ('trial', 'restored')
    AND (r.kind = 'lines' AND r.content ? 'coefficients' OR v.kind = 'rollback')
ORDER BY v.number DESC LIMIT 1
"""


@dataclass(frozen=True)
class Origin:
    """The version that brought an override to its line, its request (None for a restored version), and who approved.

    Under a mandate nobody approved the request: `approvers` are then those who signed the mandate of `mandate_id`,
    which `mandate_request` granted. `until` and `until_key` are the number and the key of the version that ended it.
    """

    override_id: str
    line_id: str
    module: str
    number: int
    version_key: int
    kind: str
    until: int | None
    until_key: int | None
    ramp_since: datetime | None
    request_id: int | None
    title: str
    route: str
    approvers: tuple[str, ...]
    mandate_id: int | None
    mandate_request: int | None

    @property
    def by_mandate(self) -> bool:
        """Whether the builder published it within a mandate."""
        return self.route == ChangeRequest.Route.MANDATE

    @property
    def is_in_force(self) -> bool:
        """Whether no later version has ended it."""
        return self.until is None and not self.is_trial

    @property
    def is_restored(self) -> bool:
        """Whether its version puts back what was in force before a trial."""
        return self.kind == VersionKind.RESTORED

    @property
    def is_trial(self) -> bool:
        """Whether its version is a trial, which is logged beside the live one and never served."""
        return self.kind == VersionKind.TRIAL

    @property
    def version(self) -> str:
        """The version as people name it."""
        return f"{self.module} {self.number}"


def origins_of(overrides: Collection[str]) -> dict[str, list[Origin]]:
    """Return all that brought these overrides, by id of the override, oldest first."""
    found: dict[str, list[Origin]] = {}
    for each in _read(OF_OVERRIDES, [list(overrides)]) if overrides else ():
        found.setdefault(each.override_id, []).append(each)
    return found


def as_of(origins: Sequence[Origin], version: int) -> Origin | None:
    """Return the last of these origins up to a version; None if there is none.

    What was only put back after a trial came before that trial.
    """
    found = [each for each in origins if each.number <= version]
    brought = [each for each in found if not each.is_restored] or found
    return brought[-1] if brought else None


def origins_on(line: str) -> list[Origin]:
    """Return all that came into force on a line, newest first."""
    return list(reversed(_read(OF_LINE, [line])))


def origin_of_coefficients(module: str, version: int) -> Origin | None:
    """Return the version that last brought coefficients, among those of a module up to one of them."""
    return next(iter(_read(OF_COEFFICIENTS, [module, version])), None)


def _read(query: str, values: list[Any]) -> list[Origin]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [_origin(*row) for row in cursor.fetchall()]


def _origin(*row: Any) -> Origin:
    """Return a row of ORIGINS as a value."""
    *about, title, route, approvers, mandate, granted_by, signers = row
    names = tuple(signers if route == ChangeRequest.Route.MANDATE else approvers)
    known: list[Any] = [*about, title or "", route or "", names, mandate, granted_by]
    return Origin(*known)
