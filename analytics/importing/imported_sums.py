"""Sums of imported figures over days, by name or by day; and which measures these days tell at all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from analytics.importing.figures import MEASURES
from analytics.importing.imported_days import ImportedDays

# What measures of reports are made of: figures of files add up, ratios are those of sums.
RATIOS: Mapping[str, tuple[str, str]] = {
    "views_per_visit": ("views", "visits"),
    "bounce_rate": ("bounces", "visits"),
    "visit_seconds": ("visit_seconds", "visits"),
}
PLAIN = tuple(name for name in MEASURES if name not in RATIOS)
KNOWN = (*PLAIN, *RATIOS)

# Two files of one product may say the same figure: the later one had more of the day.
FIGURES = """
SELECT f.product, t.day, t.name, {largest}
FROM unnest(%s::bigint[], %s::date[]) AS d (file_id, day)
JOIN analytics_imported_figure t ON t.file_id = d.file_id AND t.day = d.day AND t.dimension = %s
JOIN analytics_imported_file f ON f.id = t.file_id
{where} GROUP BY f.product, t.day, t.name
""".format(largest=", ".join(f"max(t.{name}) AS {name}" for name in MEASURES), where="{where}")
SUMS = ", ".join(f"sum({name})::bigint" for name in MEASURES)
IS, NOT, LIKE, UNLIKE = "is", "not", "like", "unlike"
CONDITIONS = {
    IS: "t.name = ANY(%s)",
    NOT: "t.name <> ALL(%s)",
    LIKE: "t.name ~ ANY(%s)",
    UNLIKE: "NOT t.name ~ ANY(%s)",
}


class KeptNames(NamedTuple):
    """Which names are kept: these, or those like them (regular expressions of Postgres), or none of them."""

    how: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class NamedFigures:
    """Figures under a dimension, or in all (`figures.TOTAL`), of days that count."""

    days: ImportedDays
    dimension: str
    kept: KeptNames | None = None
    find: str = ""

    def known(self) -> Mapping[str, frozenset[str]]:
        """By measure, the products that tell it in these days: all figures 0 is nothing told."""
        text, values = self._figures()
        told = self._rows(f"SELECT product, {SUMS} FROM ({text}) x GROUP BY product", values)  # noqa: S608
        return {
            name: frozenset(product for product, *sums in told if sums[at])
            for at, name in enumerate(MEASURES)
        }

    def by_day(self) -> list[tuple[date, str, dict[str, int]]]:
        """The sums of each day, with the product that counted it."""
        text, values = self._figures()
        rows = self._rows(
            f"SELECT day, product, {SUMS} FROM ({text}) x GROUP BY day, product ORDER BY day",  # noqa: S608
            values,
        )
        return [(day, product, dict(zip(MEASURES, sums, strict=True))) for day, product, *sums in rows]

    def most(self, limit: int) -> list[tuple[str, dict[str, int]]]:
        """The sums of the names that most visitors have."""
        text, values = self._figures()
        rows = self._rows(
            f"SELECT name, {SUMS} FROM ({text}) x GROUP BY name"  # noqa: S608
            " ORDER BY sum(visitors) DESC, sum(views) DESC, name LIMIT %s",
            [*values, limit],
        )
        return [(name, dict(zip(MEASURES, sums, strict=True))) for name, *sums in rows]

    def by_name(
        self, measures: Sequence[str], order: str, falling: bool, limit: int, offset: int
    ) -> tuple[list[list[Any]], int]:
        """Rows of a name and these measures, and how many there are; `order`: a measure, or "" for names."""
        known = self.known()
        columns, products = [], []
        for at, measure in enumerate(measures):
            column, of = _column(measure, known)
            columns.append(f"{column} AS m{at}")
            products += of
        by = f"m{measures.index(order)}" if order in measures else "name"
        text, values = self._figures()
        rows = self._rows(
            f"SELECT name, {', '.join(columns)}, count(*) OVER () FROM ({text}) x GROUP BY name"  # noqa: S608
            f" ORDER BY {by} {'DESC' if falling else 'ASC'} NULLS LAST, name LIMIT %s OFFSET %s",
            [*products, *values, limit, offset],
        )
        return [list(row[:-1]) for row in rows], int(rows[0][-1]) if rows else 0

    def _figures(self) -> tuple[str, list[Any]]:
        pairs = [(file, day) for file, days in self.days.by_file.items() for day in days]
        values: list[Any] = [[file for file, _ in pairs], [day for _, day in pairs], self.dimension]
        conditions = []
        if self.kept:
            conditions.append(CONDITIONS[self.kept.how])
            values.append([_storable(name) for name in self.kept.names])
        if self.find:
            conditions.append("position(lower(%s) in lower(t.name)) > 0")
            values.append(_storable(self.find))
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return FIGURES.format(where=where), values

    def _rows(self, text: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            return list(cursor.fetchall())


def _storable(text: str) -> str:
    """A text that Postgres takes; nothing that is stored has what is put in the place of the others."""
    return text.replace("\0", "\ufffd")


def told(
    rows: Iterable[tuple[str, Mapping[str, int]]],
    measures: Sequence[str],
    known: Mapping[str, frozenset[str]],
) -> list[Any]:
    """The measures of these sums by product together; None for what none of them tells."""
    sums = list(rows)

    def total(name: str, of: frozenset[str]) -> int:
        return sum(figures[name] for product, figures in sums if product in of)

    values: list[Any] = []
    for measure in measures:
        above, below = RATIOS.get(measure, (measure, measure))
        of = known.get(above, frozenset()) & known.get(below, frozenset())
        if measure not in KNOWN or not any(product in of for product, _ in sums):
            values.append(None)
        elif measure in RATIOS:
            values.append(total(above, of) / total(below, of) if total(below, of) else None)
        else:
            values.append(total(measure, of))
    return values


def _column(measure: str, known: Mapping[str, frozenset[str]]) -> tuple[str, list[list[str]]]:
    """A measure as SQL over sums of a name, and the products whose figures it takes."""
    above, below = RATIOS.get(measure, (measure, measure))
    of = sorted(known.get(above, frozenset()) & known.get(below, frozenset()))
    if measure not in KNOWN or not of:
        return "NULL::bigint", []
    some = "FILTER (WHERE product = ANY(%s))"
    if measure in RATIOS:
        return f"sum({above}) {some}::float8 / nullif(sum({below}) {some}, 0)", [of, of]
    return f"(sum({measure}) {some})::bigint", [of]
