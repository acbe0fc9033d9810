"""What rules draw from: people, lines, overrides and policies, few enough to meet again and again."""

from __future__ import annotations

import hypothesis.strategies as st

from tests.stateful.model import Move, Rules
from tests.stateful.product import LINE_OF, ROLES

people = st.sampled_from(list(ROLES))
lines = st.sampled_from(list(LINE_OF))
recent = st.integers(0, 2)
moves = st.builds(
    lambda size, n, edge, is_flipped: Move(size, n, edge if (size >= 1) is not is_flipped else -edge),
    st.sampled_from([1.2, 1.1, 0.9, 1.0]),
    st.sampled_from([40, 40, 40, 40, 25, 25, 15, 5, 400]),
    st.sampled_from([0.8, 0.8, 0.5, 0.3]),
    st.sampled_from([False] * 9 + [True]),
)
approved = st.sampled_from([Move(1.2, 40, 0.8), Move(0.9, 40, -0.8)])
contents = st.dictionaries(lines, st.none() | moves, min_size=1, max_size=3)
policies = st.sampled_from(
    [
        Rules(),
        Rules(approvals=2),
        Rules(groups=("desk",)),
        Rules(large_movement=8.0, large_groups=("desk",)),
        Rules(lowering_applies=True),
        Rules(expires_days=5, mandate_days=3),
    ]
)
TARGETS = (None, Move(1.1, 40, 0.8), Move(0.9, 40, -0.8), Move(1.1, 40, -0.8), Move(1.1, 400, 0.8))
