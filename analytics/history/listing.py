"""Answers what is listed: looks at the newest days first, and no further back than the rows reach."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb

from analytics.history.buckets import buckets
from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.day_store import DayStore, Found
from analytics.history.list_sql import OWN, ListSql
from analytics.history.local_days import from_micros
from analytics.history.question import HistoryQuestion, Span
from analytics.history.question_sql import DayPaths, QuestionStatement
from analytics.history.visit_list import (
    ONE_VISIT,
    VISITS,
    ListAnswer,
    ListPlace,
    ListQuestion,
    check_list,
    spans_back,
)


class ListAnswering:
    """Lists what a store of days has."""

    def __init__(self, store: DayStore) -> None:
        self._store = store

    def answer(self, duck: duckdb.DuckDBPyConnection, asked: ListQuestion, now: datetime) -> ListAnswer:
        """The rows, as of `now` or a little earlier.

        Raises WrongQuestion, duckdb.Error, psycopg.Error, OSError.
        """
        check_list(asked)
        return self._store.answered(lambda looked: self._answer(duck, asked, now, looked))

    def _answer(
        self, duck: duckdb.DuckDBPyConnection, asked: ListQuestion, now: datetime, looked: list[Found]
    ) -> ListAnswer:
        question, span = asked.question, asked.question.span
        if asked.what == ONE_VISIT and asked.after:
            span = Span(asked.after.day, asked.after.day)
        elif asked.after:
            span = Span(span.first, min(span.last, asked.after.day))
        rows: list[dict[str, Any]] = []
        # One more than is told says whether there are more.
        wanted = question.limit + 1
        for piece in spans_back(span):
            found = self._store.find(
                question.site_id, question.zone, piece.first, piece.last, now, question.wait
            )
            looked.append(found)
            sql = _sql(question, found, now)
            if sql is not None:
                rows += self._rows(duck, asked, sql, wanted - len(rows))
            if len(rows) >= wanted:
                break
        more = len(rows) >= wanted and asked.what != ONE_VISIT
        rows = rows[: question.limit]
        moments = [found.as_of for found in looked if found.as_of]
        return ListAnswer(
            as_of=min(moments, default=now),
            rows=rows,
            next=str(rows[-1]["id"]) if more else None,
            missing_days=sorted({day for found in looked for day in found.missing}),
            damaged_days=sorted({day for found in looked for day in found.damaged}),
        )

    def _rows(
        self, duck: duckdb.DuckDBPyConnection, asked: ListQuestion, sql: "PagedSql", limit: int
    ) -> list[dict[str, Any]]:
        if asked.what == ONE_VISIT and asked.after:
            return [_whole(duck, sql, row) for row in _run(duck, sql.sql.one(asked.after))]
        if asked.what == VISITS:
            return _visits(duck, sql, _run(duck, sql.sql.visits(asked.after, limit)))
        if not sql.has_events:
            return []
        return [_event(row) for row in _run(duck, sql.sql.events(asked.after, limit))]


class PagedSql:
    """The statements about a piece of the span, and whether anything was said in it."""

    def __init__(self, sql: ListSql, has_events: bool) -> None:
        self.sql = sql
        self.has_events = has_events


def _sql(question: HistoryQuestion, found: Found, now: datetime) -> PagedSql | None:
    """None where there are no page views."""
    views, events = found.of(VIEWS, found.days), found.of(EVENTS, found.days)
    if not views:
        return None
    until = found.until(found.days, now)
    paths = DayPaths(found.days, views, events, [], [], until)
    return PagedSql(ListSql(question, paths, buckets(None, found.days, until)), bool(events))


def _run(duck: duckdb.DuckDBPyConnection, statement: QuestionStatement) -> list[tuple[Any, ...]]:
    return duck.execute(statement.text, statement.values).fetchall()


def _visits(
    duck: duckdb.DuckDBPyConnection, sql: PagedSql, rows: Sequence[tuple[Any, ...]]
) -> list[dict[str, Any]]:
    if not rows:
        return []
    keys = [row[:2] for row in rows]
    paths = {row[:2]: row[2:] for row in _run(duck, sql.sql.paths(keys))}
    events: dict[tuple[Any, ...], dict[str, int]] = {}
    if sql.has_events:
        for day, visit, name, count in _run(duck, sql.sql.names(keys)):
            events.setdefault((day, visit), {})[name] = count
    shown = []
    for row in rows:
        visit = _visit(row)
        visit["path"], visit["live"] = paths[row[:2]]
        visit["said"] = events.get(row[:2], {})
        shown.append(visit)
    return shown


def _visit(row: Sequence[Any]) -> dict[str, Any]:
    own = dict(zip(OWN, row, strict=True))
    day, number, visitor = own.pop("day"), own.pop("visit"), own.pop("visitor")
    began, ended = own.pop("visit_began"), own.pop("visit_ended")
    return {
        "id": str(ListPlace(day, began, number)),
        "at": _told(began),
        # A number of the day, in the order of who came first: nothing of it outlives the day.
        "visitor": visitor,
        "seconds": (ended - began) / 1e6,
        "engaged_seconds": own.pop("visit_engaged_ms") / 1e3,
        "views": own.pop("visit_views"),
        "events": own.pop("visit_events"),
        **own,
    }


def _whole(duck: duckdb.DuckDBPyConnection, sql: PagedSql, row: tuple[Any, ...]) -> dict[str, Any]:
    (visit,) = _visits(duck, sql, [row])
    said: dict[int, list[dict[str, Any]]] = {}
    if sql.has_events:
        for view, moment, name, properties, value in _run(duck, sql.sql.events_of(row[:2])):
            event = {"at": _told(moment), "name": name, "properties": _json(properties), "value": value}
            said.setdefault(view, []).append(event)
    visit["page_views"] = [
        {
            "at": _told(began),
            "seconds": None if ended is None else (ended - began) / 1e6,
            "engaged_seconds": engaged / 1e3,
            "depth": depth,
            "page": page,
            "title": title,
            "query": query,
            "server": server,
            "events": said.get(view, []),
        }
        for view, began, ended, engaged, depth, page, title, query, server in _run(
            duck, sql.sql.views_of(row[:2])
        )
    ]
    return visit


def _event(row: tuple[Any, ...]) -> dict[str, Any]:
    day, moment, number, name, properties, value, visit, began, page, title, country, referrer, device = row
    return {
        "id": str(ListPlace(day, moment, number)),
        "at": _told(moment),
        "name": name,
        "properties": _json(properties),
        "value": value,
        "page": page,
        "title": title,
        "visit": str(ListPlace(day, began, visit)),
        "country": country,
        "referrer": referrer,
        "device": device,
    }


def _told(micros: int) -> str:
    return from_micros(micros).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(text: str | None) -> Any:
    return json.loads(text) if text else {}
