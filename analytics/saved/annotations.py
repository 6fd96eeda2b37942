"""Annotations: what happened at a moment, flags in charts."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django import forms

from analytics.models import Annotation
from analytics.queries.ranges import FIRST, LAST
from analytics.saved.saved_form import SavedForm


class AnnotationForm(SavedForm):
    """A moment and a text."""

    most = 2000
    called = "annotations"

    class Meta:
        model = Annotation
        fields = ("at", "text")

    def clean_at(self) -> datetime:
        """The moment in UTC: Postgres takes no offset of 16 hours or more, nor any year."""
        try:
            at: datetime = self.cleaned_data["at"].astimezone(UTC)
        except OverflowError:
            at = datetime.min.replace(tzinfo=UTC)
        if not FIRST <= at.date() < LAST:
            raise forms.ValidationError("A moment between 2000 and 2099.")
        return at


def made_since(site_ids: Sequence[int], since: datetime, most: int) -> list[Annotation]:
    """Those of these sites that were made after a moment, the last `most`, oldest first."""
    made = Annotation.objects.filter(site__in=site_ids, created_at__gt=since)
    return list(made.order_by("-created_at", "-pk")[:most])[::-1]
