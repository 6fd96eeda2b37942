"""The one access check: who sees which site, and who may change it."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, Permission

from analytics.access import rights
from analytics.models import Token
from tests.cast import Cast, make_cast
from tracker.models import Site

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


SEES = {
    "owner": {"seen.example"},
    "viewer": {"seen.example"},
    "superuser": {"seen.example", "stranger.example"},
    "outsider": set(),
    "deactivated": set(),
    "customer": set(),
}
OWNS = SEES | {"viewer": set()}


def domains(sites: object) -> set[str]:
    return {site.domain for site in sites}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SEES)
def test_everyone_sees_their_own_sites_and_no_others(cast: Cast, name: str) -> None:
    user = cast.everyone()[name]
    assert domains(rights.visible_sites(user)) == SEES[name]
    for site in (cast.site, cast.strange_site):
        found = rights.site_for(user, site.key)
        assert (found == site) is (site.domain in SEES[name])
        assert async_to_sync(rights.asite_for)(user, site.key) == found


@pytest.mark.parametrize("name", OWNS)
def test_only_owners_and_superusers_may_change_a_site(cast: Cast, name: str) -> None:
    user = cast.everyone()[name]
    assert domains(rights.owned_sites(user)) == OWNS[name]
    assert rights.owns(user, cast.site) is ("seen.example" in OWNS[name])
    assert rights.owns(user, cast.strange_site) is (name == "superuser")


def test_superusers_add_sites_and_whom_they_gave_the_right(cast: Cast) -> None:
    cast.outsider.user_permissions.add(Permission.objects.get(codename="add_site"))
    cast.customer.user_permissions.add(Permission.objects.get(codename="add_site"))
    may = {name for name, user in cast.everyone().items() if rights.may_add_sites(user)}
    assert may == {"superuser", "outsider"}
    assert not rights.may_add_sites(AnonymousUser())
    assert not rights.may_add_sites(Token(all_sites=True, write=True))


def test_nobody_in_particular_sees_nothing(cast: Cast) -> None:
    assert domains(rights.visible_sites(AnonymousUser())) == set()
    assert rights.site_for(AnonymousUser(), cast.site.key) is None


def test_a_deactivated_superuser_sees_nothing(cast: Cast) -> None:
    cast.superuser.is_active = False
    cast.superuser.save()
    assert domains(rights.visible_sites(cast.superuser)) == set()


@pytest.mark.parametrize("key", ["", "no-such-site", "a\0b", "x" * 33, "' OR 1=1 --", "ÄÖ"])
def test_a_key_that_is_none_is_an_unknown_site(cast: Cast, key: str) -> None:
    assert rights.site_for(cast.superuser, key) is None
    assert async_to_sync(rights.asite_for)(cast.superuser, key) is None


def test_a_token_sees_its_sites_and_owns_none(cast: Cast) -> None:
    token = Token.objects.create(name="a", digest=b"a")
    token.sites.add(cast.site)
    assert domains(rights.visible_sites(token)) == {"seen.example"}
    assert not rights.owns(token, cast.site)


def test_a_token_whose_last_site_is_gone_sees_nothing_more(cast: Cast) -> None:
    token = Token.objects.create(name="a", digest=b"a")
    token.sites.add(cast.site)
    Site.objects.filter(pk=cast.site.pk).delete()
    assert domains(rights.visible_sites(token)) == set()


def test_a_token_for_all_sites_sees_new_ones_too(cast: Cast) -> None:
    token = Token.objects.create(name="a", digest=b"a", all_sites=True)
    Site.objects.create(domain="new.example", hosts=["new.example"])
    assert domains(rights.visible_sites(token)) == {"seen.example", "stranger.example", "new.example"}
