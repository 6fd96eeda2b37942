import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.pages.page_url import LIMIT, PageUrl, Utm, read


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://example.com/pricing", "example.com", "/pricing"),
        ("http://Example.COM:8080/a/b/?x=1#top", "example.com", "/a/b/"),
        ("https://example.com", "example.com", "/"),
        ("https://example.com?x", "example.com", "/"),
        ("https://user:secret@example.com/", "example.com", "/"),
        ("https://example.com./", "example.com", "/"),
        ("https://bücher.example/", "xn--bcher-kva.example", "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
        ("http://127.0.0.1:8000/", "127.0.0.1", "/"),
        ("http://[::1]:8000/x", "::1", "/x"),
        ("https://example.com/caf%C3%A9/%2F", "example.com", "/caf%C3%A9/%2F"),
        ("https://example.com/café menu", "example.com", "/caf%C3%A9%20menu"),
        ("https://example.com//double", "example.com", "//double"),
        ("https://example.com/a;b=c", "example.com", "/a;b=c"),
    ],
)
def test_host_and_path_are_what_is_counted(url: str, host: str, path: str) -> None:
    assert (read(url).host, read(url).path) == (host, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/pricing",
        "//example.com/",
        "https://",
        "https:///x",
        "javascript:alert(1)",
        "data:,x",
        "ftp://example.com/",
        "https://[::1/",
        "https://[x]/",
        "https://exa／mple.com/",
        "https://exam ple.com/",
        "https://exam%0aple.com/",
        "https://a'><b.example/",
        "https://" + "ü" * 80 + ".example/",
    ],
)
def test_what_is_no_web_page_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        read(url)


def test_only_listed_parameters_stay_in_the_query_and_in_their_order() -> None:
    url = (
        "https://example.com/?token=s3cret&gclid=A&q=red+shoes&utm_source=news%20letter&email=a@b.c&fbclid=B"
    )
    assert read(url).query == "gclid=A&utm_source=news%20letter&fbclid=B"
    assert read(url, keep={"q"}).query == "gclid=A&q=red+shoes&utm_source=news%20letter&fbclid=B"
    assert read("https://example.com/?token=s3cret&Q=1", keep={"q"}).query == ""


def test_a_parameter_is_known_however_it_is_written() -> None:
    found = read("https://example.com/?UTM_Source=a&utm%5Fmedium=b&GCLID=c")
    assert found.query == "UTM_Source=a&utm%5Fmedium=b&GCLID=c"
    assert (found.utm.source, found.utm.medium) == ("a", "b")


def test_utm_parameters_are_decoded_and_the_first_counts() -> None:
    query = "utm_source=x+y&utm_medium=e%2Dmail&utm_campaign=Caf%C3%A9&utm_term=t&utm_content=c&utm_source=z"
    assert read(f"https://example.com/?{query}").utm == Utm("x y", "e-mail", "Café", "t", "c")


def test_a_utm_value_can_be_stored() -> None:
    assert read("https://example.com/?utm_source=a%00b%1Bc%ff%ED%A0%80&utm_medium=" + "m" * 300).utm == Utm(
        "abc" + "\ufffd" * 4, "m" * 256
    )


def test_the_fragment_tells_pages_apart_only_where_the_site_says_so() -> None:
    url = "https://example.com/app?x=1#/inbox/7?token=s3cret"
    assert read(url).path == "/app"
    assert read(url, hash_routes=True).path == "/app#/inbox/7"
    assert read("https://example.com/app#", hash_routes=True).path == "/app"


def test_a_path_has_a_bound_and_no_half_escape_at_its_end() -> None:
    path = read("https://example.com/" + "é" * 2000).path
    assert LIMIT - 3 < len(path) <= LIMIT
    assert path == "/" + "%C3%A9" * (len(path) // 6) + path[1 + len(path) // 6 * 6 :]
    assert path[-3] == "%"
    assert len(read("https://example.com/" + "a" * 5000 + "#b", hash_routes=True).path) == LIMIT


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_any_page_is_read_or_refused(rest: str, hash_routes: bool) -> None:
    for url in (
        rest,
        f"https://{rest}",
        f"https://example.com/{rest}",
        f"https://example.com/?utm_source={rest}",
    ):
        try:
            found = read(url, keep={"q"}, hash_routes=hash_routes)
        except ValueError:
            continue
        assert isinstance(found, PageUrl)
        assert found.host
        assert found.path.startswith("/")
        for text in (found.host, found.path, found.query):
            assert text.isascii()
            assert text.isprintable()
            assert len(text) <= LIMIT
        assert found.utm.source.isprintable()
