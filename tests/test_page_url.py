from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.pages import page_url, referrers
from tracker.pages.escapes import LIMIT, one_form, readable
from tracker.pages.naming import Naming, lower, without_slashes
from tracker.pages.page_url import PageUrl, Utm, read

HASHED = Naming(hash_routes=True)


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
    assert (
        read(url, Naming(keep=frozenset("q"))).query
        == "gclid=A&q=red+shoes&utm_source=news%20letter&fbclid=B"
    )
    assert read("https://example.com/?token=s3cret&Q=1", Naming(keep=frozenset("q"))).query == ""


def test_a_parameter_is_known_however_it_is_written() -> None:
    found = read("https://example.com/?UTM_Source=a&utm%5Fmedium=b&GCLID=c")
    assert found.query == "UTM_Source=a&utm_medium=b&GCLID=c"
    assert (found.utm.source, found.utm.medium) == ("a", "b")


def test_utm_parameters_are_decoded_and_the_first_counts() -> None:
    query = "utm_source=x+y&utm_medium=e%2Dmail&utm_campaign=Caf%C3%A9&utm_term=t&utm_content=c&utm_source=z"
    assert read(f"https://example.com/?{query}").utm == Utm("x y", "e-mail", "Café", "t", "c")


def test_the_ampersands_of_mail_tools_are_read() -> None:
    found = read("https://example.com/?a=1&amp;utm_source=letter&amp;amp;utm_medium=email&AMP;gclid=x")
    assert (found.utm.source, found.utm.medium, found.paid) == ("letter", "email", True)
    assert found.query == "utm_source=letter&utm_medium=email&gclid=x"


@pytest.mark.parametrize(
    ("query", "ref"),
    [
        ("ref=a", "a"),
        ("source=b", "b"),
        ("source=b&ref=a", "a"),
        ("REF=a%20b&ref=c", "a b"),
        ("ref=&source=b", "b"),
        ("referer=a&xref=b", ""),
    ],
)
def test_a_ref_is_read_and_not_kept(query: str, ref: str) -> None:
    found = read(f"https://example.com/?{query}")
    assert (found.ref, found.query) == (ref, "")


def test_a_utm_value_can_be_stored() -> None:
    assert read("https://example.com/?utm_source=a%00b%1Bc%ff%ED%A0%80&utm_medium=" + "m" * 300).utm == Utm(
        "abc" + "\ufffd" * 4, "m" * 256
    )


def test_the_fragment_tells_pages_apart_only_where_the_site_says_so() -> None:
    url = "https://example.com/app?x=1#/inbox/7?token=s3cret"
    assert read(url).path == "/app"
    assert read(url, HASHED).path == "/app#/inbox/7"
    assert read("https://example.com/app#", HASHED).path == "/app"


def test_a_path_has_a_bound_and_no_half_escape_at_its_end() -> None:
    path = read("https://example.com/" + "é" * 2000).path
    assert LIMIT - 3 < len(path) <= LIMIT
    assert path == "/" + "%C3%A9" * (len(path) // 6) + path[1 + len(path) // 6 * 6 :]
    assert path[-3] == "%"
    assert len(read("https://example.com/" + "a" * 5000 + "#b", HASHED).path) == LIMIT


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/café", "/caf%C3%A9"),
        ("/a%2Db%5F%7e", "/a-b_~"),
        ("/%61%62", "/ab"),
        ("/a%2fb", "/a%2Fb"),
        ("/100%", "/100%25"),
        ("/100%25", "/100%25"),
        ("/%2541", "/%2541"),
        ("/a|b[1]", "/a%7Cb%5B1%5D"),
        ("/a%7cb%5b1%5d", "/a%7Cb%5B1%5D"),
        ("/a(b)", "/a(b)"),
        ("/a%28b%29", "/a%28b%29"),
        ("/%e9", "/%E9"),
    ],
)
def test_a_path_has_one_form_however_it_is_encoded(path: str, name: str) -> None:
    assert read(f"https://example.com{path}").path == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("/caf%C3%A9", "/café"),
        ("/%E6%97%A5%E6%9C%AC/", "/日本/"),
        ("/a%7Cb", "/a|b"),
        ("/100%25", "/100%"),
        ("/%2541", "/%2541"),
        ("/a%2Fb%3Fc", "/a%2Fb%3Fc"),
        ("/a%28b%29", "/a%28b%29"),
        ("/%E9", "/%E9"),
        ("/a%20", "/a%20"),
        ("/a%E2%80%AEb", "/a%E2%80%AEb"),
        ("/a%00", "/a%00"),
    ],
)
def test_people_read_a_path_unless_that_would_hide_something(name: str, text: str) -> None:
    assert readable(name) == text


def test_the_query_of_a_route_is_a_query() -> None:
    found = read("https://example.com/?gclid=A#/pricing?utm_source=news&token=s3cret", HASHED)
    assert (found.path, found.query) == ("/#/pricing", "gclid=A&utm_source=news")
    assert found.utm.source == "news"
    assert read("https://example.com/#/pricing?utm_source=news").utm.source == ""


@pytest.mark.parametrize(
    ("url", "naming", "name"),
    [
        ("/shop/", Naming(fold_slashes=True), "/shop"),
        ("/shop/Index.html", Naming(fold_slashes=True), "/shop"),
        ("/shop//index.php/", Naming(fold_slashes=True), "/shop"),
        ("/index.html", Naming(fold_slashes=True), "/"),
        ("/", Naming(fold_slashes=True), "/"),
        ("/myindex.html", Naming(fold_slashes=True), "/myindex.html"),
        ("/#/inbox/", Naming(fold_slashes=True, hash_routes=True), "/#/inbox"),
        ("/About/ÜBER%2F%E9", Naming(fold_case=True), "/about/%C3%BCber%2F%E9"),
        ("/About", Naming(fold_slashes=True), "/About"),
        ("/pricing", Naming(show_host=True), "de.shop.example/pricing"),
        ("/article?session=1&id=7", Naming(parts=("id",)), "/article?id=7"),
        ("/article?b=2&a=1&a=3", Naming(parts=("a", "b")), "/article?a=1&b=2"),
        ("/article?ID=7", Naming(parts=("id",)), "/article"),
        ("/#/article?id=7%2d8", Naming(parts=("id",), hash_routes=True), "/#/article?id=7-8"),
    ],
)
def test_a_site_names_its_pages(url: str, naming: Naming, name: str) -> None:
    assert read(f"https://de.shop.example{url}", naming).path == name


def test_a_host_is_shown_as_the_sites_own() -> None:
    shown = Naming(show_host=True)
    assert read("https://www.shop.example/", shown).path == "shop.example/"
    assert read("https://de-shop-example.translate.goog/x", shown).path == "de.shop.example/x"


SOME_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ESCAPED = st.lists(
    SOME_TEXT | st.sampled_from([*"%/#?A", "%25", "%C3%9C", "%2F", "%41", "%c3", "/index.html"])
).map("".join)
NAMINGS = st.builds(
    Naming,
    keep=st.just(frozenset({"q"})),
    parts=st.sampled_from([(), ("q", "id")]),
    hash_routes=st.booleans(),
    fold_slashes=st.booleans(),
    fold_case=st.booleans(),
    show_host=st.booleans(),
)


@given(ESCAPED)
def test_one_form_is_one_form(text: str) -> None:
    once = one_form(text)
    assert one_form(once) == once
    assert once.isascii()
    assert one_form(readable(once)) == once
    assert lower(lower(once)) == lower(once) == one_form(lower(once))
    assert without_slashes(without_slashes(once)) == without_slashes(once)


@given(ESCAPED, NAMINGS)
def test_a_name_that_is_typed_names_its_page(rest: str, naming: Naming) -> None:
    naming = naming._replace(parts=())
    try:
        name = read(f"https://www.example.com/{rest}", naming).path
    except ValueError:
        return
    if len(name) < LIMIT and not name.endswith("*"):
        assert naming.typed(name) == naming.typed(readable(name)) == name


@given(ESCAPED, NAMINGS)
def test_any_page_is_read_or_refused(rest: str, naming: Naming) -> None:
    for url in (
        rest,
        f"https://{rest}",
        f"https://example.com/{rest}",
        f"https://example.com/?utm_source={rest}",
    ):
        try:
            found = read(url, naming)
        except ValueError:
            continue
        assert isinstance(found, PageUrl)
        assert found.host
        assert found.path.startswith("/") or (naming.show_host and "/" in found.path)
        for text in (found.host, found.path, found.query):
            assert text.isascii()
            assert text.isprintable()
            assert len(text) <= LIMIT
        assert found.utm.source.isprintable()


@pytest.mark.parametrize(
    "private",
    [
        "/p?token=s3cret",
        "/p?utm_source=x&email=s3cret",
        "/p#s3cret",
        "/p?q=s3cret#s3cret",
        "/p#/route?s3cret",
    ],
)
@pytest.mark.parametrize("start", ["https://never-before.example", "https://s3cret:s3cret@never.example"])
def test_what_may_be_private_is_not_remembered(
    start: str, private: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered: list[str] = []

    def watched(once: Callable[..., object]) -> Callable[..., object]:
        def remember(url: str, *naming: object) -> object:
            remembered.append(url)
            return once(url, *naming)

        return remember

    for module in (page_url, referrers):
        monkeypatch.setattr(module, "_remembered", watched(module._remembered.__wrapped__))
    read(start + private, HASHED)
    referrers.where(start + private, lambda host: False)
    assert not [url for url in remembered if "s3cret" in url]
    assert bool(remembered) is ("@" not in start)
    remembered.clear()
    read("https://example.com/@somebody")
    assert remembered, "a page whose path has an @ is as good as another"
