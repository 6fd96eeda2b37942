"""`/metrics` of the web process: the figures of `tracker.edge.metrics`, for those who may see them."""

from django.http import HttpRequest, HttpResponse

from analytics.health.health import inspection
from tracker.edge.metrics import CONTENT_TYPE, lines
from tracker.edge.process_edge import ProcessEdge


@inspection
async def metrics(request: HttpRequest, edge: ProcessEdge) -> HttpResponse:
    """The figures of this process; all zero before its first visitor."""
    return HttpResponse("".join(lines(await edge.start())), content_type=CONTENT_TYPE)
