"""What the past costs: sealing it, keeping it, and the questions of a report page, beside plain SQL."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import psycopg

from analytics.board.report_tables import FIGURES, TABLES, ReportTab
from bench import processes
from bench.figures import Figure
from bench.progress import say
from bench.targets import TARGETS, Ground, ServerProcess, running
from scripts.stands import process_tree
from scripts.stands.checkout import ROOT
from scripts.stands.past import SeededPast, fill
from scripts.stands.product import Product

VIEWS = "BENCH_HISTORY_VIEWS"
DAYS = 90
# Of the ten million, so many are of today.
TODAY = 0.03
AT_ONCE = 6  # connections, as browsers have
PEOPLE = 20
# Each is asked for the first time: who presses a name has not pressed it before.
FILTERS = [
    {"country": countries, "device": [device], "page.match": [f"/{folder}/**"]}
    for countries, device, folder in (
        (["DE", "US"], "desktop", "blog"),
        (["GB"], "mobile", "docs"),
        (["FR", "BR", "IN"], "desktop", "products"),
        (["DE"], "mobile", "help"),
        (["JP", "NL"], "desktop", "docs"),
    )
]
# What the page shows, as somebody would ask it of the tables: all but visitors at once.
BASELINE = """
SELECT date_trunc('day', began_at, 'UTC'), count(*), count(DISTINCT visitor), count(DISTINCT visit_id),
       avg(engaged_ms) FROM tracker_pageview WHERE {where} GROUP BY 1;
SELECT date_trunc('day', began_at, 'UTC'), count(*), avg(ended_at - began_at),
       count(*) FILTER (WHERE views = 1 AND events = 0 AND engaged_ms < 10000)
FROM tracker_visit WHERE {where} GROUP BY 1;
SELECT path, count(*), count(DISTINCT visitor), avg(engaged_ms) FROM tracker_pageview WHERE {where}
GROUP BY 1 ORDER BY 2 DESC LIMIT 10;
SELECT referrer, count(DISTINCT visitor), count(*) FROM tracker_visit WHERE {where} GROUP BY 1
ORDER BY 2 DESC LIMIT 10;
SELECT country, count(DISTINCT visitor), count(*) FROM tracker_visit WHERE {where} GROUP BY 1
ORDER BY 2 DESC LIMIT 10;
SELECT browser, count(DISTINCT visitor), count(*) FROM tracker_visit WHERE {where} GROUP BY 1
ORDER BY 2 DESC LIMIT 10;
SELECT extract(isodow FROM began_at), extract(hour FROM began_at), count(*) FROM tracker_pageview
WHERE {where} GROUP BY 1, 2
"""
WHERE = (
    "site_id = (SELECT id FROM tracker_site WHERE key = %(key)s)"
    " AND began_at >= now() - %(since)s * interval '1 day'"
    " AND began_at < now() - %(until)s * interval '1 day'"
)
SIZES = """
SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
WHERE inhparent IN ('tracker_pageview'::regclass, 'tracker_visit'::regclass)
"""
SEALED = "SELECT coalesce(sum(rows) FILTER (WHERE kind = 'views'), 0), sum(length(file)) FROM history_day"


def history(on: Ground, quick: bool) -> Iterator[Figure]:
    """Ten million page views of 90 days: sealing them, their size, a report page beside plain SQL."""
    views = int(float(os.environ.get(VIEWS, 200_000 if quick else 10_000_000)))
    with running(TARGETS["footfall"], on) as server:
        assert server.product
        say(f"history: {views:,} page views of {DAYS} days")
        past = SeededPast(views, DAYS, today=round(views * TODAY))
        stored = fill(server.database_url, server.key, past, datetime.now(UTC))
        say("history: sealing")
        yield from _sealing(server, server.product, stored)
        yield from _changelists(server.product)
        yield from _asked(server, server.product, past, stored)


def _asked(server: ServerProcess, product: Product, past: SeededPast, stored: int) -> Iterator[Figure]:
    """What a report page costs, over HTTP."""
    page = _ReportPage(server, product)
    say("history: plain SQL")
    baseline = _plain_sql(server)
    say("history: the report page")
    cold = page.timed(page.figures("30d", {}))
    yield cold.figure("first question after a start, 30 days", 1_500, f"{stored:,} page views")
    first = page.timed(*page.questions("30d", {}))
    warm = page.median("30d", {})
    yield warm.figure("page of 30 days, compared", 200, first.told("the first time"))
    note = f"plain SQL {baseline * 1000:,.0f} ms"
    yield Figure("history", "page of 30 days / plain SQL", baseline / warm.seconds, "×", 30, note=note)
    renewed = page.renewed("30d", {})
    yield renewed.figure("the same once today has been read anew", 250, f"{past.today:,} page views today")
    yield from _filtered(page, "30d", 600)
    first = page.timed(*page.questions("90d", {}))
    warm = page.median("90d", {})
    yield warm.figure("page of 90 days, compared", 300, first.told("the first time"))
    yield from _filtered(page, "90d", 1_200)
    for filters, name in (({}, "slowest table"), (FILTERS[0], "slowest table under a filter")):
        tables = {tab: page.timed(query) for tab, query in page.tables("30d", filters).items()}
        slowest = sorted(tables, key=lambda tab: -tables[tab].seconds)[:3]
        note = ", ".join(f"{tab} {tables[tab].seconds * 1000:,.0f}" for tab in slowest)
        yield tables[slowest[0]].figure(name, 150, note)
    yield page.median("today", {}).figure("page of today", 250)
    yield from _impacts(page)
    sweep = page.timed(page.presence("30d", {}))
    again = page.timed(page.presence("30d", {}))
    note = sweep.told("the first time; the page shows the rest before it")
    yield again.figure("visitors at once, 30 days", 200, note)
    yield from _many_people(server, page)


def _changelists(product: Product) -> Iterator[Figure]:
    """What the administration's lists of page views and visits take, by the medians of ten."""
    cookie = product.staff_cookie
    for table in ("pageview", "visit"):
        times = []
        for _ in range(10):
            began = time.monotonic()
            connection = HTTPConnection("127.0.0.1", product.port, timeout=120)
            connection.request("GET", f"/admin/tracker/{table}/", headers={"Cookie": cookie})
            response = connection.getresponse()
            response.read()
            connection.close()
            assert response.status == 200
            times.append(time.monotonic() - began)
        name = f"list of {table}s in the administration"
        yield Figure("history", name, statistics.median(times) * 1000, "ms", 100, at_most=True)


def _impacts(page: "_ReportPage") -> Iterator[Figure]:
    """What ten minutes meant to people: of today, whose page views lie in Postgres, and of a sealed day."""
    for name, day in (("today", 0), ("three weeks ago", 21)):
        first, *times = [page.impact(day * 1440 + 30 + number) for number in range(10)]
        yield _median(times).figure(f"what ten minutes meant, {name}", 150, first.told("the first time"))


def _many_people(server: ServerProcess, page: "_ReportPage") -> Iterator[Figure]:
    """Twenty people under filters of their own, for ten seconds, and what live counts notice of them."""
    until = time.monotonic() + 10
    pages = 0

    def reads(number: int) -> int:
        looked = 0
        while time.monotonic() < until:
            filters = {"browser": ["Chrome"], "page.not": [f"/page-{number}-{looked}"]}
            looked += all(page.status(query) == 200 for query in page.questions("30d", filters))
        return looked

    with ThreadPoolExecutor(PEOPLE) as people:
        reading = [people.submit(reads, number) for number in range(PEOPLE)]
        slowest = 0.0
        while time.monotonic() < until:
            began = time.monotonic()
            page.live()
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.1)
        pages = sum(each.result() for each in reading)
    note = f"{pages} pages"
    name = f"{PEOPLE} people ask at once: slowest live count"
    yield Figure("history", name, slowest * 1000, "ms", 1_000, at_most=True, note=note)
    most = max(_peak(process) for process in process_tree.family(server.roots[0]))
    yield Figure("history", "memory of a process at most", most, "MB", 700, at_most=True)


def _peak(process: int) -> float:
    """MB of a process at most since it began; 0 where it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _filtered(page: "_ReportPage", period: str, goal: float) -> Iterator[Figure]:
    """A page under filters that nobody has asked for before, and then again."""
    firsts = [page.timed(*page.questions(period, filters)) for filters in FILTERS]
    seconds = [each.seconds * 1000 for each in firsts]
    note = f"{min(seconds):,.0f} to {max(seconds):,.0f}"
    name = f"page of {period[:2]} days under a new filter"
    yield _median(firsts).figure(name, goal, note)
    yield page.median(period, FILTERS[-1]).figure(f"{name}, again", goal)


def _sealing(server: ServerProcess, product: Product, stored: int) -> Iterator[Figure]:
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "seal", "--site", server.key, "--again"],
        cwd=ROOT,
        env=product.environment,
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    assert process.returncode == 0
    with psycopg.connect(server.database_url) as connection:
        (raw,) = connection.execute(SIZES).fetchone() or (0,)
        rows, sealed = connection.execute(SEALED).fetchone() or (0, 0)
    goal = 240 * stored / 10_000_000
    note = f"{rows:,} page views of {DAYS - 1} days; the goal is that of ten million, by number"
    yield Figure("history", "sealing all", seconds, "s", max(goal, 1.0), at_most=True, note=note)
    yield Figure("history", "sealing: memory at most", used.ru_maxrss / 1024, "MB", 300, at_most=True)
    yield Figure("history", "bytes of a page view, sealed", float(sealed) / float(rows), "", 30, at_most=True)
    yield Figure("history", "bytes of a page view, in tables", float(raw) / stored, "", 400, at_most=True)


def _plain_sql(server: ServerProcess) -> float:
    """Seconds for the figures of 30 days and of those before: the better of two times."""
    times = []
    with psycopg.connect(server.database_url) as connection:
        for _ in range(2):
            began = time.monotonic()
            for since, until in ((30, 0), (60, 30)):
                for statement in BASELINE.format(where=WHERE).split(";"):
                    connection.execute(
                        statement.encode(), {"key": server.key, "since": since, "until": until}
                    ).fetchall()
            times.append(time.monotonic() - began)
    return min(times)


class HistoryCost(NamedTuple):
    """Seconds by the clock, and of the product's processes' CPU, which others on the machine change less."""

    seconds: float
    cpu: float

    def figure(self, name: str, goal: float, note: str = "") -> Figure:
        """It in ms, beside its goal."""
        said = f"CPU {self.cpu * 1000:,.0f} ms; load {os.getloadavg()[0]:.1f}"
        note = f"{said}; {note}" if note else said
        return Figure("history", name, self.seconds * 1000, "ms", goal, at_most=True, note=note)

    def told(self, when: str) -> str:
        """It as a note."""
        return f"{self.seconds * 1000:,.0f} {when}, CPU {self.cpu * 1000:,.0f}"


def _median(times: list[HistoryCost]) -> HistoryCost:
    return HistoryCost(*(statistics.median(each) for each in zip(*times, strict=True)))


class _ReportPage:
    """Asks what the page asks, over HTTP, as many questions at once as a browser does."""

    def __init__(self, server: ServerProcess, product: Product) -> None:
        self._port, self._path = product.port, f"/api/v1/sites/{server.key}/stats"
        token = product.add_token()
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._server = server

    def figures(self, period: str, filters: dict[str, list[str]]) -> str:
        shown = [each for each in FIGURES if each.of in ("", "site")]
        names = [each.measure for each in shown if each.measure != "at_once_peak"]
        return self._query(period, filters, metrics=",".join(names), compare="previous")

    def presence(self, period: str, filters: dict[str, list[str]]) -> str:
        return self._query(period, filters, metrics="at_once_peak,at_once_peak_at", compare="previous")

    def tables(self, period: str, filters: dict[str, list[str]]) -> dict[str, str]:
        return {
            tab.dimension: self._query(
                period, filters, by=tab.dimension, compare="previous", **_of_table(tab)
            )
            for tab in _first_tabs()
        }

    def questions(self, period: str, filters: dict[str, list[str]]) -> list[str]:
        """All of the page but visitors at once, for which nothing waits: two requests, as it makes them."""
        return [self.figures(period, filters), self._several(period, filters)]

    def _several(self, period: str, filters: dict[str, list[str]]) -> str:
        """The tables, the map and the hours of the week, in one request."""
        asks = [
            urlencode({"by": tab.dimension, **_of_table(tab), "compare": "previous"}) for tab in _first_tabs()
        ]
        asks.append(urlencode({"by": "country", "metrics": "visitors", "limit": "400"}))
        asks.append(urlencode({"by": "weekday_hour", "metrics": "views"}))
        query = urlencode({"period": period, **filters, "ask": asks}, doseq=True)
        return f"{self._path}/several?{query}"

    def median(self, period: str, filters: dict[str, list[str]]) -> HistoryCost:
        return _median([self.timed(*self.questions(period, filters)) for _ in range(5)])

    def renewed(self, period: str, filters: dict[str, list[str]]) -> HistoryCost:
        """What the first page takes that is told of newer page views of today."""
        known = self._ask(self.figures(period, filters))["as_of"]
        until = time.monotonic() + 120
        while time.monotonic() < until:
            began, before = time.monotonic(), self._cpu()
            if self._ask(self.figures(period, filters))["as_of"] != known:
                self.timed(self._several(period, filters))
                return HistoryCost(time.monotonic() - began, self._cpu() - before)
            time.sleep(0.2)
        raise TimeoutError("today is not read anew")

    def impact(self, minutes: int) -> HistoryCost:
        """What it takes to be told what the ten minutes meant that began so many minutes ago."""
        since = datetime.now(UTC) - timedelta(minutes=minutes)
        query = urlencode({"from": since.isoformat()})
        began, before = time.monotonic(), self._cpu()
        assert "people" in self._ask(f"{self._path.replace('/stats', '/impact')}?{query}")
        return HistoryCost(time.monotonic() - began, self._cpu() - before)

    def live(self) -> None:
        """Ask who is here now."""
        self._ask(self._path.replace("/stats", "/live"))

    def _cpu(self) -> float:
        return processes.cpu_seconds(self._server.pids)

    def timed(self, *queries: str) -> HistoryCost:
        """What it takes until all of these are answered."""
        began, before = time.monotonic(), self._cpu()
        for answer in list(self._pool.map(self._ask, queries)):
            for each in answer.get("answers", [{"status": 200, "answer": answer}]):
                assert each["status"] == 200, each
                assert each["answer"]["rows"] is not None
        return HistoryCost(time.monotonic() - began, self._cpu() - before)

    def status(self, query: str) -> int:
        """What a question is answered with, in the end."""
        return self._said(query)[0]

    def _ask(self, query: str) -> Any:
        status, answer = self._said(query)
        assert status == 200, answer
        return answer

    def _said(self, query: str) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=120)
        try:
            connection.request("GET", query, headers=self._headers)
            response = connection.getresponse()
            return response.status, json.load(response)
        finally:
            connection.close()

    def _query(self, period: str, filters: dict[str, list[str]], **more: str) -> str:
        return f"{self._path}?{urlencode({'period': period, **filters, **more}, doseq=True)}"


def _first_tabs() -> list[ReportTab]:
    return [tabs[0] for tabs in TABLES.values()]


def _of_table(tab: ReportTab) -> dict[str, str]:
    return {"metrics": tab.measures, "order": f"-{tab.measures.split(',')[0]}", "limit": "10"}
