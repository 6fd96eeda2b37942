"""`manage.py addsite` and the hosts it understands."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tracker.models import Site
from tracker.sites import hosts
from tracker.sites.snippet_tag import tag


def addsite(*arguments: str) -> list[str]:
    """The lines it prints."""
    out = StringIO()
    call_command("addsite", *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("example.com", "example.com"),
        (" Example.COM. ", "example.com"),
        ("https://example.com:8443/path?x", "example.com"),
        ("example.com:8000", "example.com"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        # As browsers do it; the older rules would make it "strasse".
        ("straße.example", "xn--strae-oqa.example"),
        ("*.example.com", "*.example.com"),
        ("*.MÜNCHEN.example", "*.xn--mnchen-3ya.example"),
        ("localhost", "localhost"),
        ("my_host.lan", "my_host.lan"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:8000", "192.0.2.7"),
        ("::1", "::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("http://[2001:db8::1]:8000/", "2001:db8::1"),
    ],
)
def test_a_host_is_kept_as_browsers_say_it(typed: str, host: str) -> None:
    assert hosts.read_host(typed) == host


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", ".", "*", "*.", "a..b", "-a.example", "a-.example", "a b.example", "<b>.example"),
        *(
            "a.*.example",
            "*.*.example",
            "http://",
            "x" * 64 + ".example",
            "a." * 127 + "example",
            "\0.example",
        ),
    ],
)
def test_what_is_no_host_is_refused_in_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match="is not a host name"):
        hosts.read_host(typed)


def test_www_is_allowed_beside_the_domain_and_nothing_twice() -> None:
    assert hosts.site_hosts("Example.com", ["shop.example.com", "www.example.com"]) == [
        "example.com",
        "www.example.com",
        "shop.example.com",
    ]


def test_the_bare_domain_is_allowed_beside_its_www() -> None:
    assert hosts.site_hosts("www.Example.com", []) == ["www.example.com", "example.com"]
    assert hosts.site_hosts("www.bücher.example", []) == [
        "www.xn--bcher-kva.example",
        "xn--bcher-kva.example",
    ]


@pytest.mark.parametrize("domain", ["localhost", "www.example", "192.0.2.7", "::1"])
def test_no_www_where_it_makes_no_sense(domain: str) -> None:
    assert hosts.site_hosts(domain, []) == [domain]


@pytest.mark.django_db
def test_it_prints_key_and_snippet_of_a_site_it_made() -> None:
    lines = addsite("Example.com", "--host", "*.example.org", "--tz", "Europe/Berlin")
    site = Site.objects.get()
    assert (site.domain, site.timezone, site.enabled, site.demo) == (
        "example.com",
        "Europe/Berlin",
        True,
        False,
    )
    assert site.hosts == ["example.com", "www.example.com", "*.example.org"]
    assert f"Key:     {site.key}" in lines
    assert f'<script defer src="http://localhost:8000/t.js" data-site="{site.key}"></script>' in lines[-1]


@pytest.mark.django_db
def test_a_domain_that_has_a_site_already_is_told() -> None:
    addsite("bücher.example")
    first = Site.objects.get()
    err = StringIO()
    call_command("addsite", "www.bücher.example", stdout=StringIO(), stderr=err)
    assert f"bücher.example has a site already (key {first.key}); this is another one." in err.getvalue()
    assert Site.objects.count() == 2


@pytest.mark.django_db
def test_json_is_the_last_line() -> None:
    said = json.loads(addsite("example.com", "--json")[-1])
    site = Site.objects.get()
    assert said == {"key": site.key, "snippet": tag(site, "http://localhost:8000")}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ex ample.com"], "'ex ample.com' is not a host name (try example.com)."),
        (["example.com", "--host", "a..b"], "'a..b' is not a host name (try example.com)."),
        (["*.example.com"], "A site has one domain; allow its subdomains with --host '*.example.com'."),
        (["example.com", "--tz", "Mars/Olympus"], "'Mars/Olympus' is not a time zone (try Europe/Berlin)."),
    ],
)
def test_bad_words_make_no_site_and_say_why(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError) as refused:
        addsite(*arguments)
    assert str(refused.value) == sentence
    assert not Site.objects.exists()


def test_the_snippet_says_what_the_site_asks_for() -> None:
    site = Site(key="abc", honour_dnt=True, hash_routes=True)
    expected = '<script defer src="https://stats.example/t.js" data-site="abc" data-dnt data-hash></script>'
    assert tag(site, "https://stats.example") == expected


def test_the_snippet_cannot_be_broken_out_of() -> None:
    assert '"><b>' not in tag(Site(key="abc"), 'https://stats.example"><b>')
