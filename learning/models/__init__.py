"""What was learned from the facts: cells, lessons, their history, builder runs, coefficients.

All of it can be rebuilt from the facts at any time, and none of it is served.
"""

from learning.models.cells import Cell, CellGroup, CountedRows, JsonHash
from learning.models.coefficients import Coefficient
from learning.models.lessons import BuilderRun, EdgeHistory, Lesson, LessonHistory
from learning.models.levers import LeverAlternative, LeverRun
from learning.models.lifetime import LifetimeLedger, LifetimeLine
from learning.models.validation import MethodStrength, NoiseTwin, WalkForward

__all__ = [
    "BuilderRun",
    "Cell",
    "CellGroup",
    "Coefficient",
    "CountedRows",
    "EdgeHistory",
    "JsonHash",
    "Lesson",
    "LessonHistory",
    "LeverAlternative",
    "LeverRun",
    "LifetimeLedger",
    "LifetimeLine",
    "MethodStrength",
    "NoiseTwin",
    "WalkForward",
]
