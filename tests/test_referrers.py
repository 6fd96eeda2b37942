import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.pages.page_url import NO_UTM, Utm
from tracker.pages.referrers import CHANNELS, Referrer, read
from tracker.pages.sources import HOSTS


def own(host: str) -> bool:
    return host in ("example.com", "www.example.com")


def came_from(url: str, utm: Utm = NO_UTM) -> Referrer:
    return read(url, own, utm)


@pytest.mark.parametrize(
    ("url", "source", "channel"),
    [
        ("https://www.google.com/", "Google", "search"),
        ("https://www.google.de/search?q=x", "Google", "search"),
        ("https://www.google.co.uk/", "Google", "search"),
        ("https://google.com.br/", "Google", "search"),
        ("https://yandex.ru/", "Yandex", "search"),
        ("https://de.search.yahoo.com/", "Yahoo", "search"),
        ("https://www.bing.com/", "Bing", "search"),
        ("https://duckduckgo.com/", "DuckDuckGo", "search"),
        ("https://news.google.com/", "Google News", "news"),
        ("https://mail.google.com/", "Gmail", "mail"),
        ("https://mail.yahoo.com/", "Yahoo Mail", "mail"),
        ("https://gemini.google.com/", "Gemini", "ai"),
        ("https://chatgpt.com/", "ChatGPT", "ai"),
        ("https://chat.openai.com/", "ChatGPT", "ai"),
        ("https://claude.ai/", "Claude", "ai"),
        ("https://www.perplexity.ai/", "Perplexity", "ai"),
        ("https://copilot.microsoft.com/", "Copilot", "ai"),
        ("https://chat.deepseek.com/", "DeepSeek", "ai"),
        ("https://chat.mistral.ai/", "Mistral", "ai"),
        ("https://l.facebook.com/l.php?u=x", "Facebook", "social"),
        ("https://t.co/abc", "X", "social"),
        ("https://old.reddit.com/r/x", "Reddit", "social"),
        ("https://www.pinterest.com.mx/", "Pinterest", "social"),
        ("https://news.ycombinator.com/item?id=1", "Hacker News", "news"),
        ("android-app://com.google.android.googlequicksearchbox/", "Google", "search"),
        ("android-app://com.google.android.gm", "Gmail", "mail"),
        ("android-app://org.example.reader/https/x", "org.example.reader", "referral"),
        ("https://www.other.example/post", "other.example", "referral"),
        ("https://blog.other.example/", "blog.other.example", "referral"),
        ("https://docs.google.com/document/d/x", "docs.google.com", "referral"),
        ("https://WWW.Other.Example:8443/", "other.example", "referral"),
        ("http://localhost:3000/", "localhost", "referral"),
        ("https://192.0.2.7/", "192.0.2.7", "referral"),
    ],
)
def test_a_source_has_a_name_and_a_channel(url: str, source: str, channel: str) -> None:
    found = came_from(url)
    assert (found.source, found.channel) == (source, channel)


@pytest.mark.parametrize(
    "host",
    [
        "google.evil.example",
        "google.com.evil.example",
        "notgoogle.com",
        "www.google.evil.com",
        "google.x.de",
        "chatgpt.com.evil.example",
        "mychatgpt.com",
        "facebook.com.de.example",
        "google",
    ],
)
def test_a_host_that_only_looks_like_a_source_is_itself(host: str) -> None:
    found = came_from(f"https://{host}/")
    assert (found.source, found.channel) == (host.removeprefix("www."), "referral")


@pytest.mark.parametrize(
    "url",
    ["", "https://example.com/a", "https://www.EXAMPLE.com/", "javascript:x", "https://[x", "https://a:b/"],
)
def test_own_broken_and_missing_referrers_are_direct(url: str) -> None:
    assert came_from(url) == Referrer("", "direct", "")


def test_what_may_be_private_is_cut_from_the_url() -> None:
    url = "https://user:secret@other.example:8443/inbox/7?token=x#frag"
    assert came_from(url).url == "https://other.example:8443/inbox/7"
    assert came_from("http://[2001:db8::1]:80/x").url == "http://[2001:db8::1]:80/x"
    assert came_from("https://other.example").url == "https://other.example/"
    assert len(came_from("https://other.example/" + "é" * 2000).url) <= 2048


@pytest.mark.parametrize(
    ("url", "utm", "channel"),
    [
        ("", Utm(source="spring"), "campaign"),
        ("", Utm(campaign="launch"), "campaign"),
        ("https://www.google.com/", Utm("google", "cpc", "brand"), "campaign"),
        ("", Utm("letter", "Email"), "mail"),
        ("", Utm("buffer", "social"), "social"),
        ("", Utm(source="chatgpt.com"), "ai"),
        ("https://chatgpt.com/", Utm(source="chatgpt.com"), "ai"),
        ("https://other.example/", Utm(term="shoes"), "referral"),
    ],
)
def test_a_campaign_outranks_the_referring_page(url: str, utm: Utm, channel: str) -> None:
    assert came_from(url, utm).channel == channel
    assert came_from(url, utm).source == came_from(url).source


def test_every_host_of_the_table_is_found_under_its_own_name() -> None:
    seen: set[str] = set()
    for channel, names in HOSTS.items():
        assert channel in CHANNELS
        for name, hosts in names.items():
            for host in hosts.split():
                assert host not in seen
                assert host == host.lower()
                seen.add(host)
                found = came_from(f"https://www.{host}/")
                assert (found.source, found.channel) == (name, channel)


@given(st.text(), st.text())
def test_any_referrer_is_read(rest: str, source: str) -> None:
    for url in (rest, f"https://{rest}", f"android-app://{rest}", f"https://other.example/{rest}"):
        found = came_from(url, Utm(source=source))
        assert found.channel in CHANNELS
        assert len(found.source) <= 2048
        assert found.url.isascii()
