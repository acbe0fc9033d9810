"""What a change of own dimensions, or of the universe, would do: counted in the newest outcomes of a module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.own_dimensions import OwnDimension
from overrides.core.engine.definitions.universe import UNIVERSE, Universe

WINDOW = 25_000  # newest outcomes of the books that the module learns from
SHOWN_VALUES, SHOWN_CELLS = 12, 8

_COUNTS = """
SELECT name, pattern_key, action_category, scope ->> name,
    count(DISTINCT coalesce(nullif(cluster_id, ''), trade_id::text)), count(*)
FROM (
    SELECT pattern_key, action_category, scope, cluster_id, trade_id FROM telemetry_outcome
    WHERE module = %s AND book = ANY(%s) ORDER BY id DESC LIMIT %s
) AS newest CROSS JOIN unnest(%s::text[]) AS name
GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Cell:
    """A pattern, an action and a value with enough trades for a cell of this dimension alone."""

    pattern_key: str
    action_category: str
    value: str
    trades: int


@dataclass(frozen=True)
class DimensionEffect:
    """A changed own dimension (`before` None: added, `after` None: removed), and what recent outcomes say under it.

    Of `n` outcomes `n_with` carry it with a value that counts; `n_unread` carry one that is no bucket. `values` are the
    most frequent of `n_values`. `cells` are the first of `n_cells` that become possible.
    """

    name: str
    before: OwnDimension | None
    after: OwnDimension | None
    n: int
    n_with: int
    n_unread: int
    values: Sequence[tuple[str, int]]
    n_values: int
    cells: Sequence[Cell]
    n_cells: int

    @property
    def percent(self) -> float:
        """The share of the outcomes that carry it, in per cent."""
        return 100.0 * self.n_with / self.n if self.n else 0.0

    @property
    def more_values(self) -> int:
        """The number of values that are not among those shown."""
        return self.n_values - len(self.values)

    @property
    def more_cells(self) -> int:
        """The number of cells that are not among those shown."""
        return self.n_cells - len(self.cells)


@dataclass(frozen=True)
class UniverseEffect:
    """A changed universe: the pairs added and removed, and the outcomes with its label, with another, and with none."""

    before: Universe | None
    after: Universe | None
    added: Sequence[str]
    removed: Sequence[str]
    n: int
    n_own: int
    n_other: int

    @property
    def n_unlabelled(self) -> int:
        """The outcomes whose scope carries no label; they are learned from as before."""
        return self.n - self.n_own - self.n_other


@dataclass(frozen=True)
class DimensionChanges:
    """All of them, and the numbers of dimensions that are learned from beside those of a fully specific scope."""

    dimensions: Sequence[DimensionEffect]
    universe: UniverseEffect | None
    n_learned: int
    max_scope_dims: Mapping[str, int]


def dimension_changes(before: ModuleParameters, after: ModuleParameters) -> DimensionChanges | None:
    """Return what changes between two parameter sets of a module; None if neither dimensions nor universe do."""
    old = {each.name: each for each in before.own_dimensions}
    new = {each.name: each for each in after.own_dimensions}
    names = [name for name in {**new, **old} if old.get(name) != new.get(name)]
    if not names and before.universe == after.universe:
        return None
    kept = [name for name in names if name in new]  # what is removed is not counted
    counted = _counted(after, [*kept, UNIVERSE]) if kept or before.universe != after.universe else {}
    limits = {channel.value: each.weights.max_scope_dims for channel, each in after.channels.items()}
    return DimensionChanges(
        [_effect(old.get(name), new.get(name), counted.get(name, []), after) for name in names],
        None if before.universe == after.universe else _universe(before, after, counted[UNIVERSE]),
        len(after.learned_dimensions),
        limits,
    )


Counted = list[tuple[str, str, str | None, int, int]]  # pattern, category, value, trades, outcomes


def _counted(parameters: ModuleParameters, names: Sequence[str]) -> dict[str, Counted]:
    found: dict[str, Counted] = {name: [] for name in names}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [parameters.module, list(parameters.lessons.books), WINDOW, list(names)])
        for name, *row in cursor.fetchall():
            found[name].append(tuple(row))
    return found


def _effect(
    before: OwnDimension | None,
    after: OwnDimension | None,
    counted: Counted,
    parameters: ModuleParameters,
) -> DimensionEffect:
    dimension = after or before
    assert dimension is not None
    values, cells = Counter[str](), Counter[tuple[str, str, str]]()
    unread = 0
    for pattern, category, sent, trades, outcomes in counted:
        label = None if sent is None else dimension.label_of(sent)
        if label is not None:
            values[label] += outcomes
            cells[pattern, category, label] += trades
        elif sent is not None:
            unread += outcomes
    is_learned = after is not None and after.learned
    enough = [(cell, n) for cell, n in cells.most_common() if is_learned and n >= parameters.lessons.n_min_of(1)]
    shown = values.most_common() if not dimension.cuts else [(label, values[label]) for label in dimension.labels]
    return DimensionEffect(
        name=dimension.name,
        before=before,
        after=after,
        n=sum(each[-1] for each in counted),
        n_with=values.total(),
        n_unread=unread,
        values=shown[: max(SHOWN_VALUES, len(dimension.labels))],
        n_values=len(shown),
        cells=[Cell(*cell, n) for cell, n in enough[:SHOWN_CELLS]],
        n_cells=len(enough),
    )


def _universe(before: ModuleParameters, after: ModuleParameters, counted: Counted) -> UniverseEffect:
    old = set() if before.universe is None else set(before.universe.pairs)
    new = set() if after.universe is None else set(after.universe.pairs)
    labels = Counter[str | None]()
    for _, _, label, _, outcomes in counted:
        labels[label] += outcomes
    own = 0 if after.universe_label is None else labels[after.universe_label]
    return UniverseEffect(
        before=before.universe,
        after=after.universe,
        added=sorted(new - old),
        removed=sorted(old - new),
        n=labels.total(),
        n_own=own,
        n_other=labels.total() - labels[None] - own,
    )
