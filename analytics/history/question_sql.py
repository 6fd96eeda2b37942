"""A question as SQL over day files. Each name in it is of a closed list; what people say is a parameter.

Three steps, each over the same rows: page views that are kept; the visits that have one, each once; and the
spans of time in which they were open. What a dimension tells apart decides how the second is found: mostly by
a flag that `day_files` has set, else by grouping.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from analytics.history import day_tables
from analytics.history.buckets import Buckets
from analytics.history.day_tables import files
from analytics.history.dimensions import CURRENCY, DIMENSIONS, NEIGHBOURS, PAGE_NAMES, SERVER, Level
from analytics.history.duck import literal
from analytics.history.local_days import LocalDay, micros
from analytics.history.measures import MEASURES, OF_GOALS, OF_NUMBERS, Measure, Of
from analytics.history.patterns import Wildcards, pattern
from analytics.history.question import (
    IS,
    MATCH,
    NOT,
    NOT_MATCH,
    PAGE_GOAL,
    PROPERTY,
    HistoryFilter,
    HistoryGoal,
    HistoryQuestion,
    WrongQuestion,
    is_property,
    level_of,
    order_of,
)
from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.pages.escapes import one_form

# What is counted of events, beside the visits that have them.
OF_EVENTS = {
    "events": "count(*)",
    "views": "count(DISTINCT day_number(day) * 4294967296 + view)",
    "value": "sum(value)",
    "number_sum": "sum({number})",
    "number_mean": "avg({number})",
}
# What is counted of goals: visits that have them.
OF_GOAL_ROWS = ("visitors", "visits", "conversions", "conversion_rate", "goal_value")
NO_EVENTS = (
    "SELECT NULL::DATE AS day, NULL::UINTEGER AS view, NULL::BIGINT AS event, '' AS name, '' AS properties,"
    " NULL::DOUBLE AS value WHERE false"
)
DAY_NUMBER = "CREATE MACRO day_number(day) AS (day - DATE '1970-01-01')::BIGINT"
VISITOR = "day_number(day) * 4294967296 + visitor"
VISITS_COLUMNS = ("visit_views", "visit_events", "visit_engaged_ms", "visit_began", "visit_ended")
LONGEST = round(LONGEST_PAGE_VIEW.total_seconds() * 1_000_000)


@dataclass
class DayPaths:
    """The days of a span, and what files there are of them; `before`: those of the day before the span."""

    days: list[LocalDay]
    views: list[str]
    events: list[str]
    before_views: list[str]
    before_events: list[str]
    # Until when page views are looked at: the end, or now.
    until: datetime
    # Until when page views that began in the last day are counted.
    cut: datetime | None = None
    # Tables that hold those page views of these days, and of others, that the question's filters keep.
    rows: tuple[str, ...] = ()


@dataclass
class QuestionStatement:
    """SQL and its parameters; the rows have keys, measures, how many rows there are, and sums."""

    text: str
    values: dict[str, Any] = field(default_factory=dict)


class QuestionSql:
    """The SQL of one question over one span of days."""

    def __init__(self, question: HistoryQuestion, paths: DayPaths, buckets: Buckets) -> None:
        self._question = question
        self._paths = paths
        self._buckets = buckets
        self._values: dict[str, Any] = {}

    def statement(
        self, dimensions: Sequence[str], names: Sequence[str] | None = None, whole: bool = False
    ) -> QuestionStatement:
        """The table of these dimensions; without any, its one row is the totals.

        `names`: only these of the first dimension; `whole`: all rows. Raises WrongQuestion.
        """
        self._values = {}
        self._dimensions = dimensions
        measures = self._with_needs()
        wrong = next((name for name in measures if name not in OF_GOAL_ROWS), None)
        if wrong and self._of_goals:
            raise WrongQuestion("metrics", f"{wrong} is not known of goals.", OF_GOAL_ROWS)
        steps = [
            (of, step(measures))
            for of, step in (
                (Of.VIEWS, self._views),
                (Of.VISITS, self._visits),
                (Of.PRESENCE, self._presence),
            )
            if any(MEASURES[name].of is of for name in measures)
        ]
        keys = [f"k{number}" for number in range(len(dimensions))]
        joined = f"({steps[0][1]}) s0"
        for number, (_, step) in enumerate(steps[1:], 1):
            joined += (
                f" FULL JOIN ({step}) s{number} USING ({', '.join(keys)})"
                if keys
                else (f" CROSS JOIN ({step}) s{number}")
            )
        rows = [*keys, *(_shown(name, MEASURES[name]) for name in measures)]
        return self._told(f"WITH answer AS (SELECT {', '.join(rows)} FROM {joined})", keys, names, whole)

    def _told(
        self, text: str, keys: Sequence[str], names: Sequence[str] | None, whole: bool
    ) -> QuestionStatement:
        """The rows of `answer` as they are told."""
        kept = None
        if names is not None:
            kept = f"k0 IN ({', '.join(self._value(name) for name in names)})"
        elif keys and self._question.find:
            kept = " OR ".join(f"contains(lower(k0), {self._value(text)})" for text in self._sought())
        if kept:
            text += f", named AS (SELECT * FROM answer WHERE {kept})"
        asked = self._question.measures
        sums = [f"sum({name}) OVER ()" if MEASURES[name].adds else "NULL" for name in asked]
        columns = ", ".join([*keys, *asked, "count(*) OVER ()", *sums])
        text += f" SELECT {columns} FROM {'named' if kept else 'answer'}"
        if keys:
            text += f" ORDER BY {self._order(keys)}"
            if not whole:
                text += f" LIMIT {int(self._question.limit)} OFFSET {int(self._question.offset)}"
        return QuestionStatement(text, self._values)

    def _sought(self) -> list[str]:
        """What is looked for, as names have it in small letters: `ü` of pages as `%c3%bc` and `%c3%9c`."""
        text = self._question.find
        if self._dimensions[0] not in PAGE_NAMES:
            return [text.lower()]
        spelled = (text, text.lower(), text.upper(), text.capitalize())
        return list(dict.fromkeys(one_form(each).lower() for each in spelled))

    def _with_needs(self) -> list[str]:
        asked = self._question.measures
        needed = [need for name in asked for need in MEASURES[name].needs]
        return list(dict.fromkeys([*needed, *asked]))

    def _order(self, keys: Sequence[str]) -> str:
        name, falling = order_of(self._question)
        if name in self._dimensions:
            name = keys[list(self._dimensions).index(name)]
        elif name not in self._question.measures:
            name, falling = keys[0], False
        return ", ".join([f"{name} {'DESC' if falling else 'ASC'} NULLS LAST", *keys])

    @classmethod
    def rows_that_are_kept(
        cls, question: HistoryQuestion, paths: DayPaths, columns: Sequence[str], most: int
    ) -> QuestionStatement:
        """These columns of the page views of these days that the filters keep, `most` at most.

        `kept_entry` marks the first of each visit.
        """
        sql = cls(question, paths, Buckets(None))
        sql._dimensions = ()
        conditions = " AND ".join(sql._condition(each, before=False) for each in question.filters)
        named = ", ".join(f"r.{name}" for name in columns)
        rows = f"{sql._table(paths.views)} r{sql._beside(paths.views)}"
        text = (
            f"WITH kept AS MATERIALIZED (SELECT {named} FROM {rows} WHERE {conditions} LIMIT {most}),"
            " of_visit AS (SELECT day, min(view) AS view, true AS kept_entry FROM kept GROUP BY day, visit)"
            " SELECT k.*, coalesce(kept_entry, false) AS kept_entry"
            " FROM kept k LEFT JOIN of_visit USING (day, view)"
        )
        return QuestionStatement(text, sql._values)

    # Where rows come from, and which are kept.

    @property
    def _of_events(self) -> bool:
        return any(level_of(name) is Level.EVENT for name in self._dimensions)

    def _source(self, before: bool = False) -> str:
        views = [*(self._paths.before_views if before else ()), *self._paths.views]
        # Of no file, `_kept` keeps nothing; but there must be one to ask.
        views = views or self._paths.before_views
        source = f"{self._table(views)} r{self._beside(views)}"
        if self._paths.rows and not before:
            rows = " UNION ALL ".join(f"FROM {name}" for name in self._paths.rows)
            source = f"({rows}) r{self._beside(views, filters=False)}"
        if self._of_goals:
            return f"{source} JOIN ({self._goal_rows()}) e USING (day, visit)"
        if self._of_events:
            columns = "day, view, event, name, properties, value"
            if "property" in self._dimensions:
                columns += ", unnest(json_keys(properties)) AS property"
            events = files(self._paths.events) if self._paths.events else f"({NO_EVENTS})"
            source += f" JOIN (SELECT {columns} FROM {events}) e USING (day, view)"
        asked = self._question.measures
        if any(name in OF_GOALS for name in asked) and not before:
            source += f" LEFT JOIN ({self._converted()}) g USING (day, visit)"
        if any(name in OF_NUMBERS for name in asked) and not before and not self._of_events:
            source += f" LEFT JOIN ({self._numbers()}) n USING (day, view)"
        return source

    def _named(self, filters: bool = True) -> set[str]:
        """The dimensions that the question speaks of."""
        return {*self._dimensions, *(each.dimension for each in self._question.filters if filters)}

    def _table(self, views: Sequence[str]) -> str:
        """Files of page views as a table that has what the question speaks of."""
        return day_tables.views(views) if SERVER in self._named() else files(views)

    def _beside(self, views: Sequence[str], filters: bool = True) -> str:
        """Joins for what came before or after a page view, where it is told apart, or filtered, by that.

        Page views of a visit have numbers that follow each other.
        """
        named = self._named(filters)
        return "".join(
            f" LEFT JOIN (SELECT day, visit, view + ({step}) AS view, page AS {name} FROM {files(views)})"
            f" {name}_of USING (day, visit, view)"
            for name, step in NEIGHBOURS.items()
            if name in named
        )

    # Goals, and numbers that events say.

    @property
    def _of_goals(self) -> bool:
        return "goal" in self._dimensions

    def _wanted_goals(self) -> list[HistoryGoal]:
        wanted = self._question.conversion
        return [goal for goal in self._question.goals if goal.name == wanted or not wanted]

    def _goal_rows(self) -> str:
        """Each goal of each visit once, and for each currency of its values where that is asked."""
        goals = [
            f"SELECT day, visit, {self._value(goal.name)} AS goal, value, {currency} AS currency"
            for goal in self._question.goals
            for currency in [CURRENCY if "currency" in self._dimensions else "''"]
        ]
        reached = [self._reached([goal]) for goal in self._question.goals]
        rows = " UNION ALL ".join(
            f"{columns} FROM ({rows})" for columns, rows in zip(goals, reached, strict=True)
        )
        rows = (
            rows or f"SELECT day, visit, '' AS goal, 0.0 AS value, '' AS currency FROM ({self._reached([])})"
        )
        return (
            "SELECT day, visit, goal, currency, true AS converted, sum(value) AS goal_value"
            f" FROM ({rows}) GROUP BY ALL"
        )

    def _converted(self) -> str:
        """The visits that have the goal, or any of them."""
        reached = self._reached(self._wanted_goals())
        return (
            "SELECT day, visit, true AS converted, sum(value) AS goal_value"
            f" FROM ({reached}) GROUP BY day, visit"
        )

    def _reached(self, goals: Sequence[HistoryGoal], before: bool = False) -> str:
        """Where visits reached one of these: `day`, `visit`, `value` and `properties` of events or pages."""
        pages = [goal for goal in goals if goal.kind == PAGE_GOAL]
        events = [goal for goal in goals if goal.kind != PAGE_GOAL]
        view_files = [*(self._paths.before_views if before else ()), *self._paths.views]
        event_files = [*(self._paths.before_events if before else ()), *self._paths.events]
        rows = []
        if pages and view_files:
            like = " OR ".join(self._like("page", goal.pattern) for goal in pages)
            rows.append(
                "SELECT day, visit, NULL::DOUBLE AS value, NULL::VARCHAR AS properties"
                f" FROM {files(view_files)} WHERE ({like}){self._until('began')}"
            )
        if events and event_files:
            said = " OR ".join(self._said(goal) for goal in events)
            rows.append(
                f"SELECT day, visit, value, properties FROM {files(event_files)}"
                f" WHERE ({said}){self._until('moment')}"
            )
        return " UNION ALL ".join(rows) or (
            "SELECT NULL::DATE AS day, NULL::UINTEGER AS visit, NULL::DOUBLE AS value,"
            " NULL::VARCHAR AS properties WHERE false"
        )

    def _said(self, goal: HistoryGoal) -> str:
        """Whether an event is this goal."""
        like = self._like("name", goal.pattern)
        if not goal.property:
            return like
        column = self._property(goal.property)
        value = self._like(column, goal.value) if goal.value else f"{column} IS NOT NULL"
        return f"({like} AND coalesce({value}, false))"

    def _like(self, column: str, text: str) -> str:
        if "*" in text:
            return f"regexp_full_match({column}, {self._value(pattern(text))}, 's')"
        return f"{column} = {self._value(text)}"

    def _until(self, at: str) -> str:
        """What is compared with a day that runs ends as early as that."""
        if self._paths.cut is None:
            return ""
        last = literal(self._paths.days[-1].day)
        return f" AND NOT (day = {last}::DATE AND {at} >= {micros(self._paths.cut)})"

    def _numbers(self) -> str:
        """What the events of a page view say under the name that is asked, where it is a number."""
        if not self._paths.events:
            return (
                "SELECT NULL::DATE AS day, NULL::UINTEGER AS view, 0.0 AS number_sum, 0 AS number_count"
                " WHERE false"
            )
        number = self._number()
        return (
            f"SELECT day, view, sum({number}) AS number_sum, count({number}) AS number_count"
            f" FROM {files(self._paths.events)} GROUP BY day, view"
        )

    def _number(self) -> str:
        number = f"try_cast({self._property(self._question.number)} AS DOUBLE)"
        # "nan" and "inf" are texts that people write, and no numbers.
        return f"CASE WHEN isfinite({number}) THEN {number} END"

    def _kept(self, before: bool = False) -> str:
        if not self._paths.views and not before:
            return "false"
        conditions = []
        if not self._paths.rows or before:
            conditions = [self._condition(each, before) for each in self._question.filters]
        if self._paths.cut is not None:
            last = self._paths.days[-1]
            conditions.append(f"NOT (day = {literal(last.day)}::DATE AND began >= {micros(self._paths.cut)})")
        for name in self._dimensions:
            if is_property(name):
                conditions.append(f"{self._property(name)} IS NOT NULL")
                conditions += [
                    self._of_event(each)
                    for each in self._question.filters
                    if level_of(each.dimension) is Level.EVENT and each.dimension != "property"
                ]
        return " AND ".join(conditions) or "true"

    def _condition(self, wanted: HistoryFilter, before: bool) -> str:
        if level_of(wanted.dimension) is Level.GOAL:
            reached = self._reached(self._named_goals(wanted), before)
            positive = wanted.operator in (IS, MATCH)
            return f"(day, visit) {'IN' if positive else 'NOT IN'} (SELECT day, visit FROM ({reached}))"
        if level_of(wanted.dimension) is not Level.EVENT:
            return self._compare(DIMENSIONS[wanted.dimension].column, wanted)
        # Visits that have such an event; the opposite are those that have none.
        paths = [*(self._paths.before_events if before else ()), *self._paths.events]
        positive = wanted.operator in (IS, MATCH)
        if not paths:
            return "false" if positive else "true"
        alike = HistoryFilter(
            wanted.dimension, IS if "match" not in wanted.operator else MATCH, wanted.values
        )
        events = files(paths)
        if wanted.dimension == "property":
            events = f"(SELECT day, visit, unnest(json_keys(properties)) AS property FROM {events})"
        visits = f"SELECT day, visit FROM {events} WHERE {self._of_event(alike)}"
        return f"(day, visit) {'IN' if positive else 'NOT IN'} ({visits})"

    def _named_goals(self, wanted: HistoryFilter) -> list[HistoryGoal]:
        if wanted.operator in (IS, NOT):
            return [goal for goal in self._question.goals if goal.name in wanted.values]
        patterns = [Wildcards(value) for value in wanted.values]
        return [goal for goal in self._question.goals if any(each.match(goal.name) for each in patterns)]

    def _of_event(self, wanted: HistoryFilter) -> str:
        named = is_property(wanted.dimension)
        column = self._property(wanted.dimension) if named else DIMENSIONS[wanted.dimension].column
        return f"coalesce({self._compare(column, wanted)}, false)"

    def _compare(self, column: str, wanted: HistoryFilter) -> str:
        if wanted.operator in (MATCH, NOT_MATCH):
            patterns = "|".join(pattern(value) for value in wanted.values)
            condition = f"regexp_full_match({column}, {self._value(patterns)}, 's')"
        else:
            condition = f"{column} IN ({', '.join(self._value(value) for value in wanted.values)})"
        return condition if wanted.operator in (IS, MATCH) else f"NOT {condition}"

    def _property(self, name: str) -> str:
        pointer = name.removeprefix(PROPERTY).replace("~", "~0").replace("/", "~1")
        return f"json_extract_string(properties, {self._value('/' + pointer)})"

    def _value(self, value: str) -> str:
        name = f"p{len(self._values)}"
        self._values[name] = value
        return f"${name}"

    def _keys(self, at: str) -> list[str]:
        """The dimensions as expressions over a row whose moment is `at`."""
        found = []
        for number, name in enumerate(self._dimensions):
            if is_property(name):
                column = self._property(name)
            elif DIMENSIONS[name].level is Level.TIME:
                column = self._buckets.sql(at)
            elif self._of_goals and name == "currency":
                column = name
            else:
                column = DIMENSIONS[name].column
            found.append(f"{column} AS k{number}")
        return found

    @property
    def _timed(self) -> bool:
        return any(level_of(name) is Level.TIME for name in self._dimensions)

    def _with_days(self, source: str) -> str:
        if not self._timed:
            return source
        days = ", ".join(
            f"({literal(day.day)}::DATE, {micros(day.begins)}, {self._buckets.bases[day.day]})"
            for day in self._paths.days
        )
        return f"{source} JOIN (VALUES {days}) d (day, begins, base) USING (day)"

    def _grouped(self) -> str:
        keys = ", ".join(f"k{number}" for number in range(len(self._dimensions)))
        return f" GROUP BY {keys}" if keys else ""

    # The three steps.

    def _views(self, measures: Sequence[str]) -> str:
        aggregates = []
        for name in measures:
            if MEASURES[name].of is not Of.VIEWS:
                continue
            if self._of_events:
                if name not in OF_EVENTS:
                    raise WrongQuestion("metrics", f"{name} is not known of events.", tuple(OF_EVENTS))
                text = OF_EVENTS[name]
                if name in OF_NUMBERS:
                    text = text.format(number=self._number())
            else:
                text = MEASURES[name].sql.format(events="events", value="event_value")
            aggregates.append(f"{text} AS {name}")
        columns = ", ".join([*self._keys("began"), *aggregates])
        return (
            f"SELECT {columns} FROM {self._with_days(self._source())} WHERE {self._kept()}{self._grouped()}"
        )

    def _visits(self, measures: Sequence[str]) -> str:
        return self._each_visit(
            lambda visitors: [
                f"{self._measured(name, visitors)} AS {name}"
                for name in measures
                if MEASURES[name].of is Of.VISITS
            ]
        )

    def _measured(self, name: str, visitors: str) -> str:
        if self._of_goals and name == "conversion_rate":
            return f"count(*) / ({self._all_visits()})"
        return MEASURES[name].sql.format(visitors=visitors)

    def _all_visits(self) -> str:
        """How many visits there are, whether they have a goal or not."""
        views = f"{self._table(self._paths.views)} r{self._beside(self._paths.views)}"
        flag = self._flag(())
        if flag:
            return f"SELECT count(*) FROM {views} WHERE {self._kept()} AND {flag}"
        return f"SELECT count(*) FROM (SELECT DISTINCT day, visit FROM {views} WHERE {self._kept()})"

    def _each_visit(self, aggregates: Callable[[str], list[str]]) -> str:
        """`aggregates` over visits, each once; they are told how distinct visitors are counted."""
        plain = [name for name in self._dimensions if level_of(name) is not Level.TIME]
        flag = self._flag(plain)
        where = self._kept()
        # Keys that are no times are told before visits are grouped; times only of the first page view.
        told = [
            key for key, name in zip(self._keys("moment"), self._dimensions, strict=True) if name in plain
        ]
        names = [key.rpartition(" AS ")[2] for key in told]
        carried: tuple[str, ...] = VISITS_COLUMNS
        if any(name in OF_GOALS for name in self._question.measures):
            carried += ("converted", "goal_value")
        if flag:
            columns = [
                *told,
                "day",
                "visitor",
                "visit",
                "began AS moment",
                "utc_offset",
                "first",
                "first_on_page",
            ]
            inner = f"SELECT {', '.join([*columns, *carried])} FROM {self._source()} WHERE {where} AND {flag}"
        else:
            columns = [
                *(*told, "day", "visit", "any_value(visitor) AS visitor", "min(began) AS moment"),
                "arg_min(utc_offset, began) AS utc_offset",
                *(f"any_value({name}) AS {name}" for name in carried),
            ]
            inner = (
                f"SELECT {', '.join(columns)} FROM {self._source()} WHERE {where}"
                f" GROUP BY {', '.join([*names, 'day', 'visit'])}"
            )
        keys = [
            f"k{number}" if name in plain else f"{self._buckets.sql('moment')} AS k{number}"
            for number, name in enumerate(self._dimensions)
        ]
        source = self._with_days(f"({inner}) v")
        columns = [*keys, *aggregates(self._visitors(flag, plain))]
        return f"SELECT {', '.join(columns)} FROM {source}{self._grouped()}"

    def _flag(self, plain: Sequence[str]) -> str | None:
        """What marks the first kept page view of each visit within each group, where a flag does."""
        filtered = [each.dimension for each in self._question.filters]
        if any(level_of(name) in (Level.EVENT, Level.GOAL) for name in plain):
            return None
        levels = {level_of(name) for name in filtered} | {level_of(name) for name in plain}
        if self._paths.rows and all(level_of(name) is not Level.VIEW for name in plain):
            return "kept_entry"
        if Level.VIEW not in levels:
            return "entry"
        on_page = {name for name in (*filtered, *plain) if level_of(name) is Level.VIEW} == {"page"}
        return "entry_on_page" if on_page and "page" in plain else None

    def _visitors(self, flag: str | None, plain: Sequence[str]) -> str:
        by_day = not self._timed or self._buckets.dimension in ("day", "week", "month")
        if flag == "entry" and not self._question.filters and not plain and by_day:
            return "count(*) FILTER (WHERE first)"
        only_pages = all(each.dimension == "page" for each in self._question.filters)
        if flag == "entry_on_page" and list(plain) == ["page"] and only_pages and by_day:
            return "count(*) FILTER (WHERE first_on_page)"
        return f"count(DISTINCT {VISITOR})"

    def _presence(self, measures: Sequence[str]) -> str:
        """Levels after each change, of spans of presence; the same sweep as `tracker.rollups.minutes`."""
        aggregates = [
            f"{MEASURES[name].sql} AS {name}" for name in measures if MEASURES[name].of is Of.PRESENCE
        ]
        return self._levels(aggregates)

    def _levels(self, aggregates: Sequence[str], having: str = "") -> str:
        if self._of_events:
            raise WrongQuestion("metrics", "Nobody is there at once for events.", tuple(OF_EVENTS))
        since, until = micros(self._paths.days[0].begins), micros(self._paths.until)
        plain = [
            f"{DIMENSIONS[name].column} AS k{number}"
            for number, name in enumerate(self._dimensions)
            if level_of(name) is not Level.TIME
        ]
        names = [key.rpartition(" AS ")[2] for key in plain]
        with_names = "".join(f"{name}, " for name in names)
        each = f"PARTITION BY {', '.join(names)} " if names else ""
        ended = f"least(coalesce(ended, {until}), began + {LONGEST}, {until})"
        spans = [(0, since, until)] if not self._timed else self._buckets.spans
        lengths: dict[int, int] = {}
        for number, begins, ends in spans:
            lengths[number] = lengths.get(number, 0) + ends - begins
        buckets = ", ".join(f"({number}, {begins}, {lengths[number]})" for number, begins, _ in spans)
        groups = f"(SELECT DISTINCT {', '.join(names)} FROM stay)" if names else "(SELECT 1 AS one)"
        keys = [
            f"k{number}" if level_of(name) is not Level.TIME else f"bucket AS k{number}"
            for number, name in enumerate(self._dimensions)
        ]
        return f"""
        WITH open AS (
            SELECT {"".join(f"{key}, " for key in plain)}day, visitor, view,
                   greatest(began, {since}) AS began, {ended} AS ended
            FROM {self._source(before=True)}
            WHERE {self._kept(before=True)} AND began < {until} AND {ended} > {since}
        ), stay AS (
            -- Of each page view what none before it of that visitor covers: together all his time.
            SELECT {with_names}greatest(began, coalesce(max(ended) OVER (
                PARTITION BY {with_names}day, visitor ORDER BY began, view
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), began)) AS began, ended
            FROM open
        ), bucket (bucket, begins, length) AS (VALUES {buckets}), change AS (
            SELECT {with_names}began AS moment, 1 AS people FROM stay WHERE began < ended
            UNION ALL SELECT {with_names}ended, -1 FROM stay WHERE began < ended
            UNION ALL SELECT {with_names}begins, 0 FROM bucket CROSS JOIN {groups} g
        ), summed AS (
            SELECT {with_names}moment, sum(people)::BIGINT AS people FROM change GROUP BY {with_names}moment
        ), leveled AS (
            SELECT {with_names}moment, sum(people) OVER ({each}ORDER BY moment)::BIGINT AS level,
                   coalesce(lead(moment) OVER ({each}ORDER BY moment), moment) - moment AS after
            FROM summed
        ), placed AS (
            SELECT l.*, b.bucket, l.after / b.length AS lasted
            FROM leveled l ASOF JOIN bucket b ON l.moment >= b.begins WHERE l.moment < {until}
        )
        SELECT {", ".join([*keys, *aggregates])} FROM placed{self._grouped()}{having}
        """


def _shown(name: str, measure: Measure) -> str:
    if measure.of is Of.RATIO:
        top, bottom = measure.needs
        return f"coalesce({top}, 0) / nullif(coalesce({bottom}, 0), 0) AS {name}"
    return f"coalesce({name}, 0) AS {name}" if measure.adds else name


def day_list(first: date, last: date, zone: str) -> list[LocalDay]:
    """The days from `first` to `last`, both included."""
    return [
        LocalDay(date.fromordinal(number), zone) for number in range(first.toordinal(), last.toordinal() + 1)
    ]
