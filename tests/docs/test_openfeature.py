"""The example of docs/openfeature.md runs as it stands, and its trade names the decision behind it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from overrides.serving.decisions.decision_queue import QUEUE
from telemetry.models import Decision, Trade
from tests.docs.conftest import Served

TEXT = (Path(__file__).parents[2] / "docs" / "openfeature.md").read_text()


def test_the_example_reads_levers_and_records_a_trade_with_its_decision(served: Served, tmp_path: Path) -> None:
    example = re.findall("```python\n(.*?)```", TEXT, flags=re.DOTALL)[-1]
    script = tmp_path / "example.py"
    script.write_text(example)

    done = served.run(sys.executable, script)
    QUEUE.flush()

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["1.02 TARGETING_MATCH SINGLE 0.0", "{'new': 1}"]
    (decision,) = Decision.objects.all()
    (action,) = Trade.objects.get().actions.all()
    assert list(action.decision_ids) == [decision.decision_id]
