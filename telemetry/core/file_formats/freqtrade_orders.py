"""The filled orders of a freqtrade trade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telemetry.core.file_formats.freqtrade_fields import number_in, timestamp_in
from telemetry.foundation.core.refusal import Refusal, Refused


@dataclass(frozen=True, slots=True)
class Order:
    """A filled order: whether it is an entry, its time, and its fraction of the total amount entered."""

    is_entry: bool
    at: str
    fraction: float


def filled_orders(trade: Mapping[str, object]) -> list[Order]:
    """Return the filled orders of a trade; empty if the file has none or none of them entered. Raises Refused."""
    orders = trade.get("orders") or ()
    if not isinstance(orders, Sequence) or not all(isinstance(order, Mapping) for order in orders):
        raise Refused(Refusal("orders", "is not a list of orders; leave it out or export the trades again"))
    filled = []
    for index, order in enumerate(orders):
        if order.get("order_filled_timestamp") is None or not isinstance(order.get("ft_is_entry"), bool):
            continue
        try:
            at, amount = timestamp_in(order, "order_filled_timestamp"), number_in(order, "amount")
        except Refused as refused:
            raise refused.under(f"orders[{index}]") from None
        filled.append((order["ft_is_entry"], at, amount))
    entered = sum(amount for is_entry, _, amount in filled if is_entry)
    if not entered > 0:
        return []
    return [Order(is_entry, at, amount / entered) for is_entry, at, amount in filled]
