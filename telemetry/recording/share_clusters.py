"""Give a trade the cluster under which its entry is recorded already, though its file names the entry otherwise.

A file may leave the exchange out, or name entries by ids of its own. An entry is the same if strategy (or family),
pair, side and entry bar agree, and the exchange where both sides name one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from telemetry.core.book_ranks import exchange_of, is_same_market
from telemetry.core.trades import Trade
from telemetry.core.vocabulary import family_of
from telemetry.models import Action

Entry = tuple[str, str]  # entry id and family
Recorded = tuple[str, str]  # external id and cluster id


def share_clusters(trades: Sequence[Trade | None]) -> list[Trade | None]:
    """Return the trades, each in the recorded cluster of its entry if there is one; None stays None.

    A trade that is recorded itself keeps its cluster, so that an import changes nothing the second time. Trades of the
    batch itself share clusters in their order.
    """
    known = _recorded({trade.entry_id for trade in trades if trade is not None and trade.entry_id is not None})
    shared: list[Trade | None] = []
    for trade in trades:
        if trade is not None and trade.entry_id is not None and trade.cluster_id is not None:
            found = known[trade.entry_id, family_of(trade.actions[0].pattern_key)]
            trade = _in_cluster(trade, found)
            found.append((trade.external_id, trade.cluster_id or ""))
        shared.append(trade)
    return shared


def _in_cluster(trade: Trade, found: Iterable[Recorded]) -> Trade:
    entry_id, mine = str(trade.entry_id), str(trade.cluster_id)
    exchange = exchange_of(mine, entry_id)
    fitting = [
        (external_id != trade.external_id, cluster != mine, cluster)
        for external_id, cluster in found
        if is_same_market(exchange, exchange_of(cluster, entry_id))
    ]
    return replace(trade, cluster_id=min(fitting)[-1]) if fitting else trade


def _recorded(entry_ids: set[str]) -> defaultdict[Entry, list[Recorded]]:
    known: defaultdict[Entry, list[Recorded]] = defaultdict(list)
    rows = Action.objects.filter(index=0, trade__is_current=True, trade__entry_id__in=entry_ids).exclude(
        trade__cluster_id=""
    )
    for entry_id, pattern_key, external_id, cluster_id in rows.values_list(
        "trade__entry_id", "pattern_key", "trade__external_id", "trade__cluster_id"
    ):
        known[entry_id, family_of(pattern_key)].append((external_id, cluster_id))
    return known
