"""Every address of Footfall, asked by everyone of the cast: nobody sees, or changes, what is not theirs.

A new address fails here until it has its line in ROUTES.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import AsyncClient
from django.test.client import AsyncClientHandler
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from analytics.access import tokens
from analytics.models import Member, PersonalLink, Token
from tests.cast import Cast, make_cast
from tests.sent_forms import fields
from tests.stored import visit
from tracker.models import Event, PageView, Site, Visit

pytestmark = pytest.mark.django_db

STAFF = {"owner", "viewer", "outsider", "superuser"}
READERS = {"owner", "viewer", "superuser"}
ROOT = {"superuser"}
OWNERS = {"owner", "superuser"}
NOBODY: set[str] = set()
EVERYONE = {"anonymous", "owner", "viewer", "outsider", "superuser", "deactivated", "customer"}
USERS = EVERYONE - {"anonymous", "deactivated"}

ROUTES: dict[str, tuple[str, set[str]]] = {
    "t.js": ("/t.js", EVERYONE),
    "live/<str:key>": ("/live/{site.key}", EVERYONE),  # tests/test_live_post.py
    # route: (the address for a site, who gets in where the site is seen.example)
    "admin/": ("/admin/", STAFF),
    "admin/login/": ("/admin/login/", {"anonymous", "deactivated", "customer"}),
    "admin/logout/": ("/admin/logout/", NOBODY),
    "admin/password_change/": ("/admin/password_change/", STAFF),
    "admin/password_change/done/": ("/admin/password_change/done/", STAFF),
    "admin/autocomplete/": (
        "/admin/autocomplete/?app_label=analytics&model_name=member&field_name=site&term=e",
        STAFF,
    ),
    "admin/jsi18n/": ("/admin/jsi18n/", STAFF),
    "admin/r/<path:content_type_id>/<path:object_id>/": ("/admin/r/1/{site.pk}/", NOBODY),
    "admin/tracker/event/": ("/admin/tracker/event/?site={site.key}", STAFF),
    "admin/tracker/event/export/": ("/admin/tracker/event/export/?site={site.key}", READERS),
    "admin/tracker/event/<path:object_id>/change/": ("/admin/tracker/event/{event}/change/", READERS),
    "admin/tracker/pageview/": ("/admin/tracker/pageview/?site={site.key}", STAFF),
    "admin/tracker/pageview/export/": ("/admin/tracker/pageview/export/?site={site.key}", READERS),
    "admin/tracker/pageview/<path:object_id>/change/": ("/admin/tracker/pageview/{view}/change/", READERS),
    "admin/tracker/visit/": ("/admin/tracker/visit/?site={site.key}", STAFF),
    "admin/tracker/visit/export/": ("/admin/tracker/visit/export/?site={site.key}", READERS),
    "admin/tracker/visit/<path:object_id>/change/": ("/admin/tracker/visit/{visit}/change/", READERS),
    "admin/tracker/site/": ("/admin/tracker/site/", STAFF),
    "admin/tracker/site/add/": ("/admin/tracker/site/add/", ROOT),
    "admin/tracker/site/reports/": ("/admin/tracker/site/reports/", STAFF),
    "admin/tracker/site/reports.csv": ("/admin/tracker/site/reports.csv", STAFF),
    "admin/tracker/site/<int:pk>/report/": ("/admin/tracker/site/{site.pk}/report/", READERS),
    "admin/tracker/site/<int:pk>/report/<slug:table>.csv": (
        "/admin/tracker/site/{site.pk}/report/pages.csv",
        READERS,
    ),
    "admin/tracker/site/<path:object_id>/history/": ("/admin/tracker/site/{site.pk}/history/", READERS),
    "admin/tracker/site/<path:object_id>/delete/": ("/admin/tracker/site/{site.pk}/delete/", NOBODY),
    "admin/tracker/site/<path:object_id>/change/": ("/admin/tracker/site/{site.pk}/change/", READERS),
    "admin/tracker/site/<path:object_id>/": ("/admin/tracker/site/{site.pk}/", NOBODY),
    "admin/analytics/erasure/": ("/admin/analytics/erasure/", OWNERS),
    "admin/analytics/token/": ("/admin/analytics/token/", OWNERS),
    "admin/analytics/token/add/": ("/admin/analytics/token/add/", OWNERS),
    "admin/analytics/token/<path:object_id>/history/": ("/admin/analytics/token/{token}/history/", OWNERS),
    "admin/analytics/token/<path:object_id>/delete/": ("/admin/analytics/token/{token}/delete/", OWNERS),
    "admin/analytics/token/<path:object_id>/change/": ("/admin/analytics/token/{token}/change/", OWNERS),
    "admin/analytics/token/<path:object_id>/": ("/admin/analytics/token/{token}/", NOBODY),
    "admin/auth/group/": ("/admin/auth/group/", ROOT),
    "admin/auth/group/add/": ("/admin/auth/group/add/", ROOT),
    "admin/auth/group/<path:object_id>/history/": ("/admin/auth/group/1/history/", NOBODY),
    "admin/auth/group/<path:object_id>/delete/": ("/admin/auth/group/1/delete/", NOBODY),
    "admin/auth/group/<path:object_id>/change/": ("/admin/auth/group/1/change/", NOBODY),
    "admin/auth/group/<path:object_id>/": ("/admin/auth/group/1/", NOBODY),
    "admin/auth/user/<id>/password/": ("/admin/auth/user/{user}/password/", ROOT),
    "admin/auth/user/": ("/admin/auth/user/", ROOT),
    "admin/auth/user/add/": ("/admin/auth/user/add/", ROOT),
    "admin/auth/user/<path:object_id>/history/": ("/admin/auth/user/{user}/history/", ROOT),
    "admin/auth/user/<path:object_id>/delete/": ("/admin/auth/user/{user}/delete/", ROOT),
    "admin/auth/user/<path:object_id>/change/": ("/admin/auth/user/{user}/change/", ROOT),
    "admin/auth/user/<path:object_id>/": ("/admin/auth/user/{user}/", NOBODY),
    "admin/^(?P<app_label>analytics|tracker|auth)/$": ("/admin/tracker/", STAFF),
    "admin/(?P<url>.*)$": ("/admin/no/such/page/", NOBODY),
    "api/v1/": ("/api/v1/", NOBODY),
    "api/v1/openapi.json": ("/api/v1/openapi.json", EVERYONE),
    "api/v1/docs": ("/api/v1/docs", USERS),
    "api/v1/sites/<key>/live": ("/api/v1/sites/{site.key}/live", READERS),
    "api/v1/sites/<key>/refusals": ("/api/v1/sites/{site.key}/refusals", READERS),
    "api/v1/sites": ("/api/v1/sites", USERS),
    "api/v1/sites/<key>": ("/api/v1/sites/{site.key}", READERS),
    "api/v1/sites/<key>/stats": ("/api/v1/sites/{site.key}/stats", READERS),
    "api/v1/sites/<key>/stats/several": ("/api/v1/sites/{site.key}/stats/several", READERS),
    "api/v1/sites/<key>/stays": ("/api/v1/sites/{site.key}/stays", READERS),
    "api/v1/sites/<key>/live/stream": ("/api/v1/sites/{site.key}/live/stream", READERS),
    "api/v1/signals": ("/api/v1/signals", ROOT),
    "api/v1/signals/stream": ("/api/v1/signals/stream?name=a", ROOT),
    "api/v1/signals/logs": ("/api/v1/signals/logs", ROOT),
    "api/v1/sites/<key>/annotations": ("/api/v1/sites/{site.key}/annotations", READERS),
    "api/v1/sites/<key>/events": ("/api/v1/sites/{site.key}/events", READERS),
    "api/v1/sites/<key>/goals": ("/api/v1/sites/{site.key}/goals", READERS),
    "api/v1/sites/<key>/segments": ("/api/v1/sites/{site.key}/segments", READERS),
    "api/v1/sites/<key>/visits": ("/api/v1/sites/{site.key}/visits", READERS),
    "api/v1/sites/<key>/annotations/<number>": ("/api/v1/sites/{site.key}/annotations/0", NOBODY),
    "api/v1/sites/<key>/goals/<number>": ("/api/v1/sites/{site.key}/goals/0", NOBODY),
    "api/v1/sites/<key>/segments/<number>": ("/api/v1/sites/{site.key}/segments/0", NOBODY),
    "api/v1/sites/<key>/visits/<place>": ("/api/v1/sites/{site.key}/visits/nosuch", NOBODY),
    "api/v1/sites/<key>/export/<kind>": ("/api/v1/sites/{site.key}/export/views", READERS),
    "api/v1/sites/<key>/impact": ("/api/v1/sites/{site.key}/impact?from=2026-11-03T12:00Z", READERS),
    "api/v1/sites/<key>/imported": ("/api/v1/sites/{site.key}/imported", READERS),
    "sites/<str:key>/imports/": ("/sites/{site.key}/imports/", NOBODY),  # takes POST only
    "healthz": ("/healthz", NOBODY),
    "readyz": ("/readyz", NOBODY),
    "metrics": ("/metrics", NOBODY),
    "": ("/", USERS),
    "forgotten/": ("/forgotten/", EVERYONE),
    "login/": ("/login/", {"anonymous", "deactivated"}),
    "logout/": ("/logout/", NOBODY),
    "people/": ("/people/", OWNERS),
    "people/links/<int:pk>/": ("/people/links/1/", NOBODY),  # these take POST only; test_people.py
    "people/<int:pk>/reset/": ("/people/{user}/reset/", NOBODY),
    "account/": ("/account/", USERS),
    "account/password/": ("/account/password/", USERS),
    "account/sessions/": ("/account/sessions/", NOBODY),  # these take POST only; test_account.py
    "account/second-factor/": ("/account/second-factor/", NOBODY),
    "people/<int:pk>/second-factor/": ("/people/{user}/second-factor/", NOBODY),
    "welcome/": ("/welcome/", EVERYONE),
    "sites/live.json": ("/sites/live.json", STAFF),
    "sites/<str:key>/": ("/sites/{site.key}/", READERS),
    "sites/<str:key>/curve.json": ("/sites/{site.key}/curve.json", READERS),
    "sites/<str:key>/at.json": ("/sites/{site.key}/at.json?t={now}", READERS),
    "sites/<str:key>/paths.json": ("/sites/{site.key}/paths.json?page=/", READERS),
    "sites/<str:key>/settings/": ("/sites/{site.key}/settings/", READERS),
    "sites/<str:key>/settings/<slug:name>/": ("/sites/{site.key}/settings/zone/", NOBODY),  # takes POST only
    "sites/<str:key>/titles.json": ("/sites/{site.key}/titles.json?page=/", READERS),
    "sites/<str:key>/list.json": ("/sites/{site.key}/list.json?of=pages&t={now}", READERS),
    "sites/add/": ("/sites/add/", ROOT),
    "servers/": ("/servers/", ROOT),
    "sites/<str:key>/servers.json": ("/sites/{site.key}/servers.json", READERS),
    "sites/<str:key>/visits/": ("/sites/{site.key}/visits/", READERS),
    "sites/<str:key>/install/": ("/sites/{site.key}/install/", READERS),
    "sites/<str:key>/install.json": ("/sites/{site.key}/install.json", READERS),
    "sites/<str:key>/remedies/<slug:name>/": ("/sites/{site.key}/remedies/hosts/", NOBODY),  # takes POST only
    "sites/<str:key>/reports/": ("/sites/{site.key}/reports/", READERS),
}
# They start the edge of this process, or one for questions, once they let somebody in; tests of their own
# ask real ones.
LIVE = {
    "admin/tracker/site/reports/",
    "admin/tracker/site/reports.csv",
    "admin/tracker/site/<int:pk>/report/",
    "admin/tracker/site/<int:pk>/report/<slug:table>.csv",
    "api/v1/sites/<key>/live",
    "api/v1/sites/<key>/refusals",
    "api/v1/sites/<key>/stats",
    "api/v1/sites/<key>/stats/several",
    "api/v1/sites/<key>/stays",
    "api/v1/sites/<key>/live/stream",
    "api/v1/signals/stream",
    "api/v1/sites/<key>/events",
    "api/v1/sites/<key>/visits",
    "api/v1/sites/<key>/impact",
    "api/v1/sites/<key>/export/<kind>",
    "live/<str:key>",
    "sites/<str:key>/install.json",
}


@dataclass(frozen=True)
class Stage:
    """The cast, and what stands in the addresses of each of the two sites."""

    cast: Cast
    mine: dict[str, Any]
    theirs: dict[str, Any]


def addresses(site: Site, secret: str, user: User) -> dict[str, Any]:
    """What fills the addresses of a site, with rows that hold a word of their own."""
    stored = visit(site, timezone.now() - timedelta(hours=1), f"/{secret}", events=1)
    model_admin: Any = admin.site.get_model_admin
    tokens.issue([site])
    return {
        "site": site,
        "user": user.pk,
        "now": int(timezone.now().timestamp()),
        "token": Token.objects.filter(sites=site).get().pk,
        "visit": model_admin(Visit).address(stored),
        "view": model_admin(PageView).address(PageView.objects.get(site=site)),
        "event": model_admin(Event).address(Event.objects.get(site=site)),
    }


@pytest.fixture
def stage() -> Stage:
    cast = make_cast()
    return Stage(
        cast,
        addresses(cast.site, "secret-of-seen", cast.viewer),
        addresses(cast.strange_site, "secret-of-stranger", cast.customer),
    )


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Every route of the product."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        else:
            yield route


@async_to_sync
async def ask(
    client: AsyncClient, method: str, address: str, sent: dict[str, Any] | None = None
) -> tuple[int, str]:
    """Status and text of an answer. The request comes from elsewhere: not from this machine."""
    said = {"data": sent} if sent else {}
    response = await getattr(client, method)(address, headers={"X-Forwarded-For": "192.0.2.1"}, **said)
    if response.streaming:
        return response.status_code, b"".join([part async for part in response.streaming_content]).decode()
    return response.status_code, response.content.decode()


@cache
def handler(foreign: bool) -> AsyncClientHandler:
    """What answers all clients: each would make one, which reads all static files, in 0.06 s.

    `foreign`: as a page of another site would ask. Otherwise no request fails for want of a form's token, so
    that it comes as far as the rights.
    """
    made = AsyncClientHandler(enforce_csrf_checks=foreign)
    made.load_middleware(is_async=True)
    return made


def client_of(cast: Cast, name: str, foreign: bool = False) -> AsyncClient:
    client = AsyncClient()
    client.handler = handler(foreign)
    if name != "anonymous":
        client.force_login(cast.everyone()[name])
    return client


def logged_in(client: AsyncClient) -> bool:
    """Whether the client has the session still that it began with: logging in anew takes eight queries."""
    kept = client.cookies.get(settings.SESSION_COOKIE_NAME)
    return kept is not None and Session.objects.filter(session_key=kept.value).exists()


def test_every_address_has_its_line() -> None:
    # An address with several verbs has a route for each.
    assert sorted(set(routes(get_resolver()))) == sorted(ROUTES)


@pytest.mark.parametrize("name", sorted(EVERYONE))
def test_everyone_gets_in_where_they_should_and_sees_only_their_sites(stage: Stage, name: str) -> None:
    client = client_of(stage.cast, name)
    for route, (address, allowed) in ROUTES.items():
        # What hangs on a site is open to the superuser alone where the site is a stranger's.
        elsewhere = allowed & ROOT if "{" in address and allowed in (READERS, OWNERS) else allowed
        for filling, let_in in ((stage.mine, allowed), (stage.theirs, elsewhere)):
            if route in LIVE and name in let_in:
                continue
            asked = address.format(**filling)
            status, text = ask(client, "get", asked)
            assert (status == 200) is (name in let_in), (name, asked, status)
            assert status in (200, 302, 301, 400, 401, 403, 404, 405), (name, asked, status)
            hidden = [] if name in READERS else ["seen.example", "secret-of-seen"]
            hidden += [] if name == "superuser" else ["stranger.example", "secret-of-stranger"]
            assert [word for word in hidden if word in text] == [], (name, asked)


def kept() -> list[list[Any]]:
    """All that a request could change."""
    people = User.objects.values_list("username", "password", "is_staff", "is_superuser", "is_active")
    models = (Site, Member, PersonalLink, Token, PageView, Visit, Event, LogEntry)
    return [sorted(people), *(sorted(model.objects.values_list(), key=str) for model in models)]


def changes(stage: Stage) -> dict[str, dict[str, Any]]:
    """By route of the site that the cast has, what those send who may change there: a filled-in form."""
    client = client_of(stage.cast, "superuser")
    asked = {
        route: address.format(**stage.mine) for route, (address, _) in ROUTES.items() if route not in LIVE
    }
    sent = {route: fields(ask(client, "get", address)[1]) for route, address in asked.items()}
    # What takes POST only has no page of its own with a form.
    return sent | {
        "sites/add/": {"domain": "more.example"},
        "sites/<str:key>/remedies/<slug:name>/": {"of": "more.example"},
        "sites/<str:key>/settings/<slug:name>/": {"timezone": "Europe/Paris"},
    }


@pytest.mark.parametrize("method", ["post", "put", "delete"])
@pytest.mark.parametrize("name", ["viewer", "outsider", "customer"])
def test_who_only_looks_changes_nothing_by_any_verb(stage: Stage, name: str, method: str) -> None:
    filled = changes(stage) if method == "post" else {}
    before = kept()
    client = client_of(stage.cast, name)
    for route, (address, _) in ROUTES.items():
        if route not in LIVE:
            asked = address.format(**stage.mine)
            status, _ = ask(client, method, asked, filled.get(route))
            assert status < 500, (name, method, address)
            if not logged_in(client):
                client = client_of(stage.cast, name)
    assert kept() == before


def test_the_same_requests_change_something_for_who_may_and_nothing_from_another_site(stage: Stage) -> None:
    changed = set()
    before = kept()
    for route, sent in changes(stage).items():
        address = ROUTES[route][0].format(**stage.mine)
        with transaction.atomic():
            ask(client_of(stage.cast, "superuser"), "post", address, sent)
            if kept() != before:
                changed.add(route)
            transaction.set_rollback(True)
        # The token is what only our own pages have.
        sent.pop("csrfmiddlewaretoken", None)
        status, _ = ask(client_of(stage.cast, "superuser", foreign=True), "post", address, sent)
        assert status == 403 or route not in changed, address
    assert kept() == before
    assert changed >= {
        "sites/add/",
        "sites/<str:key>/remedies/<slug:name>/",
        "sites/<str:key>/settings/<slug:name>/",
        "admin/tracker/site/<path:object_id>/change/",
        "admin/analytics/token/<path:object_id>/delete/",
        "admin/auth/user/<path:object_id>/change/",
        "admin/auth/user/<path:object_id>/delete/",
        "people/<int:pk>/reset/",
    }


def test_an_unknown_site_and_a_forbidden_one_look_the_same(stage: Stage) -> None:
    for name in ("outsider", "customer"):
        client = client_of(stage.cast, name)
        for address in ("/sites/{}/", "/sites/{}/reports/", "/api/v1/sites/{}/live"):
            forbidden = ask(client, "get", address.format(stage.cast.site.key))
            unknown = ask(client, "get", address.format("abcdefghjkmn"))
            assert forbidden == unknown
