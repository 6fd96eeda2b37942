"""One site or view over all edges: their shares, added up. Reads like the counters of one process. Pure.

A share is replaced, changed or dropped as a whole; so no lost or late message leaves anything behind.
"""

from collections.abc import Collection, Mapping

from tracker.across.messages import Statement, edge_of
from tracker.live.counters import MINUTES, MINUTES_KEPT, Counters, read_field


class _Part:
    """The share of one edge."""

    def __init__(self, incarnation: str) -> None:
        self.incarnation = incarnation
        self.version = 0
        self.fields: dict[bytes, int] = {}
        self.lost = False  # Redis has it no more, so that a change of it could go unnoticed


class Merged(Counters):
    """The counters of the living edges. `started_at` is the beginning of the minute since when it watches."""

    def __init__(self, now: float) -> None:
        super().__init__(started_at=now // 60 * 60)
        self._parts: dict[str, _Part] = {}
        # Kept when an edge goes: a page view that began has begun.
        self._begun: dict[str, dict[int, int]] = {}

    def apply(self, statement: Statement, living: Mapping[str, str]) -> bool:
        """Take what was published; False when that share must be read, since something was missed."""
        edge = edge_of(statement.incarnation)
        if living.get(edge) != statement.incarnation:
            return True  # of an edge that lives no more, or that the next look will find
        if statement.whole:
            self.read(statement.incarnation, statement.version, dict(statement.fields))
            return True
        part = self._parts.get(edge)
        if part is None or part.incarnation != statement.incarnation or statement.version > part.version + 1:
            return False
        if statement.version == part.version + 1:
            part.version = statement.version
            self._apply(part, statement.fields)
        return True

    def read(self, incarnation: str, version: int, fields: Mapping[bytes, int]) -> None:
        """Take a share as a whole, unless a newer version of it is here already."""
        edge = edge_of(incarnation)
        part = self._parts.get(edge)
        if part is None:
            part = self._parts[edge] = _Part(incarnation)
        elif part.incarnation == incarnation and version <= part.version:
            return
        part.incarnation, part.version, part.lost = incarnation, version, False
        gone = [(name, 0) for name in part.fields.keys() - fields.keys()]
        self._apply(part, [*gone, *fields.items()])

    def keep(self, edges: Collection[str]) -> None:
        """Drop the shares of all other edges."""
        for edge in self._parts.keys() - set(edges):
            part = self._parts.pop(edge)
            self._apply(part, [(name, 0) for name in part.fields])

    def missing(self, living: Mapping[str, str]) -> list[str]:
        """The living incarnations whose share is not here, or cannot be followed."""
        return [each for edge, each in living.items() if not self._has(edge, each)]

    def behind(self, incarnation: str, version: int) -> bool:
        """Whether a share that is here has moved on to `version` without us."""
        part = self._parts.get(edge_of(incarnation))
        return part is not None and part.incarnation == incarnation and part.version < version

    def doubt(self, incarnation: str) -> None:
        """Redis lost this share: it is missing until its edge has noticed and says everything again."""
        if (part := self._parts.get(edge_of(incarnation))) and part.incarnation == incarnation:
            part.lost = True

    def tell_stale(self, stale: int) -> None:
        """Note how many edges cannot be heard."""
        if stale != self.stale:
            self.stale = stale
            self.version += 1

    def _has(self, edge: str, incarnation: str) -> bool:
        part = self._parts.get(edge)
        return part is not None and part.incarnation == incarnation and not part.lost

    def _apply(self, part: _Part, fields: Collection[tuple[bytes, int]]) -> None:
        for text, value in fields:
            kind, name = read_field(text)
            if kind == MINUTES:
                self._apply_minute(edge_of(part.incarnation), name, value)
                continue
            self.add(kind, name, value - part.fields.get(text, 0))
            if value:
                part.fields[text] = value
            else:
                part.fields.pop(text, None)
        if fields:
            self.version += 1

    def _apply_minute(self, edge: str, minute: int, views: int) -> None:
        # What began before is read from Postgres.
        if views and minute * 60 >= self.started_at:
            if minute not in self.minutes:
                self._forget_minutes(minute - MINUTES_KEPT)
            begun = self._begun.setdefault(edge, {})
            self.add(MINUTES, minute, views - begun.get(minute, 0))
            begun[minute] = views

    def _forget_minutes(self, last: int) -> None:
        for edge, begun in list(self._begun.items()):
            kept = {minute: views for minute, views in begun.items() if minute > last}
            if kept:
                self._begun[edge] = kept
            else:
                del self._begun[edge]
        for minute in [minute for minute in self.minutes if minute <= last]:
            del self.minutes[minute]
