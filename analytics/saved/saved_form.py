"""What the forms of saved things share: a name that is alone in its site, and how many there may be."""

from typing import Any

from django import forms

from analytics.models import Annotation, Goal, Segment

SavedThing = Goal | Segment | Annotation


class SavedForm(forms.ModelForm):  # type: ignore[type-arg]  # of several models
    """A form of something that a site has many of; the instance's site is set, and its row locked."""

    most = 0
    called = ""

    def clean(self) -> dict[str, Any]:
        """Refuse one too many, and a name that is taken."""
        cleaned: dict[str, Any] = super().clean() or {}
        rows = type(self.instance)._default_manager.filter(site=self.instance.site)
        if self.instance.pk is None and rows.count() >= self.most:
            raise forms.ValidationError(f"A site has at most {self.most} {self.called}: delete one first.")
        name = cleaned.get("name")
        if name and rows.filter(name=name).exclude(pk=self.instance.pk).exists():
            self.add_error("name", "There is one of this name already.")
        return cleaned

    def first_error(self) -> tuple[str, str]:
        """The first field that is wrong, and why; "" for the whole."""
        field, errors = next(iter(self.errors.items()))
        return ("" if field == "__all__" else field), str(errors[0])
