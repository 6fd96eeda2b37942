"""Segments: filters under a name, kept as the part of an address that says them."""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode

from django import forms

from analytics.history.query_string import SavedNames, filters_of
from analytics.history.question import WrongQuestion, check_filters
from analytics.models import Segment
from analytics.saved.goals import goals_of
from analytics.saved.saved_form import SavedForm
from tracker.models import Site

MOST_PARAMETERS = 1000


class SegmentForm(SavedForm):
    """A segment: its name, and its filters as a query string."""

    most = 100
    called = "segments"

    class Meta:
        model = Segment
        fields = ("name", "query")

    def clean_query(self) -> str:
        """The filters, and nothing else."""
        try:
            query = read_query(self.cleaned_data["query"])
        except ValueError:
            raise forms.ValidationError(f"{MOST_PARAMETERS:,} filters at most.") from None
        try:
            filters = filters_of(query, SavedNames(goals_of(self.instance.site)))
            check_filters(filters)
        except WrongQuestion as wrong:
            raise forms.ValidationError(f"{wrong.field}: {wrong.message}") from wrong
        if not filters or "segment" in query:
            raise forms.ValidationError("Filters like country=DE&page.match=/blog/*, one at least.")
        endings = {"is": "", "not": ".not", "match": ".match", "notmatch": ".notmatch"}
        pairs = [
            (each.dimension + endings[each.operator], value) for each in filters for value in each.values
        ]
        return urlencode(pairs)


def read_query(text: str) -> dict[str, list[str]]:
    """The parameters of a query string. Raises ValueError where there are too many."""
    return parse_qs(text.removeprefix("?"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)


def segments_of(site: Site) -> Mapping[str, Mapping[str, list[str]]]:
    """The filters of a site's segments, by their numbers."""
    return {str(each.pk): read_query(each.query) for each in Segment.objects.filter(site=site)}


def saved_names(site: Site) -> SavedNames:
    """What the questions about a site may speak of."""
    return SavedNames(goals_of(site), segments_of(site))
