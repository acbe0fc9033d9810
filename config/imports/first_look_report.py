"""The report of a first look, in words for the author of a bot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from config.imports.bars import FromBars
from config.imports.document import Document, Section, Table
from config.imports.looking import Looked, ModuleLook
from config.imports.words import NONE, share
from learning.charts.forest import Estimate, forest
from learning.core.first_look.look import FirstLook
from learning.core.first_look.method_look import COUNTED, Line, MethodLook
from learning.core.first_look.teaching import Obstacle, Teaching
from learning.core.significance.verdict import Verdict, WalkVoice
from overrides.core.engine.definitions.vocabulary import LearningMethod
from telemetry.core.file_formats.exclusions import NO_BARS
from telemetry.core.vocabulary import Module
from telemetry.foundation.core.number_text import fixed, signed_fixed
from telemetry.foundation.core.words import count_of, moment_of

SHOWN_LINES, SHOWN_REFUSALS, LONGEST_REFUSAL = 10, 5, 300
MANY_WINNERS, FEW_DAYS = 0.95, 60
NAMES: Mapping[LearningMethod, str] = {
    LearningMethod.PLAN: "Plan method: each cell of trades by itself",
    LearningMethod.EVIDENCE: "Evidence method: one fit to all trades, shrunk towards no edge",
}
MEANINGS: Mapping[LearningMethod, str] = {
    LearningMethod.PLAN: "The edge is the plain mean of the cell over the mean of its category, not shrunk: the "
    "largest of many means is always too large.",
    LearningMethod.EVIDENCE: "The edge is shrunk towards none by all that was fitted; the interval is of the "
    "posterior.",
}
STANDINGS: Mapping[LearningMethod, tuple[str, str]] = {
    LearningMethod.PLAN: ("lesson", "too light to act"),
    LearningMethod.EVIDENCE: ("verified", "unverified"),
}  # of a line that is counted, and of another
VERDICTS: Mapping[Verdict, str] = {
    Verdict.EDGE: "Edge beyond noise: it passed the twins and the walk-forward of these trades.",
    Verdict.UNDECIDED: "Not decided: do not trade on it yet; more trades will tell.",
    Verdict.NOISE: "Nothing here can be told from noise.",
    Verdict.UNTESTED: "Nothing could be compared with noise.",
}
HOW_TO_READ = (
    "A noise twin is the same search over the same trades after their results were shuffled, within each pattern and "
    "week, or after their scopes were shifted in time: what it finds is luck. A walk-forward learns only from what was "
    "known on each day, and compares the result of its sizes with doing nothing, which is 0.0 by definition, at equal "
    "exposure."
)
ONCE = (
    "These figures rest on the trades you chose to bring. If the strategy or its settings were themselves chosen for "
    "their result on this period, part of what is found here is that choice, and no test on the same trades can show "
    "it; only trades after the choice can."
)


def report_of(looked: Looked, next_steps: Section) -> Document:
    """Return the report."""
    sections = [_read(looked), *_trials(looked), *_units(looked)]
    for module in looked.modules:
        sections += [_teaching(module.teaching), _context(module, looked.from_bars), *_found(module)]
    if looked.remarks:
        sections.append(Section("The files of price bars", looked.remarks))
    sections += [Section("How to read this", (HOW_TO_READ, ONCE)), next_steps]
    trades = len(looked.distinct.trades)
    return Document(f"First look at {count_of(trades, 'distinct trade')}", list(_summary(looked)), sections)


def _summary(looked: Looked) -> Iterator[str]:
    if not looked.modules:
        yield "No closed trade could be read, so nothing can be learned."
    for each in looked.modules:
        teaching = each.teaching
        yield f"{_can_teach(teaching)} {_verdict(each)}"
    yield "Nothing was recorded, and nothing that is served has changed."


def _can_teach(teaching: Teaching) -> str:
    return (
        f"{teaching.module}: {teaching.full:,} of {teaching.trades:,} trades ({teaching.entries:,} distinct "
        f"{'entry' if teaching.entries == 1 else 'entries'}) "
        "can teach where the edge is."
    )


def _verdict(module: ModuleLook) -> str:
    found = {each.method: each for each in module.found.methods}
    evidence, plan = found[LearningMethod.EVIDENCE], found[LearningMethod.PLAN]
    if not module.found.outcomes:
        return "There is no outcome to learn from."
    best = evidence if evidence.verdict is Verdict.EDGE else plan
    if best.verdict is Verdict.EDGE:
        lines = best.found
        return f"{VERDICTS[Verdict.EDGE]} ({count_of(lines, COUNTED[best.method])}.)"
    return VERDICTS[Verdict.UNDECIDED if Verdict.UNDECIDED in (plan.verdict, evidence.verdict) else evidence.verdict]


def _read(looked: Looked) -> Section:
    files, read = looked.read.files, looked.read
    rows: list[tuple[str, ...]] = [
        (str(each.file), f"{each.read:,}", f"{len(each.trades):,}", f"{each.refused:,}") for each in files
    ]
    if len(files) > 1:
        sums = [sum(column) for column in zip(*((f.read, len(f.trades), f.refused) for f in files), strict=True)]
        rows.append(("all", *(f"{each:,}" for each in sums)))
    notes = []
    if looked.distinct.repeated:
        repeated = looked.distinct.repeated
        notes.append(f"{count_of(repeated, 'trade')} stood in the files more than once and count once.")
    if looked.distinct.superseded:
        superseded = looked.distinct.superseded
        notes.append(
            f"{count_of(superseded, 'trade')} of a backtest or a dry run {_is(superseded)} the same position "
            "as a live or dry one, which counts in its place."
        )
    if read.refusals:
        refused = sum(each.refused for each in files)
        notes.append(f"{count_of(refused, 'row')} {_was(refused)} refused:")
        often = sorted(read.refusals.items(), key=lambda each: -each[1][0])
        for why, (count, first) in often[:SHOWN_REFUSALS]:
            notes.append(f"{count_of(count, 'row')}, the first of them {first}: {_short(why)}")
        if len(often) > SHOWN_REFUSALS:
            others = len(often) - SHOWN_REFUSALS
            notes.append(f"… and {count_of(others, 'other reason')}; import_trades --refusals FILE lists all.")
    return Section("What was read", table=Table(("file", "read", "trades", "refused"), rows, "tnnn"), notes=notes)


def _trials(looked: Looked) -> Iterator[Section]:
    strategies = looked.read.strategies
    if not strategies:
        return
    names, files, runs = len(strategies), len(looked.read.files), len(looked.read.runs)
    of_runs = f" of {count_of(runs, 'run')}" if runs else ""
    variants = "1 strategy" if names == 1 else f"{names:,} strategies or variants of strategies"
    sentence = f"The files hold {variants} in {count_of(files, 'file')}{of_runs}."
    more = "Each variant that was tried is one more chance to look good by luck; those not in the files count too."
    rows = [(name, f"{count:,}") for name, count in strategies.most_common(20)]
    yield Section("How much was tried", (sentence, more), Table(("strategy", "trades"), rows, "tn"))


def _units(looked: Looked) -> Iterator[Section]:
    if not looked.read.units:
        return
    rows = [(name, choice.unit.words, choice.reason) for name, choice in sorted(looked.read.units.items())]
    yield Section("The unit of risk (R) of each strategy", table=Table(("strategy", "R is", "because"), rows, "ttt"))


def _teaching(teaching: Teaching) -> Section:
    reasons: Counter[str] = Counter({str(each.value): count for each, count in teaching.obstacles.items()})
    reasons.update(teaching.excluded)
    rows = [(f"{teaching.full:,}", "can teach"), *((f"{count:,}", why) for why, count in reasons.most_common())]
    sentences = [_can_teach(teaching)]
    if teaching.universe:
        sentences.append(f"Scopes were computed over the universe {teaching.universe}.")
    return Section(f"What can teach {_named(teaching.module)}", sentences, Table(("trades", ""), rows, "nt"))


def _context(module: ModuleLook, given: Mapping[str, FromBars]) -> Section:
    teaching = module.teaching
    others = sorted(set(teaching.present) - set(module.dimensions) - {"universe"})
    rows: list[tuple[str, ...]] = []
    for name in (*module.dimensions, *others):
        use = "learned" if name in module.dimensions else "recorded only"
        bars = given.get(name)
        ready = () if not given else (NONE if bars is None else share(bars.given, bars.ready),)
        why = () if not given else ("" if bars is None else "; ".join(bars.reasons),)
        rows.append((name, use, share(teaching.present.get(name, 0), teaching.actions), *ready, *why))
    header = ("dimension", "use", "present")
    heading = f"Context of the {teaching.actions:,} judged actions of {_named(teaching.module)}"
    if not given:
        return Section(heading, table=Table(header, rows, "ttn"))
    sentence = "Bars give a dimension where its warm-up is met: where they reach far enough back before the action."
    return Section(
        heading, [sentence], Table((*header, "where warmed up", "missing because"), rows, "ttnnt")
    )  # fmt: skip


def _found(module: ModuleLook) -> Iterator[Section]:
    found = module.found
    if not found.outcomes or found.first is None or found.last is None or found.as_of is None:
        return
    yield Section(
        f"What learning finds: {_named(found.module)}",
        [
            *_outcomes(found),
            f"{found.outcomes:,} outcomes of {found.units:,} distinct entries in "
            f"{count_of(found.patterns, 'pattern')}, decided from {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}; "
            f"everything is as of {moment_of(found.as_of)}, when the last outcome was known.",
        ],
        _comparison(found.methods),
        [f"{NAMES[each.method].partition(':')[0]}: {each.sentence}" for each in found.methods],
    )
    for method in found.methods:
        yield from _lines(method, found.module)


def _outcomes(found: FirstLook) -> Iterator[str]:
    """Yield what the outcomes are like, and what about them calls for care."""
    assert found.first is not None
    assert found.last is not None
    days = (found.last - found.first).days + 1
    yield (
        f"Outcomes of entries: mean {signed_fixed(found.mean, 2)} R, standard deviation {fixed(found.sd, 2)} R, "
        f"{fixed(100 * found.winners, 1)} % above zero, over {count_of(days, 'day')}."
    )
    if found.winners >= MANY_WINNERS:
        yield (
            "So many winners rarely come from a market: look for stops that are never reached, and for exits within a "
            "bar that a backtest fills too well."
        )
    if days < FEW_DAYS:
        yield "So few days hold one or two market phases: what is found in them need not last."


def _comparison(methods: Sequence[MethodLook]) -> Table:
    header = (
        "method",
        "found",
        "twins within weeks",
        "twins shifted in time",
        "R per 1,000 trades",
        "95 % band",
        "trades sized",
    )
    rows = []
    for each in methods:
        uplift = each.walk.get("uplift")
        walk = None if uplift is None else WalkVoice(uplift["mean"], uplift["low"], uplift["high"])
        mean = NONE if walk is None else walk.text(walk.mean)
        band = NONE if walk is None or walk.low is None or walk.high is None else (
            f"{walk.text(walk.low)} to {walk.text(walk.high)}"
        )  # fmt: skip
        weeks, shifts = (", ".join(map(str, counts)) or NONE for counts in (each.weeks, each.shifts))
        count = count_of(each.found, COUNTED[each.method])
        rows.append((each.method.value, count, weeks, shifts, mean, band, f"{each.walk.get('n', 0):,}"))
    rows.append(("doing nothing", NONE, NONE, NONE, "0.0", NONE, NONE))
    return Table(header, rows, "tnnnnnn")


def _lines(method: MethodLook, module: str) -> Iterator[Section]:
    lines = method.lines[:SHOWN_LINES]
    if not lines:
        return
    header = ("pattern", "action", "scope", "counts", "n", "edge, R", "95 % interval")
    rows = [
        (
            each.pattern_key,
            each.action_category,
            _scope(each.scope),
            _standing(each, method),
            f"{each.n:,}",
            signed_fixed(each.raw if each.edge is None else each.edge, 2),
            _interval(each),
        )
        for each in lines
    ]
    chart = forest([Estimate(each.raw, each.raw_se, each.edge, each.sd) for each in lines])
    noise = [] if method.verdict is Verdict.EDGE else ["Do not read these as edges: the verdict above is not an edge."]
    name = NAMES[method.method].partition(":")[0]
    yield Section(
        f"{name}, {_named(module)}: the first {len(lines)} lines",
        [*noise, MEANINGS[method.method]],
        Table(header, rows, "ttttnnn"),
        chart=None if chart is None else list(zip(lines, map(_label, lines), chart.rows, strict=True)),
    )


def _label(line: Line) -> str:
    return f"{line.pattern_key} {line.action_category}: {_scope(line.scope)}"


def _standing(line: Line, method: MethodLook) -> str:
    counted, other = STANDINGS[method.method]
    return counted if line.is_counted else other


def _interval(line: Line) -> str:
    estimate = Estimate(line.raw, line.raw_se, line.edge, line.sd)
    low, high = estimate.interval or estimate.raw_interval
    return f"{signed_fixed(low, 2)} to {signed_fixed(high, 2)}"


def _scope(scope: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in scope.items()) or "any"


def _named(module: str) -> str:
    return {Module.PM.value: "pm (position management)", Module.DM.value: "dm (allocation)"}.get(module, module)


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _short(why: str) -> str:
    return why if len(why) <= LONGEST_REFUSAL else f"{why[:LONGEST_REFUSAL]}…"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def has_no_scope(looked: Looked) -> bool:
    """Return whether most trades of any module lack a scope."""
    bare = (Obstacle.NO_SCOPE, Obstacle.ONLY_TIMEFRAME)
    return any(
        sum(each.teaching.obstacles.get(obstacle, 0) for obstacle in bare) > each.teaching.full
        for each in looked.modules
    )


def lacks_units(looked: Looked) -> bool:
    """Return whether most trades of any module lack the bars that give their unit of risk."""
    return any(2 * each.teaching.excluded.get(NO_BARS, 0) > each.teaching.trades for each in looked.modules)


def has_no_unit(looked: Looked) -> bool:
    """Return whether trades lack a unit of risk that bars would give."""
    return any(NO_BARS in each.teaching.excluded for each in looked.modules)
