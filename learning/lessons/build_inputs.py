"""What a build reads, as one hash: a build of the same inputs would give the lessons that are stored already.

Facts enter through the groups of cells. Each new or changed fact marks its group, and aggregation deletes the mark only
together with writing the group's row, so that no mark and the same rows mean the same facts. A row counts by the
transaction that wrote it, which no clock and no simulated time can repeat. The hash is taken before anything is read;
whatever is committed meanwhile makes the next one differ.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from learning.lessons.lever_evidence import newest_lever_run
from learning.lessons.methods import METHODS
from learning.lessons.run_strength import newest_strength
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.models import DirtyGroup

GROUPS = """
SELECT coalesce(md5(string_agg(id || ' ' || xmin, ',' ORDER BY id)), '') FROM learning_cellgroup WHERE module = %s
"""


def inputs_of(parameters: ModuleParameters, policy: LearningMethod, now: datetime) -> str:
    """Return the hash of what a build of the module with a method reads at `now`: 64 hexadecimal digits."""
    module, method = parameters.module, METHODS[policy]
    strength, levers = newest_strength(module, policy, now), newest_lever_run(module, now)
    with connection.cursor() as cursor:
        cursor.execute(GROUPS, [module])
        groups: str = cursor.fetchone()[0]
    measured = [None if each is None else each.pk for each in (strength, levers)]
    read = [method.name, method.builder, parameters.to_document(), groups, *measured]
    return content_hash(read)


def has_marks(module: str) -> bool:
    """Return whether a group has facts that are not aggregated yet, or are known only later."""
    return DirtyGroup.objects.filter(module=module).exists()
