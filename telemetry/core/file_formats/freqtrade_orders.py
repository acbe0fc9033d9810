"""The filled orders of a freqtrade trade: what was filled counts, not what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.file_formats.freqtrade_fields import number_in, optional_number, timestamp_in, truth_in
from telemetry.core.file_formats.market_facts import Fill
from telemetry.core.file_formats.pattern_parts import name_of
from telemetry.core.file_formats.spellings import is_nothing, moment
from telemetry.foundation.core.fields import named
from telemetry.foundation.core.refusal import Refusal, Refused

DRY_RUN = "dry_run"  # how freqtrade begins the ids of orders that it simulates
FILLED_AT = "order_filled_timestamp"
_PRICES = ("average", "safe_price", "price")


@dataclass(frozen=True, slots=True)
class Order:
    """A filled order; `fraction` is its part of the total amount entered, and None for an exit beyond that total."""

    fill: Fill
    fraction: float | None

    @property
    def is_entry(self) -> bool:
        return self.fill.is_entry

    @property
    def at(self) -> datetime:
        return self.fill.at


def filled_orders(trade: Mapping[str, object], is_short: bool, price: float | None) -> list[Order]:
    """Return the filled orders of a trade in the order of the file; empty if none of them entered. Raises Refused.

    The fractions of all entries sum to 1. Those of the exits sum to at most 1: an exit cannot sell what is sold.
    `price` stands for the mean price of an order that gives none.
    """
    orders = trade.get("orders") or ()
    if not isinstance(orders, (list, tuple)) or not all(isinstance(order, Mapping) for order in orders):
        raise Refused(Refusal("orders", "is not a list of orders; leave it out or export the trades again"))
    fills = []
    for index, order in enumerate(orders):
        try:
            fill = _fill(order, is_short, price)
        except Refused as refused:
            raise refused.under(f"orders[{index}]") from None
        if fill is not None:
            fills.append(fill)
    entered = sum(fill.amount for fill in fills if fill.is_entry)
    return _with_fractions(fills, entered) if entered > 0 else []


def is_dry_run(trade: Mapping[str, object]) -> bool:
    """Return whether an order of the trade was simulated by freqtrade's dry run."""
    orders = trade.get("orders")
    return isinstance(orders, (list, tuple)) and any(
        isinstance(order, Mapping) and str(order.get("order_id")).startswith(DRY_RUN) for order in orders
    )


def _fill(order: Mapping[str, object], is_short: bool, price: float | None) -> Fill | None:
    """Return what an order filled; None if it filled nothing or does not say when or whether it entered."""
    is_entry = _is_entry(order, is_short)
    at = _filled_at(order)
    if is_entry is None or at is None:
        return None
    amount = number_in(order, "amount" if order.get("filled") is None else "filled")
    if not amount > 0:
        return None
    prices = (optional_number(order, name) for name in _PRICES)
    paid = next((each for each in prices if each), price or 0.0)
    return Fill(at, is_entry, paid, amount, name_of(order.get("ft_order_tag")) or None)


def _is_entry(order: Mapping[str, object], is_short: bool) -> bool | None:
    if not is_nothing(order.get("ft_is_entry")):
        return truth_in(order, "ft_is_entry")
    side = order.get("ft_order_side")
    return None if side not in ("buy", "sell", "stoploss") else side == ("sell" if is_short else "buy")


def _filled_at(order: Mapping[str, object]) -> datetime | None:
    if not is_nothing(order.get(FILLED_AT)):
        return timestamp_in(order, FILLED_AT)
    if not is_nothing(order.get("order_filled_date")):
        return named(moment, order["order_filled_date"], "order_filled_date")
    return None


def _with_fractions(fills: Sequence[Fill], entered: float) -> list[Order]:
    orders, sold = [], 0.0
    for fill in fills:
        fraction: float | None = fill.amount / entered
        if not fill.is_entry:
            fraction = min(fill.amount / entered, 1.0 - sold)
            sold += fraction
            fraction = fraction if fraction > 0 else None
        orders.append(Order(fill, fraction))
    return orders
