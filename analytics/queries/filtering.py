"""Live filters as a query string says them, `?page=/pricing&country=DE`, and as Postgres understands them."""

from collections.abc import Mapping

from django.db.models import Q
from django.http import QueryDict

from tracker.live.dimensions import TABLE
from tracker.live.filters import Filters
from tracker.pages.escapes import cut
from tracker.pages.naming import NO_NAMING

MOST_NAMES, LONGEST_NAME = 100, 2048


def filters(query: QueryDict) -> Filters:
    """The filters of a query string; other parameters mean nothing. Raises ValueError beyond the bounds."""
    asked = {each.parameter: query.getlist(each.parameter) for each in TABLE}
    for each in asked.values():
        if len(each) > MOST_NAMES or any(len(name) > LONGEST_NAME for name in each):
            raise ValueError("There are too many filters, or one is too long.")
    return Filters.of_names(named(asked))


def named(asked: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Names by dimension, of what is asked for by parameter: pages in the form that their names have."""
    names = {each.name: asked[each.parameter] for each in TABLE}
    names["pages"] = [cut(NO_NAMING.typed(name)) for name in names["pages"]]
    return names


def columns(wanted: Filters) -> dict[str, list[str]]:
    """The names to keep, by column of page views."""
    return {
        # A NUL is in no name that is stored, and Postgres would refuse to be asked for it.
        TABLE[kind].column: sorted(name for name in names if "\0" not in name)
        for kind, names in wanted.wanted
    }


def kept(wanted: Filters) -> Q:
    """The page views that filters keep, as a condition for the ORM."""
    return Q(**{f"{column}__in": names for column, names in columns(wanted).items()})
