"""What happened: trades and their actions, judged outcomes, decisions served, what they earned, who did what.

Facts are append-only. A correction is a new revision of the trade; only `is_current` of the old row moves.
Facts refer upward by plain values (line, override, version), never by foreign key: a fact survives any opinion.
"""

from telemetry.foundation.models import BackgroundResult, JobRun, OutboxMessage, StoredAnswer
from telemetry.models.attributions import Attribution, AttributionShare, PendingAttribution
from telemetry.models.audit import AuditEntry
from telemetry.models.choices import CATEGORIES, MODULES
from telemetry.models.decisions import Decision, DecisionOutcome
from telemetry.models.trades import Action, DirtyGroup, FreshTrade, Outcome, Trade

__all__ = [
    "CATEGORIES",
    "MODULES",
    "Action",
    "Attribution",
    "AttributionShare",
    "AuditEntry",
    "BackgroundResult",
    "Decision",
    "DecisionOutcome",
    "DirtyGroup",
    "FreshTrade",
    "JobRun",
    "OutboxMessage",
    "Outcome",
    "PendingAttribution",
    "StoredAnswer",
    "Trade",
]
