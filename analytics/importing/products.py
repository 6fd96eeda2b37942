"""What the exports of Plausible, GoatCounter, Umami and Google Analytics 4 say, by their headers. Pure.

Layouts as these products write them in 2026; columns are found by name, others are passed over.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from analytics.importing.figures import TOTAL, FileFigures, WrongExportFile, columns_of, day_of, whole_number

Row = Mapping[str, str]
# Who was where on which day is remembered to count each once: half a gigabyte of memory.
MOST_SEEN = 3_000_000


class PlausibleTable(NamedTuple):
    """A table of Plausible's: where its rows go, and what of them are which measures."""

    dimension: str
    column: str
    measures: Mapping[str, str]


T: Final = {
    "visitors": "visitors",
    "visits": "visits",
    "views": "pageviews",
    "bounces": "bounces",
    "visit_seconds": "visit_duration",
}
PLAUSIBLE: Final = {
    "imported_visitors": (PlausibleTable(TOTAL, "date", T),),
    "imported_sources": tuple(
        PlausibleTable(dimension, column, T)
        for dimension, column in (
            ("referrer", "source"),
            *(
                (name, name)
                for name in ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
            ),
        )
    ),
    "imported_pages": (
        PlausibleTable("page", "page", {"visitors": "visitors", "visits": "visits", "views": "pageviews"}),
    ),
    "imported_entry_pages": (PlausibleTable("entry_page", "entry_page", {**T, "visits": "entrances"}),),
    "imported_exit_pages": (PlausibleTable("exit_page", "exit_page", {**T, "visits": "exits"}),),
    "imported_locations": (PlausibleTable("country", "country", T),),
    "imported_devices": (PlausibleTable("device", "device", T),),
    "imported_browsers": (PlausibleTable("browser", "browser", T),),
    "imported_operating_systems": (PlausibleTable("system", "operating_system", T),),
    "imported_custom_events": (
        PlausibleTable("event", "name", {"visitors": "visitors", "events": "events"}),
    ),
}


def plausible(tables: Iterator[tuple[str, Iterator[list[str]]]], figures: FileFigures) -> None:
    """Plausible's zip: totals of each day, and tables by what they tell apart."""
    for name, rows in tables:
        table = next(
            (each for each in PLAUSIBLE if name.startswith(f"{each}_") or name == f"{each}.csv"), None
        )
        if table is None:
            figures.leave_out(f"table {name}")
            continue
        header = next(rows, None)
        if header is None:
            continue
        parts = PLAUSIBLE[table]
        needed = {"date", *(part.column for part in parts), *parts[0].measures.values()}
        columns = columns_of(header, sorted(needed), name)
        for row in _named(columns, rows, name):
            figures.rows += 1
            day = day_of(row["date"], name)
            for part in parts:
                label = "" if part.dimension == TOTAL else row[part.column]
                if part.dimension.startswith("utm_") and not label:
                    continue
                told = {measure: whole_number(row[column], name) for measure, column in part.measures.items()}
                figures.add(day, part.dimension, label, **told)


class Seen(NamedTuple):
    """A page view or event of an export that has one in each row."""

    day: date
    visitor: str
    visit: str
    at: str
    path: str
    event: str
    told: Mapping[str, str]  # names by dimension


class SeenVisits:
    """Page views and events put together to figures of days, as those products count them."""

    def __init__(self, figures: FileFigures) -> None:
        self._figures = figures
        self._visitors: set[tuple[date, str, str, str]] = set()
        self._visits: dict[tuple[date, str], list[str]] = {}

    def take(self, seen: Seen) -> None:
        """Count one."""
        self._figures.rows += 1
        if seen.event:
            self._figures.add(seen.day, TOTAL, "", events=1)
            self._count(seen, "event", seen.event, events=1)
            return
        self._figures.add(seen.day, TOTAL, "", views=1)
        new = (seen.day, seen.visit) not in self._visits
        visit = self._visits.setdefault((seen.day, seen.visit), [seen.at, seen.path, seen.at, seen.path, "0"])
        if seen.at < visit[0]:
            visit[:2] = [seen.at, seen.path]
        if seen.at >= visit[2]:
            visit[2:4] = [seen.at, seen.path]
        visit[4] = str(int(visit[4]) + 1)
        self._count(seen, TOTAL, "", visits=int(new))
        self._count(seen, "page", seen.path, views=1)
        for dimension, name in seen.told.items():
            if name or not dimension.startswith("utm_"):
                self._count(seen, dimension, name, views=1, visits=int(new))

    def _count(self, seen: Seen, dimension: str, name: str, **measures: int) -> None:
        if len(self._visitors) >= MOST_SEEN:
            raise WrongExportFile("It says too much to be counted at once: export fewer days at a time.")
        key = (seen.day, dimension, name, seen.visitor)
        people = int(key not in self._visitors)
        self._visitors.add(key)
        self._figures.add(seen.day, dimension, name, visitors=people, **measures)

    def end(self) -> None:
        """Count entries, exits and visits of one page."""
        for (day, _), (_, entry, _, last, views) in self._visits.items():
            self._figures.add(day, "entry_page", entry, visits=1)
            self._figures.add(day, "exit_page", last, visits=1)
            self._figures.add(day, TOTAL, "", bounces=int(views == "1"))


GOATCOUNTER: Final = ("2Path", "Event", "Session", "Bot", "Referrer", "Location", "Date", "Browser", "System")


def goatcounter(tables: Iterator[tuple[str, Iterator[list[str]]]], figures: FileFigures) -> None:
    """GoatCounter's CSV of version 2: a row for each page view or event."""
    seen = SeenVisits(figures)
    for name, rows in tables:
        for row in _named(columns_of(next(rows, []), GOATCOUNTER, name), rows, name):
            if row["Bot"] not in ("", "0"):
                figures.leave_out("page views of bots")
                continue
            event = row["Event"].lower() in ("1", "true", "yes")
            told = {
                "referrer": urlsplit(f"//{row['Referrer'].partition('://')[2] or row['Referrer']}").netloc,
                "country": row["Location"].partition("-")[0],
                "browser": row["Browser"].rpartition(" ")[0] or row["Browser"],
                "system": row["System"].rpartition(" ")[0] or row["System"],
            }
            day, path = day_of(row["Date"], name), row["2Path"]
            session = row["Session"]
            seen.take(Seen(day, session, session, row["Date"], path, path if event else "", told))
    seen.end()


UMAMI: Final = (
    *("session_id", "visit_id", "browser", "os", "device", "country", "url_path", "referrer_domain"),
    *("event_type", "event_name", "created_at"),
)


def umami(tables: Iterator[tuple[str, Iterator[list[str]]]], figures: FileFigures) -> None:
    """Umami's table website_event: a row for each page view or event."""
    seen = SeenVisits(figures)
    for name, rows in tables:
        for row in _named(columns_of(next(rows, []), UMAMI, name), rows, name):
            told = {
                "referrer": row["referrer_domain"].removeprefix("www."),
                "country": row["country"],
                "browser": row["browser"],
                "system": row["os"],
                "device": row["device"],
                **{
                    key: row.get(key) or _parameter(row, key)
                    for key in ("utm_source", "utm_medium", "utm_campaign")
                },
            }
            event = row["event_name"] or "event" if row["event_type"] == "2" else ""
            day, at = day_of(row["created_at"], name), row["created_at"]
            seen.take(Seen(day, row["session_id"], row["visit_id"], at, row["url_path"], event, told))
    seen.end()


def _parameter(row: Row, name: str) -> str:
    return parse_qs(row.get("url_query", "")).get(name, [""])[0]


# The report's first column, and which dimension it is.
GA4_BY: Final = {
    "Page path and screen class": "page",
    "Page path": "page",
    "pagePath": "page",
    "Landing page": "entry_page",
    "landingPage": "entry_page",
    "Session source": "utm_source",
    "sessionSource": "utm_source",
    "Session medium": "utm_medium",
    "sessionMedium": "utm_medium",
    "Session campaign": "utm_campaign",
    "sessionCampaignName": "utm_campaign",
    "Country ID": "country",
    "countryId": "country",
    "Device category": "device",
    "deviceCategory": "device",
    "Browser": "browser",
    "browser": "browser",
    "Operating system": "system",
    "operatingSystem": "system",
    "Event name": "event",
    "eventName": "event",
}
GA4_MEASURES: Final = {
    "Views": "views",
    "screenPageViews": "views",
    "Active users": "visitors",
    "Total users": "visitors",
    "totalUsers": "visitors",
    "activeUsers": "visitors",
    "Sessions": "visits",
    "sessions": "visits",
    "bounces": "bounces",
    "Event count": "events",
    "eventCount": "events",
}
GA4_DAYS: Final = ("date", "Date")


def ga4(tables: Iterator[tuple[str, Iterator[list[str]]]], figures: FileFigures) -> None:
    """A report of Google Analytics 4 as CSV; of more days than one it needs the column Date."""
    for name, rows in tables:
        comments: dict[str, str] = {}
        header: list[str] = []
        for row in rows:
            if not row[0].startswith("#"):
                header = row
                break
            key, _, value = row[0].lstrip("# ").partition(":")
            comments[key.strip().lower()] = value.strip()
        columns = columns_of(header, (), name)
        days = [column for column in columns if column in GA4_DAYS]
        dimension = next((GA4_BY[column] for column in columns if column in GA4_BY), TOTAL)
        label = next((column for column in columns if column in GA4_BY), "")
        measures = {column: GA4_MEASURES[column] for column in columns if column in GA4_MEASURES}
        if not measures:
            raise WrongExportFile(f"{name} has none of the columns {', '.join(sorted(GA4_MEASURES))[:120]}.")
        only = _only_day(comments)
        if not days and only is None:
            raise WrongExportFile(
                f"{name} says figures of several days in one: add the dimension Date to the report, and"
                " export it again."
            )
        for row_of in _named(columns, rows, name):
            if row_of[columns[0]].startswith("#") or row_of[columns[0]].lower() in ("grand total", "total"):
                continue
            day = day_of(row_of[days[0]], name) if days else only
            if day is None:
                continue
            figures.rows += 1
            told: dict[str, int] = {}
            for column, measure in measures.items():
                told.setdefault(measure, whole_number(row_of[column], name))
            if dimension != TOTAL:
                figures.add(day, dimension, row_of[label], **told)
                # Users of several pages are one: no total can be made of them.
                told = {measure: number for measure, number in told.items() if measure in ("views", "events")}
                if dimension not in ("page", "event"):
                    continue
            figures.add(day, TOTAL, "", **told)


def _only_day(comments: Mapping[str, str]) -> date | None:
    first, last = comments.get("start date", ""), comments.get("end date", "")
    return day_of(first, "Start date") if first and first == last else None


def _named(columns: list[str], rows: Iterator[list[str]], name: str) -> Iterator[dict[str, str]]:
    for number, row in enumerate(rows, 2):
        if row[0].startswith("#"):
            continue
        if len(row) != len(columns):
            raise WrongExportFile(f"{name}: row {number} has {len(row)} cells, its header {len(columns)}.")
        yield dict(zip(columns, row, strict=True))


PRODUCTS: Final[dict[str, Callable[[Iterator[tuple[str, Iterator[list[str]]]], FileFigures], None]]] = {
    "plausible": plausible,
    "goatcounter": goatcounter,
    "umami": umami,
    "ga4": ga4,
}
