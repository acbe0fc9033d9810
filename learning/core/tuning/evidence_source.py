"""Where the changes come from by which alternatives of a lever are judged."""

from __future__ import annotations

from enum import StrEnum


class Source(StrEnum):
    """What tells of alternatives.

    trades    what trades that were taken say of other values, over all of their actions (`trade_deltas`)
    windows   past windows of the lever's gate under other thresholds, also those not entered (`gate_simulation`)
    """

    TRADES = "trades"
    WINDOWS = "windows"

    @property
    def row(self) -> str:
        """The word for one row of it.

        >>> Source.TRADES.row, Source.WINDOWS.row
        ('trade', 'window')
        """
        return self.value.removesuffix("s")

    @property
    def of_windows(self) -> bool:
        """Whether a row is a window of a gate."""
        return self is Source.WINDOWS

    @property
    def units(self) -> str:
        """The word for what counts once: trades, or episodes with all of their windows."""
        return "episodes" if self.of_windows else "trades"

    @property
    def over(self) -> str:
        """Over what an alternative is judged, in words."""
        return "over all windows of its gate, also those not entered" if self.of_windows else "over all trades"
