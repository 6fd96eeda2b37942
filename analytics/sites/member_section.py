"""The section of settings that says who may see a site, and who may change it."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

from analytics.access.rights import Reader, sees_all
from analytics.models import Member
from analytics.sites.row_number import row_number
from analytics.sites.section import SectionAnswer, note
from analytics.sites.site_form import MemberForm
from tracker.models import Site


class MemberSection:
    """Members with their roles; `templates/settings/invitations.html` stands below them."""

    name = "people"
    title = "People"
    template = "settings/people.html"

    def hidden(self, site: Site, owner: bool) -> bool:
        """Whoever looks at a site may know who else does."""
        return False

    def shown(self, reader: Reader, site: Site, owner: bool) -> dict[str, Any]:
        """All members, owners first, and the form for one more."""
        members = Member.objects.filter(Q(site=site) | Q(site=None)).select_related("user")
        members = members.order_by("role", "user__username")
        return {"members": members, "roles": Member.Role.choices, "member_form": MemberForm()}

    def change(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        """Add a member, change one's role (`role`) or take it away (`remove`)."""
        match sent.get("do"):
            case "add":
                return self._add(user, site, sent)
            case "role" | "remove" as what:
                return self._change(user, site, sent, what)
        return SectionAnswer(shown={"problem": "Nothing was asked for."})

    def _add(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        form = MemberForm(sent, instance=Member(site=site))
        if not form.is_valid():
            return SectionAnswer(shown={"member_form": form})
        member = form.save(commit=False)
        if site.members.filter(user=member.user).exists():
            form.add_error("username", "This user is a member already.")
            return SectionAnswer(shown={"member_form": form})
        member.save()
        note(user, site, f"Added {member}.")
        return SectionAnswer(f"{member.user.get_username()} is {role_words(member.role)} now")

    def _change(self, user: User, site: Site, sent: Mapping[str, str], what: str) -> SectionAnswer:
        asked = sent.get("member", "")
        member = site.members.select_related("user").filter(pk=row_number(asked)).first()
        if member is None:
            return SectionAnswer(shown={"problem": "This user is no member any more."})
        role = sent.get("role", "") if what == "role" else ""
        if what == "role" and role not in Member.Role.values:
            return SectionAnswer(shown={"problem": "A member is an owner or a viewer."})
        if role != Member.Role.OWNER and is_last_owner(member) and not sees_all(user):
            problem = "This is the only owner. Make somebody else an owner first."
            return SectionAnswer(shown={"problem": problem})
        name = member.user.get_username()
        if what == "remove":
            member.delete()
            note(user, site, f"Removed {name} ({member.role}).")
            return SectionAnswer(f"{name} is no member any more", {"removed": member})
        member.role = role
        member.save(update_fields=["role"])
        note(user, site, f"Made {member}.")
        return SectionAnswer(f"{name} is {role_words(role)} now")


def is_last_owner(member: Member) -> bool:
    """Whether nobody who can log in would own the site without this member."""
    of_site = Member.objects.filter(Q(site=member.site) | Q(site=None))
    owners = of_site.filter(role=Member.Role.OWNER, user__is_active=True, user__is_staff=True)
    return member.role == Member.Role.OWNER and not owners.exclude(pk=member.pk).exists()


def role_words(role: str) -> str:
    """What somebody with this role is."""
    return "an owner" if role == Member.Role.OWNER else "a viewer"
