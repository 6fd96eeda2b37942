"""Live filters as a query string says them, `?page=/pricing&country=DE`, and as Postgres understands them."""

from django.db.models import Q
from django.http import QueryDict

from tracker.live.dimensions import TABLE
from tracker.live.filters import Filters

MOST_NAMES, LONGEST_NAME = 100, 2048


def filters(query: QueryDict) -> Filters:
    """The filters of a query string; other parameters mean nothing. Raises ValueError beyond the bounds."""
    names = {each.name: query.getlist(each.parameter) for each in TABLE}
    for each in names.values():
        if len(each) > MOST_NAMES or any(len(name) > LONGEST_NAME for name in each):
            raise ValueError("There are too many filters, or one is too long.")
    return Filters.of_names(names)


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
