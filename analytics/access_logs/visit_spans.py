"""Which visits page views of a log belong to: spans of one visitor less than 30 minutes apart. Pure.

A visit that is stored keeps its name; a new one is named after its first page view.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from tracker.contract.records import Begin
from tracker.contract.spans import VISIT_GAP


class LoggedView(msgspec.Struct, eq=False, gc=False):
    """A page view of a log, on its way to a visit."""

    began: datetime
    begin: Begin
    visit: UUID


class VisitSpan(msgspec.Struct, frozen=True, gc=False):
    """A visit that is stored already."""

    id: UUID
    visitor: UUID
    began: datetime
    ended: datetime


def place(views: Iterable[LoggedView], stored: Iterable[VisitSpan]) -> dict[UUID, list[LoggedView]]:
    """Say of each page view which visit it belongs to; gives them by visit, in their order."""
    spans: dict[UUID, list[tuple[datetime, datetime, UUID, LoggedView | None]]] = {}
    for view in views:
        visitor = view.begin.attribution.visitor
        spans.setdefault(visitor, []).append((view.began, view.began, view.begin.id, view))
    for visit in stored:
        spans.setdefault(visit.visitor, []).append((visit.began, visit.ended, visit.id, None))
    placed: dict[UUID, list[LoggedView]] = {}
    for of_visitor in spans.values():
        of_visitor.sort(key=lambda span: span[:3])
        for chain in _chains(of_visitor):
            name = next((own for _, _, own, view in chain if view is None), chain[0][2])
            for view in [view for *_, view in chain if view]:
                view.visit = name
                placed.setdefault(name, []).append(view)
    return placed


def _chains(
    spans: list[tuple[datetime, datetime, UUID, LoggedView | None]],
) -> Iterable[list[tuple[datetime, datetime, UUID, LoggedView | None]]]:
    chain = [spans[0]]
    until = spans[0][1]
    for span in spans[1:]:
        if span[0] >= until + VISIT_GAP:
            yield chain
            chain = []
        chain.append(span)
        until = max(until, span[1])
    yield chain
