"""`/metrics` of the web process: the figures of `tracker.figures`, for those who may see them."""

from django.http import HttpRequest, HttpResponse

from analytics.health import inspection
from tracker import edge, figures


@inspection
async def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of this process; all zero before its first visitor."""
    text = "".join(figures.lines(await edge.start()))
    return HttpResponse(text, content_type=figures.CONTENT_TYPE)
