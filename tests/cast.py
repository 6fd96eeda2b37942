"""The fixed cast of the tests: who may see the site `seen.example`, and who must be refused.

`stranger.example` belongs to nobody of them, so that a list that shows it shows too much.
"""

from dataclasses import dataclass
from functools import cache

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from analytics.models import Member
from tracker.models import Site

PASSWORD = "correct horse battery"
# For `manage.py shell` beside a product; it prints the keys of both sites.
MAKE_CAST = (
    "from tests.cast import make_cast; cast = make_cast(); print(cast.site.key, cast.strange_site.key)"
)


@dataclass(frozen=True)
class Cast:
    """Everyone, and the two sites."""

    site: Site
    strange_site: Site
    owner: User
    viewer: User
    outsider: User
    superuser: User
    deactivated: User
    customer: User

    def everyone(self) -> dict[str, User]:
        names = ("owner", "viewer", "outsider", "superuser", "deactivated", "customer")
        return {name: getattr(self, name) for name in names}


def make_cast() -> Cast:
    """Put the cast into the database: an owner and a viewer of the site, staff of no site (outsider),
    a superuser, a deactivated owner, and a customer: a user, and even a member, who is not staff."""
    site = Site.objects.create(
        domain="seen.example", hosts=["seen.example", "www.seen.example"], timezone="Europe/Berlin"
    )
    strange = Site.objects.create(domain="stranger.example", hosts=["stranger.example"])
    people = {
        name: User.objects.create(username=name, password=_hashed(), **rights)
        for name, rights in {
            "owner": {"is_staff": True},
            "viewer": {"is_staff": True},
            "outsider": {"is_staff": True},
            "superuser": {"is_staff": True, "is_superuser": True},
            "deactivated": {"is_staff": True, "is_active": False},
            "customer": {},
        }.items()
    }
    for name in ("owner", "deactivated", "customer"):
        Member.objects.create(site=site, user=people[name], role=Member.Role.OWNER)
    Member.objects.create(site=site, user=people["viewer"], role=Member.Role.VIEWER)
    return Cast(site, strange, **people)


@cache
def _hashed() -> str:
    # Once: hashing takes 0.2 s, and six people are in every test's cast.
    return make_password(PASSWORD)
