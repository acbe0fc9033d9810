"""Sentences of the page of a trade: why nothing was attributed to it, and which trade counts in its place."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from telemetry.foundation.admin.formatting import MISSING
from telemetry.foundation.core.words import count_of
from telemetry.models import Trade


def unattributed(trade: Trade, n_named: int, *, is_pending: bool) -> str:
    """Return why a trade without an attribution has none; `n_named` is how many decisions its actions name."""
    if not n_named:
        return "Nothing is attributed: the trade names no decision."
    names = f"it names {count_of(n_named, 'decision')}"
    if is_pending:
        return (
            f"Nothing has been attributed yet: {names}, and is attributed within minutes if all of them are recorded, "
            "and otherwise once it has waited an hour for them. "
            "A decision that is recorded later than that is attributed then."
        )
    if not trade.is_current:
        return f"Nothing is attributed: {names}, but a correction superseded this revision."
    return f"Nothing is attributed: {names}, but has no outcome in R."


def better(trade: Trade) -> SafeString:
    """Return a link to the trade of a better book that counts in the place of this one; a dash if this one counts."""
    if not trade.superseded_by:
        return MISSING
    other = Trade.objects.filter(external_id=trade.superseded_by, is_current=True).only("book", "symbol").first()
    if other is None:
        return format_html("{}", trade.superseded_by)
    where = reverse("admin:telemetry_trade_change", args=[other.pk])
    return format_html('<a href="{}">the same position in book {}</a>', where, other.book)
