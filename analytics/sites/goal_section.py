"""The section of settings with a site's goals: what visits are meant to reach."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User

from analytics.access.rights import Reader
from analytics.models import Goal
from analytics.saved.goals import GoalForm, removed
from analytics.sites.row_number import row_number
from analytics.sites.section import SectionAnswer, note
from tracker.models import Site


class GoalSection:
    """Goals are defined by owners, and read by everybody who may see the site."""

    name = "goals"
    title = "Goals"
    template = "settings/goals.html"
    words = "What visits are meant to reach. A goal counts at once, on all of the past."

    def hidden(self, site: Site, owner: bool) -> bool:
        """Reports show them to everybody."""
        return False

    def shown(self, reader: Reader, site: Site, owner: bool) -> dict[str, Any]:
        """All goals, and the form for one more."""
        return {"goals": Goal.objects.filter(site=site), "goal_form": GoalForm(instance=Goal(site=site))}

    def change(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        """Add a goal, or remove one, which the answer can undo."""
        if sent.get("do") == "add":
            form = GoalForm(sent, instance=Goal(site=site))
            if not form.is_valid():
                return SectionAnswer(shown={"goal_form": form})
            goal = form.save()
            note(user, site, f"Added the goal {goal.name}.")
            return SectionAnswer(f"{goal.name} is a goal now")
        asked = sent.get("goal", "")
        found = Goal.objects.filter(site=site, pk=row_number(asked)).first()
        if found is None:
            return SectionAnswer(shown={"problem": "This goal is removed already."})
        was = removed(found)
        found.delete()
        note(user, site, f"Removed the goal {found.name}.")
        return SectionAnswer(f"{found.name} is no goal any more", {"lost_goal": was})
