"""A question in two statements: the parts of each day, which are kept, and what those of many days come to.

Text is made as in `question_sql`: each name in it is of a closed list, what people say is a parameter.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from analytics.history.buckets import STEPS, Buckets, buckets
from analytics.history.dimensions import Level
from analytics.history.local_days import LocalDay, micros
from analytics.history.measures import Of
from analytics.history.parts import FROM_PARTS, PARTS
from analytics.history.question import HistoryQuestion, WrongQuestion, level_of
from analytics.history.question_sql import OF_EVENTS, DayPaths, QuestionSql, QuestionStatement

# A day on which clocks are set back.
LONGEST_DAY = timedelta(hours=26)
# Of the events of a day: page views have numbers of their day.
PARTS_OF_EVENTS = {"events": "count(*)", "views": "count(DISTINCT view)", "value": "sum(value)"}
# How many buckets of a day there may be.
STRIDES = {**{name: LONGEST_DAY // step for name, step in STEPS.items()}, "weekday_hour": 24}


class PartsSql(QuestionSql):
    """Parts of a run of days, told apart by day: rows of `slot`, `sub` (bucket of the day), keys, parts."""

    def __init__(self, question: HistoryQuestion, dimensions: Sequence[str], paths: DayPaths) -> None:
        self._within = within(dimensions)
        super().__init__(question, paths, _apart(self._within, paths.days, paths.until))
        self._plain = plain(dimensions)

    def parts(self, parts: Sequence[str], slots: Sequence[int]) -> QuestionStatement:
        """`slots`: a number for each of the days."""
        self._values = {}
        self._dimensions = (*self._plain, self._within)
        keys = [f"k{number}" for number in range(len(self._dimensions))]
        joined, *others = self._steps(parts)
        for number, step in enumerate(others, 1):
            joined = f"{joined} s{number - 1} FULL JOIN {step} s{number} USING ({', '.join(keys)})"
        stride = STRIDES.get(self._within, 1)
        listed = ", ".join(map(str, slots))
        bucket = keys[-1]
        columns = [
            f"([{listed}])[{bucket} // {stride} + 1] AS slot",
            f"{bucket} % {stride} AS sub",
            *keys[:-1],
            *parts,
        ]
        return QuestionStatement(f"SELECT {', '.join(columns)} FROM {joined}", self._values)

    def _steps(self, parts: Sequence[str]) -> list[str]:
        of = {each: [name for name in parts if PARTS[name].of is each] for each in Of}
        flag = self._flag(self._plain)
        steps = []
        if flag and of[Of.VISITS]:
            # A visit's page view that is flagged stands for it: both are counted in one pass.
            columns = [*self._keys("began"), *self._aggregates(of[Of.VIEWS] + of[Of.VISITS], flag)]
            # Where nothing is counted of page views, no hour has a row in which no visit began.
            asked = "" if of[Of.VIEWS] else f" AND {flag}"
            source = f"{self._with_days(self._source())} WHERE {self._kept()}{asked}"
            steps.append(f"(SELECT {', '.join(columns)} FROM {source}{self._grouped()})")
        else:
            if of[Of.VIEWS]:
                columns = [*self._keys("began"), *self._aggregates(of[Of.VIEWS], "true")]
                source = f"{self._with_days(self._source())} WHERE {self._kept()}"
                steps.append(f"(SELECT {', '.join(columns)} FROM {source}{self._grouped()})")
            if of[Of.VISITS]:
                steps.append(f"({self._each_visit(lambda _: self._aggregates(of[Of.VISITS], 'true'))})")
        if of[Of.PRESENCE]:
            # Of names of which nobody was there on a day, there is nothing to keep.
            having = " HAVING max(level) > 0" if self._plain else ""
            steps.append(f"({self._levels(self._aggregates(of[Of.PRESENCE], 'true'), having)})")
        return steps

    def _aggregates(self, parts: Sequence[str], kept: str) -> list[str]:
        if self._of_events:
            return self._of_said(parts)
        visitors = self._visitors(kept, self._plain).replace("(WHERE ", f"(WHERE {kept} AND ")
        if "DISTINCT" in visitors:
            # Rows are grouped by day, in which numbers of visitors are alone.
            visitors = f"count(DISTINCT visitor) FILTER (WHERE {kept})"
        return [f"{PARTS[name].sql.format(kept=kept, visitors=visitors)} AS {name}" for name in parts]

    def _of_said(self, parts: Sequence[str]) -> list[str]:
        """The same of events, and of the visits that have them."""
        aggregates = []
        for name in parts:
            if PARTS[name].of is Of.VIEWS and name not in PARTS_OF_EVENTS:
                raise WrongQuestion("metrics", "This is not known of events.", tuple(OF_EVENTS))
            text = PARTS_OF_EVENTS.get(name) or PARTS[name].sql.format(
                kept="true", visitors="count(DISTINCT visitor)"
            )
            aggregates.append(f"{text} AS {name}")
        return aggregates


class MergedSql(QuestionSql):
    """The answer out of kept parts; asked by the same names as `QuestionSql.statement`."""

    def merged(
        self,
        dimensions: Sequence[str],
        parts: Sequence[str],
        tables: Sequence[str],
        slots: Mapping[LocalDay, int],
        names: Sequence[str] | None = None,
        whole: bool = False,
    ) -> QuestionStatement:
        """`tables`: where the parts are, `slots`: which rows of them are of which day."""
        self._values = {}
        self._dimensions = dimensions
        keys = [f"k{number}" for number in range(len(dimensions))]
        columns, plain_keys = [], 0
        for key, name in zip(keys, dimensions, strict=True):
            if level_of(name) is Level.TIME:
                columns.append(f"base + sub AS {key}")
            else:
                columns.append(f"p.k{plain_keys} AS {key}")
                plain_keys += 1
        aggregates = [f"{PARTS[name].merged.format(name=name)} AS {name}" for name in parts]
        rows = " UNION ALL ".join(f"SELECT * FROM {table}" for table in tables)
        bases = ", ".join(f"({slot}, {self._buckets.bases[day.day]})" for day, slot in slots.items())
        grouped = f" GROUP BY {', '.join(map(str, range(1, len(keys) + 1)))}" if keys else ""
        merged = (
            f"SELECT {', '.join([*columns, *aggregates])} FROM ({rows}) p"
            f" JOIN (VALUES {bases}) d (slot, base) USING (slot){grouped}"
        )
        told = [f"{FROM_PARTS[name].sql} AS {name}" for name in self._question.measures]
        length = f"{self._length(keys)} AS length, " if "presence" in parts else ""
        text = (
            f"WITH merged AS ({merged}), answer AS (SELECT {', '.join([*keys, *told])}"
            f" FROM (SELECT {length}* FROM merged) m)"
        )
        return self._told(text, keys, names, whole)

    def _length(self, keys: Sequence[str]) -> str:
        """How long the time of a row is, in µs."""
        if not self._timed:
            return str(micros(self._paths.until) - micros(self._paths.days[0].begins))
        lengths: dict[int, int] = {}
        for number, begins, ends in self._buckets.spans:
            lengths[number] = lengths.get(number, 0) + ends - begins
        most = max(lengths, default=0)
        listed = ", ".join(str(lengths.get(number, 0) or "NULL") for number in range(most + 1))
        times = [
            key for key, name in zip(keys, self._dimensions, strict=True) if level_of(name) is Level.TIME
        ]
        return f"([{listed}]::BIGINT[])[{times[0]} + 1]"


def plain(dimensions: Sequence[str]) -> tuple[str, ...]:
    """Those that are no times."""
    return tuple(name for name in dimensions if level_of(name) is not Level.TIME)


def within(dimensions: Sequence[str]) -> str:
    """By what a day's parts are told apart, that they may come to any time that is asked for."""
    times = [name for name in dimensions if level_of(name) is Level.TIME]
    return times[0] if times and times[0] in STRIDES else "day"


def _apart(dimension: str, days: Sequence[LocalDay], until: datetime) -> Buckets:
    """Buckets of these days with numbers of their own: those of a day begin at a multiple of its stride."""
    made = Buckets(dimension)
    for number, day in enumerate(days):
        base = number * STRIDES.get(dimension, 1)
        made.bases[day.day] = base
        alone = buckets(dimension, [day], until)
        made.spans += [
            (base + each - alone.bases[day.day], begins, ends) for each, begins, ends in alone.spans
        ]
    return made
