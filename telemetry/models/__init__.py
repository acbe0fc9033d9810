"""Tables of the facts: trades and their actions, judged outcomes, served decisions, attributions, audit entries.

Facts are append-only. A correction is a new revision of the trade; only `is_current` of the old row changes. Facts
refer to lines, overrides and versions by plain values, never by foreign key, so that they survive those rows.
"""

from telemetry.foundation.models import BackgroundResult, JobRun, OutboxMessage, StoredAnswer
from telemetry.models.attributions import Attribution, AttributionShare, PendingAttribution
from telemetry.models.audit import AuditEntry
from telemetry.models.choices import CATEGORIES, MODULES
from telemetry.models.decision_constants import DecisionConstants
from telemetry.models.decisions import Decision, DecisionCredit, DecisionOutcome
from telemetry.models.episodes import Episode, EpisodeWindow
from telemetry.models.notices import Acknowledgement, Notice
from telemetry.models.retirements import DecisionRetirement
from telemetry.models.trades import Action, DirtyGroup, FreshTrade, Outcome, Trade
from telemetry.models.units_of_risk import UnitOfRisk

__all__ = [
    "CATEGORIES",
    "MODULES",
    "Acknowledgement",
    "Action",
    "Attribution",
    "AttributionShare",
    "AuditEntry",
    "BackgroundResult",
    "Decision",
    "DecisionConstants",
    "DecisionCredit",
    "DecisionOutcome",
    "DecisionRetirement",
    "DirtyGroup",
    "Episode",
    "EpisodeWindow",
    "FreshTrade",
    "JobRun",
    "Notice",
    "OutboxMessage",
    "Outcome",
    "PendingAttribution",
    "StoredAnswer",
    "Trade",
    "UnitOfRisk",
]
