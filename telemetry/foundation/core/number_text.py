"""Numbers as short text for pages and charts, typeset with a minus sign."""

from __future__ import annotations

import math

NEARLY_ZERO = 1e-12  # what sums of floats leave of a zero


def typeset(text: str) -> str:
    """Return the text of a number with minus signs (U+2212), as wide as a plus, where Python writes hyphens.

    >>> typeset(f"{-0.5:+.2f}")
    '\N{MINUS SIGN}0.50'
    """
    return text.replace("-", "\N{MINUS SIGN}")


def plain(value: float, digits: int = 6) -> str:
    """Return a number as text of at most `digits` significant digits.

    >>> plain(-0.25), plain(-0.0), plain(1 / 3, 3)
    ('\N{MINUS SIGN}0.25', '0', '0.333')
    """
    return typeset(f"{value + 0.0:.{digits}g}")


def fixed(value: float, decimals: int) -> str:
    """Return a number with so many decimals; a negative number that rounds to zero has no sign.

    >>> fixed(-0.25, 3), fixed(-0.0001, 3)
    ('\N{MINUS SIGN}0.250', '0.000')
    """
    return typeset(f"{round(value, decimals) + 0.0:.{decimals}f}")


def signed_fixed(value: float, decimals: int) -> str:
    """Return a number as `fixed` does, with its sign; a number that rounds to zero has none.

    >>> signed_fixed(0.25, 1), signed_fixed(-0.25, 2), signed_fixed(-0.04, 1)
    ('+0.2', '\N{MINUS SIGN}0.25', '0.0')
    """
    rounded = round(value, decimals)
    return typeset(f"{rounded:+.{decimals}f}") if rounded else fixed(rounded, decimals)


def decimals_for(*values: float, least: int = 3) -> int:
    """Return how many decimals show two digits of the largest of these values: `least` or more, nine at most.

    >>> decimals_for(0.002, -0.007, 0.012), decimals_for(0.00001, -0.0002), decimals_for(0.0)
    (3, 5, 3)
    """
    largest = max(map(abs, values))
    return least if largest < NEARLY_ZERO else min(max(least, 1 - math.floor(math.log10(largest))), 9)


def interval_text(mean: float, low: float, high: float, *, per: str = "") -> str:
    """Return a mean in R with its interval, with the decimals that tell its ends from zero.

    >>> interval_text(0.03, -0.01, 0.07), interval_text(0.00001, -0.0002, 0.00022, per=" per position")
    ('+0.030 R (\N{MINUS SIGN}0.010 to +0.070 R)', '+0.00001 R per position (\N{MINUS SIGN}0.00020 to +0.00022 R)')
    """
    decimals = decimals_for(mean, low, high)
    shown = [signed_fixed(each, decimals) for each in (mean, low, high)]
    return f"{shown[0]} R{per} ({shown[1]} to {shown[2]} R)"


def signed(value: float, digits: int = 6) -> str:
    """Return a number as `plain` does, with its sign; zero has none.

    >>> signed(0.25), signed(-0.25), signed(1e-15)
    ('+0.25', '\N{MINUS SIGN}0.25', '0')
    """
    is_zero = math.isclose(value, 0.0, abs_tol=NEARLY_ZERO)
    return "0" if is_zero else typeset(f"{value:+.{digits}g}")
