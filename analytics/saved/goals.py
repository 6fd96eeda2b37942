"""Goals: a page pattern or an event, defined once, and evaluated on all of the past whenever it is asked."""

from typing import Any

from django import forms

from analytics.history.question import MOST_GOALS, PAGE_GOAL, HistoryGoal
from analytics.models import Goal
from analytics.saved.saved_form import SavedForm
from tracker.models import Site
from tracker.pages.naming import NO_NAMING


class GoalForm(SavedForm):
    """A goal as people write it."""

    most = MOST_GOALS
    called = "goals"

    class Meta:
        model = Goal
        fields = ("name", "kind", "pattern", "property", "value")

    def clean(self) -> dict[str, Any]:
        """A property is an event's, and a value a property's."""
        cleaned = super().clean()
        pattern = cleaned.get("pattern", "")
        if cleaned.get("kind") == Goal.ReachedBy.PAGE:
            if cleaned.get("property") or cleaned.get("value"):
                self.add_error("property", "Only an event has properties.")
            elif pattern and "/" not in pattern and "*" not in pattern:
                self.add_error("pattern", "A page is a path, like /thanks or /order/*.")
        elif cleaned.get("value") and not cleaned.get("property"):
            self.add_error("property", "Of which property is this the value?")
        return cleaned


def goals_of(site: Site) -> tuple[HistoryGoal, ...]:
    """The goals of a site as questions know them."""
    return tuple(as_asked(goal) for goal in Goal.objects.filter(site=site))


def as_asked(goal: Goal) -> HistoryGoal:
    """A goal as questions know it: pages by the names that they are stored under."""
    pattern = NO_NAMING.typed(goal.pattern) if goal.kind == PAGE_GOAL else goal.pattern
    return HistoryGoal(goal.name, goal.kind, pattern, goal.property, goal.value)


def removed(goal: Goal) -> dict[str, Any]:
    """What a goal was, to make it again."""
    return forms.model_to_dict(goal, GoalForm.Meta.fields)
