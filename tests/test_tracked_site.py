"""Who may speak for a site, whatever way its hosts were typed."""

from zoneinfo import ZoneInfo

import pytest

from tracker.sites.tracked_site import TrackedSite


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("example.org", True),
        ("EXAMPLE.org:8443", True),
        ("example.org.", True),
        ("shop.example.net", True),
        ("a.b.example.net:80", True),
        ("example.net", False),
        ("badexample.net", False),
        ("example.org.evil.test", False),
        ("notexample.org", False),
        ("xn--bcher-kva.example", True),
        ("BÜCHER.example", True),
        ("xn--strae-oqa.example", True),
        ("[::1]:8000", True),
        ("::1", True),
        ("127.0.0.1:8000", True),
        ("", False),
        ("null", False),
    ],
)
def test_hosts_are_compared_as_browsers_send_them(host: str, allowed: bool) -> None:
    site = _site(
        hosts=["Example.org", "*.example.net", "bücher.example", "straße.example", "[::1]", "127.0.0.1"]
    )
    assert site.allows(host) is allowed


def test_a_zone_that_nobody_knows_any_more_is_utc() -> None:
    assert _site(zone="Mars/Olympus").zone == ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("www-example-org.translate.goog", True),
        ("WWW-Example-org.translate.goog:443", True),
        ("my--shop-example-net.translate.goog", True),
        ("0-xn----bcher--kva-example-0.translate.goog", True),
        ("evil-test.translate.goog", False),
        ("translate.goog", False),
        (".translate.goog", False),
        ("www-example-org.translate.goog.evil.test", False),
    ],
)
def test_a_page_in_google_translate_is_its_sites(host: str, allowed: bool) -> None:
    site = _site(hosts=["www.example.org", "my-shop.example.net", "bücher.example"])
    assert site.allows(host) is allowed


@pytest.mark.parametrize(
    ("typed", "left_out", "counted"),
    [
        ("/über-uns", "/%C3%BCber-uns", "/%C3%BCber-uns/x"),
        ("/caf%c3%a9/*", "/caf%C3%A9/menu", "/caf"),
        ("/my page", "/my%20page", "/my"),
        ("/日本/*", "/%E6%97%A5%E6%9C%AC/", "/%E6%97%A5"),
        ("/%61dmin", "/admin", "/%2561dmin"),
        ("/#/admin/*", "/#/admin/users", "/"),
        ("/admin/*", "de.example.org/admin/users", "de.example.org/"),
        ("de.example.org/admin/*", "de.example.org/admin/users", "example.org/admin/users"),
    ],
)
def test_what_people_type_leaves_out_the_pages_that_they_mean(
    typed: str, left_out: str, counted: str
) -> None:
    site = _site(paths=[typed])
    assert site.excludes_path(left_out)
    assert not site.excludes_path(counted)


def test_no_excluded_path_that_is_stored_breaks_anything() -> None:
    assert not _site(paths=["", "*x", "%", "#"]).excludes_path("/")


def _site(hosts: list[str] | None = None, zone: str = "UTC", paths: list[str] | None = None) -> TrackedSite:
    return TrackedSite.from_columns(
        (
            1,
            "key",
            hosts or [],
            zone,
            True,
            False,
            [],
            [],
            False,
            False,
            False,
            False,
            [],
            paths or [],
            False,
            True,
        )
    )
