"""A site is added by its domain, and set up: what its pages say, and to whom."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, RequestFactory, override_settings

from analytics.models import Member
from analytics.sites.installing import is_local, own_rule, warning
from analytics.sites.snippet_variants import variants
from tests.cast import Cast, make_cast
from tracker.models import Site

pytestmark = pytest.mark.django_db
BASE = "https://stats.example.com"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def add(user: User, domain: str, zone: str = "", **more: str) -> Any:
    return client_of(user).post("/sites/add/", {"domain": domain, "timezone": zone, **more})


def test_a_domain_is_enough_and_leads_to_the_installation(cast: Cast) -> None:
    answer = add(cast.superuser, "  https://Shop.Example:8443/start ", "Europe/Berlin")
    site = Site.objects.get(domain="shop.example")
    assert answer["Location"] == f"/sites/{site.key}/install/"
    assert (site.hosts, site.timezone) == (["shop.example", "www.shop.example"], "Europe/Berlin")
    shown = client_of(cast.superuser).get(answer["Location"]).content.decode()
    assert "Put this line into every page of shop.example" in shown
    assert f"data-site=&quot;{site.key}&quot;" in shown


@pytest.mark.parametrize("zone", ["", "Mars/Base", "\0", "Europe/Berlin\n"])
def test_a_zone_that_is_not_known_here_is_nobodys_mistake(cast: Cast, zone: str) -> None:
    add(cast.superuser, "shop.example", zone)
    assert Site.objects.get(domain="shop.example").timezone == "UTC"


@pytest.mark.parametrize("domain", ["", "no host", "*.example.com", "x\0.example", "a" * 300, "<b>"])
def test_what_is_no_domain_is_told(cast: Cast, domain: str) -> None:
    answer = add(cast.superuser, domain)
    assert (answer.status_code, 'role="alert"' in answer.content.decode()) == (422, True)
    assert Site.objects.count() == 2


def test_a_domain_that_exists_is_told_and_taken_when_that_is_meant(cast: Cast) -> None:
    answer = add(cast.superuser, "www.seen.example")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert f"/sites/{cast.site.key}/install/" in text
    assert Site.objects.count() == 2
    assert add(cast.superuser, "www.seen.example", again="on").status_code == 302


def test_who_may_add_sites_owns_them_and_learns_of_no_others(cast: Cast) -> None:
    for user in (cast.owner, cast.outsider, cast.customer):
        assert add(user, "new.example").status_code == 403
        assert client_of(user).get("/sites/add/").status_code == 403
    assert Client().get("/sites/add/")["Location"].startswith("/login/")
    cast.outsider.user_permissions.add(Permission.objects.get(codename="add_site"))
    assert "Add your first site" in client_of(cast.outsider).get("/").content.decode()
    assert add(cast.outsider, "stranger.example").status_code == 302
    member = Member.objects.get(user=cast.outsider)
    assert (member.role, str(member.site)) == ("owner", "stranger.example")
    assert "Add a site" in client_of(cast.outsider).get("/").content.decode()
    assert "Add a site" not in client_of(cast.owner).get("/").content.decode()


def test_the_snippet_is_for_who_may_see_the_site(cast: Cast) -> None:
    for name, user in cast.everyone().items():
        client = client_of(user)
        page = client.get(f"/sites/{cast.site.key}/install/").status_code
        if name in ("owner", "viewer", "superuser"):
            assert page == 200, name
            continue
        assert page == (302 if name == "deactivated" else 404), name
        assert client.get(f"/sites/{cast.site.key}/install.json").status_code == 404, name


@pytest.fixture
def site(cast: Cast) -> Site:
    return cast.site


def blocks(site: Site) -> dict[str, str]:
    return {each.name: each.block for each in variants(site, BASE)}


def test_every_variant_names_the_site_and_where_footfall_is(site: Site) -> None:
    for name, block in blocks(site).items():
        assert BASE in block, name
        assert (site.key in block) is (name != "csp"), name
    assert f'src="{BASE}/t.js?site={site.key}"' in blocks(site)["gtm"]
    assert "connect-src https://stats.example.com wss://stats.example.com" in blocks(site)["csp"]


def test_variants_say_what_the_site_honours(site: Site) -> None:
    site.honour_dnt = site.hash_routes = True
    for name, block in blocks(site).items():
        assert ("data-dnt" in block and "data-hash" in block) is (name != "csp"), name


def test_an_address_that_other_browsers_cannot_reach_is_told(site: Site) -> None:
    assert "is this machine alone" in warning(site, "http://localhost:8000")
    assert "is this machine alone" in warning(site, "http://127.0.0.1:8000")
    assert "without TLS" in warning(site, "http://stats.example.com")
    assert warning(site, BASE) == ""
    site.hosts = ["localhost", "shop.localhost", "127.0.0.1"]
    assert warning(site, "http://localhost:8000") == ""
    assert not is_local("https://localhost.example.com")
    assert is_local("http://[::1]:8000")


@override_settings(FOOTFALL_URL=BASE)
def test_a_configured_address_is_used_where_the_readers_own_would_not_do(cast: Cast) -> None:
    text = client_of(cast.owner).get(f"/sites/{cast.site.key}/install/", headers={"host": "localhost"})
    assert f"{BASE}/t.js" in text.content.decode()


@override_settings(FOOTFALL_TRUSTED_PROXIES=["127.0.0.1"])
def test_whose_own_address_is_left_out_is_told_by_which_rule(site: Site) -> None:
    site.excluded_addresses = ["10.0.0.0/8", "192.0.2.0/24"]
    for address, rule in (("192.0.2.7", "192.0.2.0/24"), ("198.51.100.1", "")):
        request = RequestFactory().get("/", headers={"x-forwarded-for": address})
        assert own_rule(request, site) == rule
