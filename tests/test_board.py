"""The staff pages: who sees which site, where a login leads, and what the pages and their colours promise."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from analytics.board import report_tables
from analytics.history.dimensions import DIMENSIONS
from analytics.history.measures import MEASURES
from tests.cast import PASSWORD, Cast, make_cast
from tracker.models import SignalSeries, Site

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
SEES_SEEN = {"owner", "viewer", "superuser"}
NAMES = ("owner", "viewer", "outsider", "superuser", "deactivated", "customer")


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def client_of(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.everyone()[name])
    return client


def without_tokens(content: bytes) -> str:
    """The page without what differs from one answer to the next: the tokens against forged requests."""
    return re.sub(r'(name="csrfmiddlewaretoken" value)="[^"]*"', r"\1", content.decode())


@pytest.mark.parametrize("name", NAMES)
def test_a_board_opens_for_members_on_the_staff_and_for_nobody_else(cast: Cast, name: str) -> None:
    answer = client_of(cast, name).get(f"/sites/{cast.site.key}/")
    # A deactivated user's session is no session at all: it leads to the login.
    expected = 200 if name in SEES_SEEN else 302 if name == "deactivated" else 404
    assert answer.status_code == expected


def test_who_may_see_servers_has_them_in_the_menu_of_every_page(cast: Cast) -> None:
    site = f"/sites/{cast.site.key}"
    pages = [
        "/",
        "/account/",
        *(f"{site}/{name}" for name in ("", "reports/", "visits/", "settings/", "install/")),
    ]
    link = 'href="/servers/"'

    def with_it(name: str) -> list[str]:
        client = client_of(cast, name)
        return [page for page in pages if link in client.get(page).content.decode()]

    assert with_it("viewer") == []
    cast.viewer.user_permissions.add(Permission.objects.get(codename="see_servers"))
    assert with_it("viewer") == pages
    assert with_it("superuser") == pages


def test_servers_stand_on_the_board_of_who_may_see_them_once_there_are_some(cast: Cast) -> None:
    cast.viewer.user_permissions.add(Permission.objects.get(codename="see_servers"))

    def has(name: str, query: str = "") -> bool:
        page = client_of(cast, name).get(f"/sites/{cast.site.key}/{query}")
        return "data-signals" in page.content.decode()

    assert not has("viewer")
    SignalSeries.objects.create(name="api.time", kind="ms", tags={}, last_at=timezone.now())
    assert has("viewer")
    assert not has("owner")
    assert not has("viewer", "?wall")


@pytest.mark.parametrize("path", ["", "reports/"])
def test_an_unknown_site_and_a_forbidden_one_answer_alike(cast: Cast, path: str) -> None:
    outsider = client_of(cast, "outsider")
    forbidden = outsider.get(f"/sites/{cast.site.key}/{path}")
    unknown = outsider.get(f"/sites/{'z' * len(cast.site.key)}/{path}")
    assert forbidden.status_code == unknown.status_code == 404
    assert without_tokens(forbidden.content) == without_tokens(unknown.content)
    assert cast.site.domain not in forbidden.content.decode()


@pytest.mark.parametrize("key", ["%00", "../admin", "a" * 500, "KEY'--", "%F0%9F%98%80"])
def test_a_key_that_cannot_be_one_is_not_found(cast: Cast, key: str) -> None:
    assert client_of(cast, "superuser").get(f"/sites/{key}/").status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_the_list_shows_the_sites_that_one_may_see(cast: Cast, name: str) -> None:
    client = client_of(cast, name)
    page, counts = client.get("/"), client.get("/sites/live.json")
    if name in ("deactivated", "customer"):
        assert counts.status_code == 403
        assert cast.site.domain not in page.content.decode()
        return
    shown = set(re.findall(r'data-site="(\w+)"', page.content.decode()))
    expected = {"superuser": {cast.site.key, cast.strange_site.key}, "outsider": set()}
    assert shown == expected.get(name, {cast.site.key})
    assert {site["site"] for site in counts.json()["sites"]} == shown


@pytest.mark.parametrize("path", ["/", "/sites/{key}/", "/sites/{key}/reports/"])
def test_without_a_login_every_page_leads_to_it_and_back(cast: Cast, path: str) -> None:
    path = path.format(key=cast.site.key)
    answer = Client().get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/login/?next={path}")


def test_the_reports_know_every_dimension_and_measure_that_they_show(cast: Cast) -> None:
    tables = report_tables.TABLES | report_tables.OF_PAGE
    tabs = [tab for table in tables.values() for tab in table]
    assert {tab.dimension for tab in tabs} <= DIMENSIONS.keys()
    shown = {name for tab in tabs for name in tab.measures.split(",")}
    shown |= {*report_tables.COLUMNS, *report_tables.COLUMNS_OF_EVENTS}
    assert shown | {each.measure for each in report_tables.FIGURES} <= MEASURES.keys()
    assert report_tables.LIVE.keys() <= DIMENSIONS.keys()
    url = f"/sites/{cast.site.key}/reports/"
    page = client_of(cast, "viewer").get(url).content.decode()
    hosts = f'data-dimension="{report_tables.HOST}"'
    assert hosts not in page
    Site.objects.filter(pk=cast.site.pk).update(show_host=True)
    page = client_of(cast, "viewer").get(url).content.decode()
    assert all(f'data-dimension="{tab.dimension}"' in page for tab in tabs)


@pytest.mark.parametrize(
    ("target", "lands"),
    [
        ("/sites/somewhere/", "/sites/somewhere/"),
        ("", "/"),
        ("//evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:evil.example", "/"),
    ],
)
def test_a_login_leads_only_to_pages_of_our_own(cast: Cast, target: str, lands: str) -> None:
    answer = Client().post("/login/", {"username": "owner", "password": PASSWORD, "next": target})
    assert (answer.status_code, answer.headers["Location"]) == (302, lands)


def test_a_wrong_password_and_an_unknown_name_are_told_alike(cast: Cast) -> None:
    pages = [
        Client().post("/login/", {"username": name, "password": "wrong"}).content.decode()
        for name in ("owner", "nobody", "deactivated")
    ]
    assert all("do not match an account" in page for page in pages)
    assert len({re.sub(r'value="[^"]*"', "", page) for page in pages}) == 1


def test_a_login_starts_a_new_session_and_a_logout_ends_it(cast: Cast) -> None:
    client = Client()
    client.get("/login/")
    client.session.save()
    before = client.session.session_key
    client.post("/login/", {"username": "owner", "password": PASSWORD})
    assert client.session.session_key != before
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").headers["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_logging_out_from_another_site_is_refused(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.owner)
    answer = client.post("/logout/", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "Please send that again" in answer.content.decode()
    assert client.get("/").status_code == 200


def test_a_site_that_was_never_visited_shows_the_line_to_paste(cast: Cast) -> None:
    page = client_of(cast, "owner").get(f"/sites/{cast.site.key}/").content.decode()
    assert f"http://testserver/t.js&quot; data-site=&quot;{cast.site.key}&quot;" in page
    assert '<div class="figures" hidden>' in page


def test_a_sites_name_is_text_on_every_page(cast: Cast) -> None:
    Site.objects.filter(pk=cast.site.pk).update(domain='<img src=x onerror="alert(1)">')
    client = client_of(cast, "owner")
    for path in ("/", f"/sites/{cast.site.key}/"):
        assert "<img" not in client.get(path).content.decode()


class Inline(HTMLParser):
    """Collects what a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]
        # What stands in a field is loaded by nobody.
        addresses = [value for name, value in attrs if value and name not in ("value", "placeholder")]
        self.found += [value for value in addresses if re.match(r"(https?:)?//|javascript:", value)]


@pytest.mark.parametrize("path", ["/login/", "/", "/sites/{key}/", "/sites/nothing/", "/login/nothing"])
def test_pages_hold_nothing_inline_and_load_nothing_foreign(cast: Cast, path: str) -> None:
    client = Client() if path == "/login/" else client_of(cast, "owner")
    answer = client.get(path.format(key=cast.site.key))
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    inline = Inline()
    inline.feed(answer.content.decode())
    assert inline.found == []


@pytest.mark.parametrize("path", ["/", "/sites/{key}/", "/sites/live.json"])
def test_pages_of_staff_are_kept_by_no_cache(cast: Cast, path: str) -> None:
    answer = client_of(cast, "owner").get(path.format(key=cast.site.key))
    assert "no-store" in answer.headers["Cache-Control"]


def luminance(text: str) -> float:
    """WCAG's relative luminance of `oklch(L% C H)`."""
    lightness, chroma, hue = (float(part.rstrip("%")) for part in text.split())
    a, b = (chroma * turn(math.radians(hue)) for turn in (math.cos, math.sin))
    light = lightness / 100
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
    red, green, blue = (min(1.0, max(0.0, part)) for part in (red, green, blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\(oklch\(([^)/]+)\), oklch\(([^)/]+)\)\)",
        (STATIC / "shared" / "tokens.css").read_text(),
    )
}
TEXT = [
    (ink, paper) for ink in ("ink", "ink-2", "ink-3", "live", "warn", "bad") for paper in ("paper", "paper-2")
]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [*TEXT, ("ink", "live-soft"), ("ink-2", "live-soft"), ("paper", "ink"), ("paper", "ink-2")],
)
def test_text_stands_out_from_what_it_stands_on(ink: str, paper: str, scheme: int) -> None:
    lighter, darker = sorted((luminance(TOKENS[name][scheme]) for name in (ink, paper)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_style_sheets_name_colours_only_by_token() -> None:
    for sheet in (*STATIC.glob("shared/*.css"), *STATIC.glob("sites/*.css"), *STATIC.glob("board/**/*.css")):
        if sheet.name != "tokens.css":
            assert not re.search(
                r"#[0-9a-fA-F]{3,8}\b|rgb|hsl|oklch\(", sheet.read_text().split("*/", 1)[1]
            ), sheet
