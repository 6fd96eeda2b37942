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


def _site(hosts: list[str] | None = None, zone: str = "UTC") -> TrackedSite:
    return TrackedSite.from_columns((1, "key", hosts or [], zone, True, False, False, [], [], [], False))
