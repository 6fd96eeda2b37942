"""`/metrics` of the web process: the figures of `tracker.edge.metrics`, and who is on each site where that is
asked for."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from analytics.health.health import inspection
from analytics.live.state import LiveState
from tracker.edge.metrics import CONTENT_TYPE, head, lines
from tracker.edge.process_edge import ProcessEdge
from tracker.models import Site

GAUGES = (
    ("footfall_site_tabs", "Open tabs of a site, over all processes."),
    ("footfall_site_visitors", "Visitors of a site live now, over all processes."),
)


@inspection
async def metrics(request: HttpRequest, edge: ProcessEdge, live: LiveState) -> HttpResponse:
    """The figures of this process; all zero before its first visitor."""
    held = await edge.start()
    text = "".join(lines(held))
    if settings.FOOTFALL_METRICS_SITES:
        live.others()  # who never asked the other processes does not know what they count
        # While they cannot be heard nothing is said, rather than that nobody is there.
        if live.reachable:
            with suppress(DatabaseError, InterfaceError):
                sites = [row async for row in Site.objects.order_by("pk").values_list("pk", "key", "domain")]
                text += "".join(site_lines(sites, live.totals(())))
    return HttpResponse(text, content_type=CONTENT_TYPE)


def site_lines(sites: Sequence[tuple[int, str, str]], totals: Mapping[int, tuple[int, int]]) -> Iterator[str]:
    """A line for each site and gauge, as Prometheus reads it.

    `sites`: number, key and domain; `totals`: tabs and visitors by number.
    """
    for place, (name, meaning) in enumerate(GAUGES):
        yield head(name, "gauge", meaning)
        for number, key, domain in sites:
            figure = totals.get(number, (0, 0))[place]
            yield f'{name}{{site="{key}",domain="{_escaped(domain)}"}} {figure}\n'


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
