"""Rows as the write path stores them, put in directly with fixed times: for tests of what reads them."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from tracker.models import Event, PageView, Site, Visit


def visit(
    site: Site,
    began_at: datetime,
    *paths: str,
    engaged_ms: int = 10_000,
    visitor: int = 1,
    events: int = 0,
    server: str = "",
    **origin: Any,
) -> Visit:
    """A visit of these pages, one a minute, each engaged for `engaged_ms`."""
    shared = {"site": site, "visitor": uuid.UUID(int=visitor), **origin}
    minute = timedelta(minutes=1)
    views = [
        PageView(
            id=uuid.uuid4(),
            began_at=began_at + n * minute,
            ended_at=began_at + (n + 1) * minute,
            visit_id=uuid.UUID(int=0),
            path=path,
            server=server,
            title=f"The page {path}",
            engaged_ms=engaged_ms,
            edge=1,
            connection=1,
            **shared,
        )
        for n, path in enumerate(paths)
    ]
    first = views[0].id
    for view in views:
        view.visit_id = first
    PageView.objects.bulk_create(views)
    for n in range(events):
        Event.objects.create(
            id=uuid.uuid4(),
            site=site,
            at=began_at + n * minute,
            page_view_id=first,
            visit_id=first,
            name="signup",
            properties={"plan": "pro"},
            value=1.5,
        )
    return Visit.objects.create(
        id=first,
        began_at=began_at,
        ended_at=began_at + len(paths) * minute,
        entry_path=paths[0],
        exit_path=paths[-1],
        views=len(paths),
        events=events,
        engaged_ms=engaged_ms * len(paths),
        **shared,
    )
