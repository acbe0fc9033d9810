"""A lever, a scope dimension or a weight factor is at most three places, and no older decision replays differently.

All three are added to a copy of the product, and what the copy says is looked at from outside.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = ("config", "learning", "overrides", "telemetry", "templates", "tests", "manage.py", "pyproject.toml")
ENGINE = "overrides/core/engine"
FUNCTIONS = "overrides/models/sql/functions"
FORMATS = f"{ENGINE}/definitions/formats.py"


@dataclass(frozen=True)
class Edit:
    """Text put before some that stands once in a file."""

    file: str
    text: str
    before: str

    def apply(self, root: Path) -> None:
        path = root / self.file
        content = path.read_text()
        assert content.count(self.before) == 1, (self.file, self.before)
        path.write_text(content.replace(self.before, self.text + self.before))


Place = tuple[Edit, ...]
FACTOR: tuple[Place, ...] = (
    (
        Edit(
            f"{ENGINE}/weights.py",
            "def short_life_weight(half_life_days: N, short_life_penalty: N) -> N:\n"
            '    """w_life = 1 / (1 + short_life_penalty / half_life), in (0, 1]."""\n'
            "    return 1.0 / (1.0 + short_life_penalty / half_life_days)\n\n\n",
            "class Basis(",
        ),
        Edit(
            f"{ENGINE}/weights.py",
            '    Factor("w_life", "life", ("half_life_days",), ("short_life_penalty",), short_life_weight, "{n:g}"),\n',
            '    Factor("w_decay",',
        ),
    ),
    (
        Edit(
            f"{ENGINE}/definitions/parameters.py",
            '    short_life_penalty: float = constant(0.0, 0, LARGEST, "half-life, in days, that halves a weight")\n',
            "    min_total_weight: float = constant(",
        ),
    ),
    (Edit(FORMATS, '.extended(factors=["w_life"])', "))  # format 1 first"),),
)
LEVER: tuple[Place, ...] = (
    (
        Edit(
            f"{ENGINE}/definitions/levers.py",
            '            Lever("min_slope_for_add",      _TUNING,   _LINEAR, 0.60, 0.0, 1.0, 0.05, _IN, since=5),\n',
            '            Lever("min_ox_for_trim",',
        ),
    ),
    (  # and a migration, which holds a copy of it; `tests/overrides/models/test_sql.py` compares the database
        Edit(
            f"{FUNCTIONS}/lever_table.sql",
            "('min_slope_for_add', 'linear', 0.60, 0.0, 1.0, 0.05, 0, NULL),\n        ",
            "('min_ox_for_trim',",
        ),
    ),
)
DIMENSION: tuple[Place, ...] = (
    (Edit(f"{ENGINE}/definitions/dimensions.py", '"session", ', '"market_family"'),),
    (Edit(FORMATS, '.extended(learned={"pm": ["session"]})', "))  # format 1 first"),),
)
EXTENSIONS = {"factor": FACTOR, "lever": LEVER, "dimension": DIMENSION}

CHECKS = (
    "tests/test_one_weight_formula.py",
    "tests/overrides/core/engine/test_golden.py",
    "tests/overrides/core/engine/definitions/test_formats.py",
    "tests/overrides/monitoring/replaying/test_older_formats.py::TestTheFirstFormat",
    "tests/overrides/monitoring/replaying/test_older_formats.py::TestARewrittenDecision",
)
FOLLOWED = """
import django; django.setup()
from config.demo.report import FACTORS
from config.reports.exports import CONTRIBUTION_COLUMNS
from overrides.admin.governance.parameter_form import constants_of
from overrides.api.resolve_schema import ContributionSerializer, QuestionSerializer
from overrides.core.engine.definitions.formats import CURRENT_FORMAT
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.monitoring.replaying.replay import replay_one
from tests.builders import make_spec
from tests.overrides.monitoring.replaying.first_format import engine_of, objects_of
from tests.test_one_weight_formula import four_weights

spec = make_spec(stats={"edge_raw": 0.82, "n": 37, "variance": 0.45, "half_life_days": 18})
off, on = WeightParameters(min_total_weight=0.0), WeightParameters(min_total_weight=0.0, short_life_penalty=18.0)
for name, weight in four_weights(spec, on).items():
    assert abs(weight - four_weights(spec, off)[name] / 2) < 1e-12, name
assert "w_life" in CONTRIBUTION_COLUMNS and "w_life" in ContributionSerializer().fields
assert "w_life" in {each.symbol for each in FACTORS}
penalty = constants_of(ModuleParameters.default("pm"))["channels.pm_tuning.weights.short_life_penalty"]
assert "halves a weight" in penalty.words
assert "min_slope_for_add" in QuestionSerializer().fields["current"].help_text

default = ModuleParameters.default("pm")
assert "session" in default.dimensions and "session" in default.lessons.dimensions
[first] = {row.pk: engine_of("pm", 9).parameters.lessons.dimensions for row in objects_of("parameters")[:1]}.values()
assert "session" not in first

rows = objects_of("decisions")
assert [str(each) for row in rows for each in replay_one(row, engine_of)] == []
for row in rows:
    row.format = CURRENT_FORMAT
differing = [str(each) for row in rows for each in replay_one(row, engine_of)]
assert any("levers.min_slope_for_add is missing" in each for each in differing), differing
assert any("w_life is missing, recomputed 1.0" in each for each in differing), differing
assert any("flags is ['UNKNOWN_DIMENSION'], recomputed []" in each for each in differing), differing
print("followed", CURRENT_FORMAT)
"""


def extended(root: Path, *, declared: bool) -> Path:
    """A copy of the product with all extensions; `declared` as one format together, or not at all."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    edits = [edit for places in EXTENSIONS.values() for place in places for edit in place]
    for edit in edits:
        if edit.file != FORMATS:
            edit.apply(root)
    if declared:
        names = ", ".join(
            edit.text.removeprefix(".extended(").removesuffix(")") for edit in edits if edit.file == FORMATS
        )
        Edit(FORMATS, f", _FOURTH.extended({names})", "))  # format 1 first").apply(root)
    return root


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, on its modules and no others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extended(tmp_path_factory.mktemp("extended"), declared=True)


class TestAnExtension:
    @pytest.mark.parametrize("name", EXTENSIONS)
    def test_is_at_most_three_places(self, name: str) -> None:
        places = [{edit.file for edit in place} for place in EXTENSIONS[name]]

        assert len(places) <= 3
        assert all(len(files) == 1 or files == {f"{FUNCTIONS}/lever_{each}.sql" for each in ("neutral", "exposure")}
                   for files in places)  # fmt: skip

    def test_keeps_every_check(self, product: Path) -> None:
        done = run(product, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CHECKS)

        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]

    def test_is_followed_by_all_that_names_levers_dimensions_and_factors(self, product: Path) -> None:
        done = run(product, "-c", FOLLOWED)

        assert done.stdout.strip() == "followed 5", done.stderr[-3000:]

    def test_says_what_to_do_where_it_is_not_declared(self, tmp_path: Path) -> None:
        root = extended(tmp_path, declared=False)

        done = run(root, "-m", "pytest", "-q", "-p", "no:cacheprovider", CHECKS[2])

        assert done.returncode == 1
        assert (
            "append to FORMATS in overrides/core/engine/definitions/formats.py: FORMATS[-1].extended("
            "factors=['w_life'], learned={'pm': ['session']})"
        ) in done.stdout
