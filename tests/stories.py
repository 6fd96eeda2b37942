"""Some days as edges store them, and all that is told of a site: to compare two sites by."""

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from analytics.history.answering import Answering
from analytics.history.day_store import DayStore
from analytics.history.duck import open_duck
from analytics.history.file_cache import FileCache
from analytics.history.question import HistoryQuestion, Span
from analytics.history.question_sql import DAY_NUMBER
from tests.page_views import START, begin, folded, progress, said
from tracker.contract.records import Begin
from tracker.models import Event, Minute, PageView, Site, Visit
from tracker.postgres.connect import connect
from tracker.storing.store import Store

ZONE = ZoneInfo("Europe/Berlin")
DAYS = 3
NOW = datetime.now(UTC)
FIRST = NOW.astimezone(ZONE).date() - timedelta(days=6)
LAST = FIRST + timedelta(days=DAYS - 1)
SERVERS = ("", "web-1", "wéb 2")
PATHS = ("/", "/users/anna", "/users/bea/edit", "/%C3%BCber", "/blog/1")


class Story(list[tuple[Begin, float, int, int]]):
    """Page views with their seconds, engagement and number of events; each visitor has one source all day."""

    @classmethod
    def at_random(cls, seed: int) -> "Story":
        chance = random.Random(seed)
        story = cls()
        for day in range(DAYS):
            midnight = datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), ZONE)
            for person in range(5):
                visitor = uuid.UUID(int=seed * 1000 + day * 100 + person + 1)
                at = midnight.timestamp() - START.timestamp() + chance.randint(0, 60_000)
                for _ in range(chance.randint(1, 7)):
                    seconds = chance.choice([2, 40, 600, 1700])
                    path, server = chance.choice(PATHS), SERVERS[len(story) % 3]
                    page = begin(at, page=_id(chance), visitor=visitor, path=path, server=server)
                    story.append((page, seconds, min(seconds * 300, 60_000), chance.choice([0, 0, 1, 2])))
                    # Some beyond the 30 minutes that make another visit, some only without a page between.
                    at += chance.choice([30, 900, 1500, 2500])
        return story

    def store(self, site: Site, keep: Callable[[Begin], bool] = lambda page: True) -> None:
        """Store those page views of it, one after another, as an edge does."""
        with connect() as connection:
            store = Store(connection)
            for page, seconds, engaged, events in self:
                if keep(page):
                    own = replace(page, site_id=site.pk)
                    ended = own.began_at - START.timestamp() + seconds
                    names = [said(own, ended - 1, key=uuid.uuid5(page.id, str(n))) for n in range(events)]
                    store.write(folded(own, *names))
                    store.write(folded(progress(own, ended, ended=True, engaged_ms=engaged)))


def _id(chance: random.Random) -> uuid.UUID:
    return uuid.UUID(int=chance.getrandbits(120))


def rows(site: Site) -> dict[str, list[Any]]:
    """All that Postgres' tables say of a site, but for its own number."""
    found = {}
    for table, order in ((PageView, "id"), (Visit, "id"), (Event, "id"), (Minute, "at")):
        values = table.objects.filter(site_id=site.pk).order_by(order).values()
        found[table.__name__] = [{k: v for k, v in row.items() if k != "site_id"} for row in values]
    return found


def answers(site: Site, folder: Path) -> list[Any]:
    """What reports say of the days."""
    store = DayStore(FileCache(folder, 2**30), 2**27)
    answering = Answering(store, None)
    measures = (
        *("visitors", "visits", "views", "events", "value", "bounces", "visit_seconds_median"),
        *("open_seconds", "engaged_seconds", "depth", "at_once_peak", "at_once_peak_at", "at_once_mean"),
    )
    found: list[Any] = []
    with open_duck([folder], folder / "spill", 2**28, 1) as duck:
        duck.execute(DAY_NUMBER)
        for by in (
            (),
            ("page",),
            ("entry_page",),
            ("exit_page",),
            ("hour",),
            ("day",),
            ("event",),
            ("referrer",),
            ("server",),
        ):
            question = HistoryQuestion(
                site_id=site.pk,
                zone=site.timezone,
                span=Span(FIRST, LAST),
                measures=measures[:5] if by == ("event",) else measures,
                dimensions=by,
                wait=60,
            )
            answer = answering.answer(duck, question, NOW)
            table = answer.table
            found.append((answer.totals, table and (sorted(table.rows, key=str), table.found, table.sums)))
    store.close()
    return found
