"""Stores windows: one row for each series and window, in one transaction for all that ended together."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

import psycopg

from tracker.signals import signal_tables
from tracker.signals.datapoint import Series
from tracker.signals.signal_tables import Kept
from tracker.signals.windows import SERIES_MOST, Row

STAGE = """
CREATE TEMPORARY TABLE stage (LIKE tracker_signal) ON COMMIT DELETE ROWS
"""
# The same batch twice, after a connection that was lost during COMMIT, changes nothing.
STORE = "INSERT INTO tracker_signal SELECT * FROM stage ON CONFLICT DO NOTHING"
LEARN = """
INSERT INTO tracker_series (name, kind, tags, last_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::timestamptz[])
ON CONFLICT (name, kind, tags) DO UPDATE SET last_at = greatest(tracker_series.last_at, excluded.last_at)
RETURNING id, name, kind, tags::text
"""
COPY = """
COPY stage (series_id, seconds, at, run, count, sum, last, least, most, p50, p90, p99, deviation, "distinct")
FROM STDIN
"""
# Often enough that no series is forgotten whose windows are there, rarely enough to cost nothing.
HEARD_SECONDS = 3600
AHEAD_SECONDS = 600
# Series and partitions that are remembered: names that are made up without end must not stay for ever.
REMEMBERED_MOST = 2 * SERIES_MOST


class SignalStore:
    """The write side of one connection, in autocommit; not for use by two threads."""

    def __init__(self, connection: psycopg.Connection, run: int, kept: Sequence[Kept]) -> None:
        """`run`: a number of this process' own. Raises psycopg.Error."""
        self._connection = connection
        self.run = run
        """Of the windows that are written from now on."""
        self._kept = {each.seconds: each for each in kept}
        self._made: set[tuple[int, int]] = set()
        self._ids: dict[Series, int] = {}
        self._heard: dict[Series, int] = {}
        connection.execute(STAGE)

    def write(self, rows: Sequence[Row]) -> None:
        """Store windows, each once however often it is tried. Raises psycopg.Error with nothing stored."""
        self._forget()
        for seconds, at in {(row.seconds, row.at) for row in rows}:
            self._partition(self._kept[seconds], at)
            self._partition(self._kept[seconds], at + AHEAD_SECONDS)
        self._learn(rows)
        with self._connection.transaction():
            with self._connection.cursor().copy(COPY) as copy:
                for window, some in groupby(rows, key=lambda row: (row.seconds, row.at)):
                    copy.write(self._lines(*window, some))
            self._connection.execute(STORE)

    def _forget(self) -> None:
        """Rather ask again for what is there than remember all that ever was."""
        for remembered in (self._ids, self._heard, self._made):
            if len(remembered) > REMEMBERED_MOST:
                self._ids.clear()
                self._heard.clear()
                self._made.clear()

    def _partition(self, length: Kept, at: int) -> None:
        place = length.seconds, at // length.share
        if place not in self._made:
            signal_tables.ensure(self._connection, length, at)
            self._made.add(place)

    def _learn(self, rows: Sequence[Row]) -> None:
        """Find the ids of series that are new here, and say of the others now and then that they live."""
        said = {row.series: row.at for row in rows}
        due = {each: at for each, at in said.items() if at - self._heard.get(each, 0) >= HEARD_SECONDS}
        if not due:
            return
        learned = self._connection.execute(
            LEARN,
            [
                [each.name for each in due],
                [each.kind.value for each in due],
                [_tags(each) for each in due],
                [datetime.fromtimestamp(at, UTC) for at in due.values()],
            ],
        )
        by_text = {(each.name, each.kind.value, _tags(each)): each for each in due}
        for number, name, kind, tags in learned:
            series = by_text[name, kind, _as_ours(tags)]
            self._ids[series] = number
        # Only now: what failed is tried again.
        self._heard |= due

    def _lines(self, seconds: int, at: int, rows: Iterable[Row]) -> str:
        """The rows of one window as COPY reads them: numbers only, so nothing needs to be escaped."""
        window = f"{seconds}\t{datetime.fromtimestamp(at, UTC).isoformat()}\t{self.run}"
        lines = [
            f"{self._ids[row.series]}\t{window}\t{row.count}\t{row.sum}\t{row.last}\t{row.least}\t{row.most}"
            f"\t{row.p50}\t{row.p90}\t{row.p99}\t{row.deviation}\t{row.distinct}\n"
            for row in rows
        ]
        return "".join(lines).replace("None", r"\N")


def _tags(series: Series) -> str:
    return json.dumps(dict(series.tags), ensure_ascii=False, sort_keys=True)


def _as_ours(tags: str) -> str:
    """Postgres has an order of its own for the keys of `jsonb`."""
    return json.dumps(json.loads(tags), ensure_ascii=False, sort_keys=True)
