"""Annotations: what happened at a moment, flags in charts."""

from analytics.models import Annotation
from analytics.saved.saved_form import SavedForm


class AnnotationForm(SavedForm):
    """A moment and a text."""

    most = 2000
    called = "annotations"

    class Meta:
        model = Annotation
        fields = ("at", "text")
