"""The totals of many sites in one question, by which lists of sites are sorted. Pure."""

from datetime import date

import msgspec

# Visitors, visits, page views.
TOTALS = ("visitors", "visits", "views")
MOST_SITES = 2000


class SiteSpan(msgspec.Struct, frozen=True):
    """Days of a site, both included, by its own clocks."""

    site_id: int
    zone: str
    first: date
    last: date


class SiteTotalsQuestion(msgspec.Struct, frozen=True, tag=True):
    """Asks for the totals of these, `MOST_SITES` at most."""

    sites: tuple[SiteSpan, ...]


class SiteTotals(msgspec.Struct, frozen=True, tag=True):
    """`TOTALS` of each site that was asked about, in that order; None of those that there was no time for."""

    totals: list[list[int] | None]
