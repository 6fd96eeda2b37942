"""A site's stream on its way to the boards of this process, as a member of what they are sent anyway.

Each board has a cursor: whatever snapshot it is sent carries what happened since the one before. Boards that
keep up stand at the same place, and share one text a tick.
"""

import logging
from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError

from analytics.live import stored_stream
from analytics.live.snapshot import encode, news, with_member
from analytics.live.state import LiveState
from tracker.live.filters import Filters
from tracker.live.stream import KEPT, NEWEST, Happening, Stream

logger = logging.getLogger(__name__)

Cursor = tuple[Stream, int]  # a stream, and the number up to which a board was told of it


class BoardStream:
    """The stream of a site, or of what filters keep of it."""

    def __init__(self, live: LiveState, site_id: int, filters: Filters) -> None:
        self._live = live
        self._site_id, self._filters = site_id, filters
        self._stream: Stream | None = None
        self._stored: list[Happening] | None = None
        # Where boards stand that keep up, and how far this tick leads.
        self._since = self._until = 0
        self._texts: dict[int, str] = {}

    def follow(self) -> bool:
        """Follow what happens; whether anything has that no tick has told."""
        stream = self._live.stream(self._site_id, self._filters)
        if stream is not self._stream:
            self._stream, self._since, self._until = stream, 0, 0
            self._texts.clear()
        return stream is not None and (stream.told > self._until or stream.lacks_names)

    def end(self) -> None:
        """Stop following the site, once no board is left."""
        self._live.end_stream(self._site_id, self._filters)

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

    def now(self) -> Cursor | None:
        """The cursor of who knows all that has happened so far."""
        return (self._stream, self._stream.told) if self._stream else None

    def happened(self, cursor: Cursor | None) -> tuple[int, list[Happening], Cursor | None]:
        """What ticks have told after `cursor`, newest first, and before it how many more; a new cursor."""
        stream = self._stream
        if stream is None:
            return 0, [], cursor
        # Of one that was begun anew, as after a fault of Redis, what it has.
        number = cursor[1] if cursor and cursor[0] is stream else 0
        if number >= self._until:
            return 0, [], (stream, number)
        more, found = stream.after(number, KEPT, self._until)
        return more, found, (stream, self._until)

    async def name(self) -> None:
        """Look up the names of events whose page view was not open where they were heard."""
        nameless = self._stream.take_nameless() if self._stream else []
        if not self._stream or not nameless:
            return
        try:
            named = await sync_to_async(stored_stream.named)(self._site_id, nameless, self._filters)
        except (DatabaseError, InterfaceError) as error:
            # They are stored; whoever opens the board again reads them.
            logger.warning("events of a stream could not be named: %s", type(error).__name__)
            return
        self._stream.extend(0, named)

    def added_to(self, snapshot: str, cursor: Cursor | None) -> tuple[str, Cursor | None]:
        """The snapshot, a JSON object, with `stream` in it if there is any after `cursor`; a new cursor."""
        stream = self._stream
        if stream is None or self._stored is None:
            return snapshot, cursor
        if cursor is None or cursor[0] is not stream:
            return with_member(snapshot, "stream", self._whole(stream, self._stored)), (stream, stream.told)
        if cursor[1] >= self._until:
            return snapshot, cursor
        text = self._texts.get(cursor[1])
        if text is None:
            most = NEWEST if cursor[1] >= self._since else KEPT
            text = self._texts[cursor[1]] = encode(news(*stream.after(cursor[1], most, self._until)))
        return with_member(snapshot, "stream", text), (stream, self._until)

    def _whole(self, stream: Stream, stored: list[Happening]) -> str:
        _, newest = stream.after(0, NEWEST)
        known = {happening.id for happening in newest}
        newest += [happening for happening in stored if happening.id not in known]
        newest.sort(key=lambda happening: happening.at, reverse=True)
        return encode(news(0, newest[:NEWEST], whole=True))
