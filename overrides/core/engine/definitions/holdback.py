"""The standing holdback: which positions are answered neutral, by one draw for each position over all modules.

A position is drawn by a keyed hash of its key, so nobody without the server's secret can tell beforehand whether a key
is held back, and all questions about one position have the same draw. Shares may differ between modules: the positions
that a smaller share holds back are among those of a larger one.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

LARGEST_PERCENT = 20.0  # a larger share would give up more of what was learned than measuring it needs
DRAWS = 10**8  # a draw in percent has six decimals, so that a stored draw is exactly the one that was compared


def holdback_draw(secret: bytes, position_key: str) -> float:
    """Return the draw of a position in [0, 100), in steps of 1e-6: uniform over the keys, and fixed by the secret.

    >>> holdback_draw(b"secret", "BTC/USDT 2026-11-27 00:00")
    95.092116
    """
    digest = hmac.digest(secret, position_key.encode("utf-8", "surrogatepass"), sha256)
    bits = int.from_bytes(digest[:8]) >> 11  # 53 bits
    return (bits * DRAWS >> 53) / 1e6


def is_held_back(secret: bytes, position_key: str, percent: float) -> bool:
    """Return whether a holdback of `percent` answers neutral for a position.

    >>> is_held_back(b"secret", "BTC/USDT 2026-11-27 00:00", 5), is_held_back(b"secret", "any", 0)
    (False, False)
    """
    return holdback_draw(secret, position_key) < percent
