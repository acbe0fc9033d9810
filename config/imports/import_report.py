"""What an import says at its end: what can teach now, what was learned beside its noise twins, and the next step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from config.imports.bars import FromBars, from_bars
from config.imports.completing import Completion, unread_lines
from config.imports.document import Section, Table
from config.imports.options import typed
from config.imports.words import BRING_OTHER_BARS, GIVE_BARS, NEXT, bars_table
from config.learner import LEARNS, SWITCHED_OFF
from learning.core.first_look.teaching import Obstacle
from learning.readers.trades_by_book import NEWEST, BookOfModule, trades_by_book
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.universe import UNIVERSE
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.core.file_formats.exclusions import NO_BARS
from telemetry.core.market_context.universe import Universe
from telemetry.core.unit_of_risk import UnitChoice
from telemetry.core.vocabulary import Module
from telemetry.foundation.core.words import count_of, moment_of
from telemetry.recording.import_files import FileReport
from telemetry.recording.revisions import Status

LONGEST_ADDRESS = 2000  # characters that every browser and proxy takes
BUILD, RECORD = "./dev manage build", "./dev manage import_trades"
EVIDENCE_PAGE = "/admin/learning/builderrun/{module}/evidence/"
OF_A_BACKTEST = (
    "Some of these files are results of backtests, and no --book was given: their trades {stand} in the book paper, "
    "as if they had been traded."
)
BOOKS_PAGE, PARAMETERS_PAGE = "/admin/books/", "/admin/overrides/parameterset/{module}/propose/"
LACKING = {NO_BARS, Obstacle.NO_SCOPE.value, Obstacle.ONLY_TIMEFRAME.value}
Step = Sequence[str]  # a sentence, and the commands or pages that it leads to


@dataclass(frozen=True)
class Imported:
    """What an import leaves to report.

    - `units`: the unit of risk of each strategy; `from_bars`: what bars gave to opening actions, by dimension;
      `remarks`: what was mended in the files of bars, and which are not used.
    - `universe`: the label of the scopes that bars gave, empty without bars; `pairs`: the pairs it names.
    - `joined`, `unjoined`: actions that the journal named a decision for, and the others by reason.
    - `unread`: a sentence on the lines of the journal that could not be read, empty if all could.
    - `has_bars`: whether the import was given bars; `is_dry_run`: whether it recorded nothing on purpose.
    - `taken`: rows of the files that stand recorded, or would without a dry run; `without_unit`: those of them
      whose unit of risk no bars gave.
    - `to_correct`: the command that moves trades of a backtest to a book of their own; empty unless files name runs of
      backtests and no book was stated.
    """

    units: dict[str, UnitChoice] = field(default_factory=dict)
    from_bars: dict[str, FromBars] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    universe: str = ""
    pairs: tuple[str, ...] = ()
    joined: int = 0
    unjoined: dict[str, int] = field(default_factory=dict)
    unread: str = ""
    has_bars: bool = False
    is_dry_run: bool = False
    taken: int = 0
    without_unit: int = 0
    to_correct: str = ""


def imported(reports: Sequence[FileReport], completion: Completion, options: Mapping[str, Any]) -> Imported:
    """Return what the reports on files and what completed their rows leave to report, of an import with options."""
    universe, journal, bars = completion.universe, completion.journal, completion.bars
    return Imported(
        units={name: choice for report in reports for name, choice in report.units.items()},
        from_bars={} if bars is None else from_bars(bars.report),
        remarks=() if bars is None else bars.remarks,
        universe="" if universe is None else universe.label,
        pairs=() if universe is None else universe.pairs,
        joined=0 if journal is None else journal.joined,
        unjoined={} if journal is None else dict(journal.unjoined),
        unread="" if journal is None else unread_lines(journal),
        has_bars=bars is not None,
        is_dry_run=options["dry_run"],
        taken=0 if options["strict"] and any(report.refused for report in reports) else _taken(reports),
        without_unit=sum(report.excluded[NO_BARS] for report in reports),
        to_correct=_to_correct(reports, options),
    )


def _taken(reports: Sequence[FileReport]) -> int:
    return sum(report.counts[status] for report in reports for status in Status if status is not Status.REFUSED)


def _to_correct(reports: Sequence[FileReport], options: Mapping[str, Any]) -> str:
    tested = {path for report in reports if report.runs for path in (report.file, report.file.parent)}
    files = [path for path in options["files"] if path in tested]
    if not files or options["book"] is not None:
        return ""
    words = typed({**options, "files": files, "book": "backtest"})
    return f"{RECORD} {words} --correction 'They are of a backtest.'"


def universes() -> dict[str, Universe]:
    """Return the universes that modules learn from, by name; the first module's where two share a name."""
    found: dict[str, Universe] = {}
    for module in Module:
        own = current_parameters(module.value).universe
        if own is not None:
            found.setdefault(own.name, Universe.of(own.name, own.pairs))
    return found


def sections_of(imported: Imported, now: datetime) -> list[Section]:
    """Return the sections of the report, given what stands recorded."""
    sections = [*_units(imported), *_bars(imported), *_journal(imported)]
    steps = list(_first_steps(imported))
    for module in Module:
        parameters = current_parameters(module.value)
        label = label_of(parameters)
        found = trades_by_book(parameters, label)
        if not found:
            continue
        sections.append(_teaching(imported, parameters, found))
        if imported.universe and (imported.universe == label or _is_of_another_universe(found)):
            sections.append(_universe(imported, module.value, label))
        sections.append(_learned(parameters, now))
        steps += _steps(imported, parameters, found, label)
    return [*sections, _next(steps)] if steps else sections


def universe_form(module: str, universe: str) -> str:
    """Return the address of the form that asks for a universe, filled in if the address stays short enough for that.

    >>> universe_form("pm", "majors: BTC/USDT, ETH/USDT")
    '/admin/overrides/parameterset/pm/propose/?universe=majors:+BTC/USDT,+ETH/USDT'
    """
    page = PARAMETERS_PAGE.format(module=module)
    filled = f"{page}?{urlencode({UNIVERSE: universe}, safe='/:,')}"
    return filled if len(filled) <= LONGEST_ADDRESS else page


def label_of(parameters: ModuleParameters) -> str:
    """Return the label of the universe that a module learns from; empty if it has none."""
    return parameters.universe_label or ""


def _units(imported: Imported) -> Iterator[Section]:
    if imported.units:
        rows = [(name, choice.unit.words, choice.reason) for name, choice in sorted(imported.units.items())]
        table = Table(("strategy", "R is", "because"), rows, "ttt")
        yield Section(
            "The unit of risk (R) of each strategy", ["It is chosen once, and later imports keep to it."], table
        )


def _bars(imported: Imported) -> Iterator[Section]:
    if imported.from_bars:
        yield Section("Context from price bars", table=bars_table(imported.from_bars), notes=imported.remarks)


def _journal(imported: Imported) -> Iterator[Section]:
    if not imported.joined and not imported.unjoined and not imported.unread:
        return
    sentences = [f"{count_of(imported.joined, 'action')} named the decision of the journal."]
    sentences += [
        f"{count_of(count, 'action')} without: {reason}." for reason, count in sorted(imported.unjoined.items())
    ]
    sentences += [imported.unread] if imported.unread else []
    yield Section("Decisions from the journal", sentences)


def _teaching(imported: Imported, parameters: ModuleParameters, found: Sequence[BookOfModule]) -> Section:
    module, books = parameters.module, parameters.lessons.books
    rows: list[tuple[str, ...]] = []
    for each in found:
        learned = "yes" if each.is_learned else "no"
        rows.append((each.book, learned, f"{each.trades:,}", f"{each.entries:,}", f"{each.teaching:,}", ""))
        rows += [("", "", f"{count:,}", "", "", why) for why, count in each.reasons]
    header = ("book", "learned from", "trades", "distinct entries", "can teach", "why the others cannot")
    waiting = [each for each in found if not each.is_learned]
    sentences = [f"{module} learns from {', '.join(books) or 'no book'}."]
    sentences += [
        f"{count_of(each.trades, 'trade')} of {each.book} {'is' if each.trades == 1 else 'are'} recorded and "
        "not learned from."
        for each in waiting
    ]
    if imported.is_dry_run:
        sentences.append("Counted is what stands recorded, without what this dry run read; first_look counts that.")
    if sum(each.trades for each in found) >= NEWEST:
        sentences.append(f"Counted are the newest {NEWEST:,} trades of all books.")
    return Section(f"What can teach {module}", sentences, Table(header, rows, "ttnnnt"))


def _is_of_another_universe(found: Sequence[BookOfModule]) -> bool:
    """Return whether trades of a module name a universe that it does not learn from."""
    return any(why in (Obstacle.FOREIGN_UNIVERSE, Obstacle.NO_UNIVERSE) for each in found for why, _ in each.reasons)


def _universe(imported: Imported, module: str, label: str) -> Section:
    if imported.universe == label:
        sentence = f"Scopes name the universe {label}, which {module} learns from."
    else:
        own = f"{module} learns from {label}" if label else f"{module} learns from no universe yet"
        sentence = (
            f"Scopes name the universe {imported.universe}, but {own}: outcomes of another universe are left out and "
            "never mixed."
        )
    return Section(f"The universe of {module}", [sentence])


def _learned(parameters: ModuleParameters, now: datetime) -> Section:
    module, sentences = parameters.module, []
    if not LEARNS:
        return Section(f"What {module} has learned", [f"{SWITCHED_OFF} The trades wait until it is on again."])
    from learning.validation.run_evidence import run_evidence

    for method in LearningMethod:
        evidence = run_evidence(module, method, parameters)
        if evidence.run is not None:
            age = "" if evidence.run.as_of >= now else f" as of {moment_of(evidence.run.as_of)}, before this import"
            sentences.append(f"Method {method.value}{age}: {evidence.sentence}")
    if not sentences:
        sentences.append("Nothing was built yet.")
    sentences.append(
        f"The next build runs within the hour, or now by {BUILD}. Noise twins and the walk-forward follow each night, "
        "or now by ./dev manage noise_twin and ./dev manage walk_forward."
    )
    return Section(f"What {module} has learned, beside its noise twins", sentences)


def _first_steps(imported: Imported) -> Iterator[Step]:
    """Yield what comes before anything that the recorded trades call for: a sentence, and a command if there is one."""
    if not imported.taken:
        yield ("Mend what the refusals above name, and import again.",)
    elif imported.to_correct and imported.is_dry_run:
        yield (f"{OF_A_BACKTEST.format(stand='would stand')} Give the same command with --book backtest.",)
    elif imported.to_correct:
        yield f"{OF_A_BACKTEST.format(stand='stand')} Move them:", imported.to_correct
    elif imported.is_dry_run:
        yield ("Record the trades: the same command without --dry-run.",)
    elif imported.has_bars and 2 * imported.without_unit > imported.taken:
        yield (BRING_OTHER_BARS,)


def _steps(
    imported: Imported, parameters: ModuleParameters, found: Sequence[BookOfModule], label: str
) -> Iterator[Step]:
    """Yield what is most needed for a module: a sentence, and the command or page."""
    module = parameters.module
    lacking = sum(count for each in found for why, count in each.reasons if why in LACKING)
    if not imported.has_bars and lacking:
        has = "trade of those recorded has" if lacking == 1 else "of the trades recorded have"
        yield f"{lacking:,} {has} no scope or no unit of risk. {GIVE_BARS}", f"{RECORD} FILE --bars DIR"
    elif imported.universe not in ("", label) and _is_of_another_universe(found):
        universe = f"{imported.universe.partition('@')[0]}: {', '.join(imported.pairs)}"
        yield f"Propose that {module} learns from the universe {universe}", universe_form(module, universe)
    elif any(not each.is_learned and each.teaching for each in found):
        books = ", ".join(each.book for each in found if not each.is_learned and each.teaching)
        yield f"Propose that {module} learns from {books} too, if it should.", BOOKS_PAGE
    elif LEARNS:
        page = EVIDENCE_PAGE.format(module=module)
        yield "Build lessons from these trades, and read in the admin how they compare with chance.", BUILD, page


def _next(steps: Sequence[Step]) -> Section:
    """Return the next step: the first of all modules, and a build only where no module needs anything before it."""
    sentence, *commands = next((step for step in steps if BUILD not in step), steps[0])
    return Section(NEXT, [sentence], commands=commands)
