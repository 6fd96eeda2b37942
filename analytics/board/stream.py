"""A site's stream on its way to the boards of this process, as a member of what they are sent anyway.

Each board has a cursor: whatever snapshot it is sent carries what happened since the one before. Boards that
keep up stand at the same place, and share one text a tick.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError

from analytics.live import state, stored_stream
from tracker.live.dimensions import DIMENSIONS
from tracker.live.filters import Filters
from tracker.live.stream import KEPT, NEWEST, Happening, Stream

logger = logging.getLogger(__name__)

PAGE, REFERRER, BROWSER, COUNTRY = map(DIMENSIONS.index, ("pages", "referrers", "browsers", "countries"))

Cursor = tuple[Stream, int]  # a stream, and the number up to which a board was told of it


class Row(msgspec.Struct, omit_defaults=True):
    """A happening as boards show it."""

    at: float
    visitor: str
    page: str
    referrer: str
    browser: str
    country: str
    event: str = ""


class News(msgspec.Struct):
    """Rows, newest first; before them `more` that are not told. `whole`: instead of all that came before."""

    whole: bool
    more: int
    rows: list[Row]


class BoardStream:
    """The stream of a site, or of what filters keep of it."""

    def __init__(self, site_id: int, filters: Filters) -> None:
        self._site_id, self._filters = site_id, filters
        self._stream: Stream | None = None
        self._stored: list[Happening] | None = None
        # Where boards stand that keep up, and how far this tick leads.
        self._since = self._until = 0
        self._texts: dict[int, str] = {}

    def follow(self) -> bool:
        """Follow what happens; whether anything has that no tick has told."""
        stream = state.stream(self._site_id, self._filters)
        if stream is not self._stream:
            self._stream, self._since, self._until = stream, 0, 0
            self._texts.clear()
        return stream is not None and stream.told > self._until

    def end(self) -> None:
        """No board is left."""
        state.end_stream(self._site_id, self._filters)

    def tick(self) -> None:
        """A snapshot goes to the boards, and what has happened by now goes with it."""
        if self._stream:
            self._since, self._until = self._until, self._stream.told
            self._texts.clear()

    async def read_stored(self) -> None:
        """Read what happened before it was followed, unless that is here."""
        if self._stored:
            return
        try:
            read = sync_to_async(stored_stream.before)
            self._stored = await read(self._site_id, datetime.now(UTC), self._filters)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("a stream's beginning could not be read: %s", type(error).__name__)
            self._stored = []

    def added_to(self, snapshot: str, cursor: Cursor | None) -> tuple[str, Cursor | None]:
        """The snapshot, a JSON object, with `stream` in it if there is any after `cursor`; a new cursor."""
        stream = self._stream
        if stream is None or self._stored is None:
            return snapshot, cursor
        if cursor is None or cursor[0] is not stream:
            return _with(snapshot, self._whole(stream, self._stored)), (stream, stream.told)
        if cursor[1] >= self._until:
            return snapshot, cursor
        text = self._texts.get(cursor[1])
        if text is None:
            most = NEWEST if cursor[1] >= self._since else KEPT
            text = self._texts[cursor[1]] = news(*stream.after(cursor[1], most, self._until))
        return _with(snapshot, text), (stream, self._until)

    def _whole(self, stream: Stream, stored: list[Happening]) -> str:
        _, newest = stream.after(0, NEWEST)
        known = {happening.id for happening in newest}
        newest += [happening for happening in stored if happening.id not in known]
        newest.sort(key=lambda happening: happening.at, reverse=True)
        return news(0, newest[:NEWEST], whole=True)


def news(more: int, happenings: Iterable[Happening], whole: bool = False) -> str:
    """News as JSON."""
    return msgspec.json.encode(News(whole, more, rows(happenings))).decode()


def rows(happenings: Iterable[Happening]) -> list[Row]:
    """As boards show them."""
    return [
        Row(
            at=round(each.at, 3),
            visitor=each.mark,
            page=each.names[PAGE],
            referrer=each.names[REFERRER],
            browser=each.names[BROWSER],
            country=each.names[COUNTRY],
            event=each.event,
        )
        for each in happenings
    ]


def _with(snapshot: str, text: str) -> str:
    return f'{snapshot[:-1]},"stream":{text}}}'
