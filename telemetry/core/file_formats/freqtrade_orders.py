"""The orders of one of freqtrade's trades, as far as they were filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telemetry.core.file_formats.freqtrade_fields import number_in, timestamp_in
from telemetry.foundation.core.refusal import Refusal, Refused


@dataclass(frozen=True, slots=True)
class Order:
    """A filled order: an entry or an exit, when, and which fraction of everything that was entered."""

    is_entry: bool
    at: str
    fraction: float


def filled_orders(trade: Mapping[str, object]) -> list[Order]:
    """The filled orders of a trade; none where the file has none, or none that entered."""
    orders = trade.get("orders") or ()
    if not isinstance(orders, Sequence) or not all(isinstance(order, Mapping) for order in orders):
        raise Refused(Refusal("orders", "is not a list of orders; leave it out or export the trades again"))
    found = []
    for index, order in enumerate(orders):
        if order.get("order_filled_timestamp") is None or not isinstance(order.get("ft_is_entry"), bool):
            continue
        try:
            at, amount = timestamp_in(order, "order_filled_timestamp"), number_in(order, "amount")
        except Refused as refused:
            raise refused.under(f"orders[{index}]") from None
        found.append((order["ft_is_entry"], at, amount))
    entered = sum(amount for is_entry, _, amount in found if is_entry)
    if not entered > 0:
        return []
    return [Order(is_entry, at, amount / entered) for is_entry, at, amount in found]
