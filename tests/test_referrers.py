import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.pages import page_url
from tracker.pages.page_url import NO_UTM, Utm
from tracker.pages.referrers import CHANNELS, Referrer, read
from tracker.pages.sources import APART, HOSTS


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
    ("url", "utm", "source", "channel"),
    [
        ("", Utm(source="spring"), "spring", "campaign"),
        ("", Utm(campaign="launch"), "", "campaign"),
        ("https://www.google.com/", Utm("google", "cpc", "brand"), "Google", "paid"),
        ("https://www.google.com/", Utm("Letter", "Email"), "letter", "mail"),
        ("", Utm("buffer", "social"), "buffer", "social"),
        ("", Utm(source="chatgpt.com"), "ChatGPT", "ai"),
        ("https://chatgpt.com/", Utm(source="chatgpt.com"), "ChatGPT", "ai"),
        ("", Utm("chatgpt.com", "referral"), "ChatGPT", "ai"),
        ("", Utm("google", "organic", "profile"), "Google", "search"),
        ("", Utm("Twitter"), "X", "social"),
        ("", Utm("hacker-news"), "Hacker News", "news"),
        ("", Utm("https://news.ycombinator.com/item?id=1"), "Hacker News", "news"),
        ("", Utm("www.Other.example"), "other.example", "campaign"),
        ("", Utm("com.google.android.gm"), "Gmail", "mail"),
        ("https://other.example/", Utm(term="shoes"), "other.example", "referral"),
    ],
)
def test_what_a_links_maker_says_outranks_the_referring_page(
    url: str, utm: Utm, source: str, channel: str
) -> None:
    found = came_from(url, utm)
    assert (found.source, found.channel) == (source, channel)
    assert found.url == came_from(url).url


@pytest.mark.parametrize(
    ("url", "ref", "utm", "source", "channel"),
    [
        ("", "producthunt", NO_UTM, "Product Hunt", "social"),
        ("https://www.google.com/", "Partner", NO_UTM, "partner", "referral"),
        ("", "partner.example", Utm(medium="email"), "partner.example", "mail"),
        ("", "partner", Utm(source="letter"), "letter", "campaign"),
        ("https://other.example/", "example.com", NO_UTM, "other.example", "referral"),
        ("https://other.example/", "anna@example.org", NO_UTM, "other.example", "referral"),
    ],
)
def test_a_ref_parameter_is_a_source_unless_there_is_a_campaigns(
    url: str, ref: str, utm: Utm, source: str, channel: str
) -> None:
    found = read(url, own, utm, ref)
    assert (found.source, found.channel) == (source, channel)


@pytest.mark.parametrize(
    "query",
    [
        "gclid=x",
        "GBRAID=x",
        "wbraid=x",
        "dclid=x",
        "msclkid=x",
        "ttclid=x",
        "li_fat_id=x",
        "twclid=x",
        "yclid=1",
        "rdt_cid=1",
        "fbclid=x&ad_id=12",
        "fbclid=x&hsa_cam=1",
        "fbclid=x&utm_medium=paid",
        "utm_medium=CPC&utm_source=google",
        "utm_medium=paid_social",
        "utm_medium=paidsearch",
        "utm_medium=display",
        "utm_medium=paid-search%20brand",
        "utm_medium=social_cpm",
        "utm_source=google-ads",
        "utm_source=fb_ads&utm_medium=x",
        "utm_source=letter&utm_medium=email&gclid=x",
    ],
)
def test_who_came_by_an_ad_is_paid_for(query: str) -> None:
    url = page_url.read(f"https://example.com/?{query}")
    found = read("https://www.google.com/", own, url.utm, url.ref, url.paid)
    assert found.channel == "paid"


@pytest.mark.parametrize(
    ("query", "channel"),
    [
        ("fbclid=x", "search"),
        ("fbclid=x&utm_medium=social", "social"),
        ("igshid=x", "search"),
        ("ad_id=3", "search"),
        ("gclid", "paid"),
        ("utm_source=threads", "social"),
        ("utm_source=downloads", "campaign"),
        ("utm_medium=cpcity", "campaign"),
        ("utm_medium=email&utm_source=ad-free-letter", "mail"),
    ],
)
def test_what_only_looks_like_an_ad_is_none(query: str, channel: str) -> None:
    url = page_url.read(f"https://example.com/?{query}")
    assert read("https://www.google.com/", own, url.utm, url.ref, url.paid).channel == channel


@pytest.mark.parametrize(
    ("url", "source", "channel"),
    [
        ("https://lens.google.com/", "Google", "search"),
        ("https://ipv4.google.com/", "Google", "search"),
        ("android-app://com.google.android.apps.searchlite/", "Google", "search"),
        ("https://syndicatedsearch.goog/", "Google", "search"),
        ("https://drive.google.com/", "drive.google.com", "referral"),
        ("https://metrika.yandex.ru/", "metrika.yandex.ru", "referral"),
        ("https://yandex.com.tr/search", "Yandex", "search"),
        ("https://l.threads.com/?u=x", "Threads", "social"),
        ("https://www.threads.net/@a", "Threads", "social"),
        ("android-app://com.instagram.barcelona", "Threads", "social"),
        ("https://go.bsky.app/redirect", "Bluesky", "social"),
        ("https://anna.bsky.social/", "Bluesky", "social"),
        ("https://edgeservices.bing.com/", "Copilot", "ai"),
        ("https://m365.cloud.microsoft/chat", "Copilot", "ai"),
        ("https://copilot.com/", "Copilot", "ai"),
        ("https://search.chatgpt.com/", "ChatGPT", "ai"),
        ("https://gemini.google/", "Gemini", "ai"),
        ("https://chat.z.ai/", "Z.ai", "ai"),
        ("https://tieba.baidu.com/p/1", "Baidu Tieba", "social"),
        ("https://so.toutiao.com/search", "Toutiao Search", "search"),
        ("https://suche.web.de/", "WEB.DE Suche", "search"),
        ("https://navigator.web.de/", "WEB.DE", "mail"),
        ("https://discover.google.com/", "Google Discover", "news"),
        ("android-app://com.tencent.mm/", "WeChat", "social"),
        ("android-app://ch.protonmail.android", "Proton Mail", "mail"),
        ("android-app://com.particlenews.newsbreak/", "NewsBreak", "news"),
        ("android-app://ai.x.grok", "Grok", "ai"),
    ],
)
def test_each_family_of_sources_has_its_hosts_and_apps(url: str, source: str, channel: str) -> None:
    found = came_from(url)
    assert (found.source, found.channel) == (source, channel)


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://www-publisher-example.cdn.ampproject.org/c/s/www.publisher.example/a", "publisher.example"),
        ("https://my--paper-co-uk.cdn.ampproject.org/", "my-paper.co.uk"),
        ("https://cdn.ampproject.org/c/s/www.publisher.example/a", "publisher.example"),
        ("https://www.google.de/amp/s/www.publisher.example/a", "publisher.example"),
        ("https://publisher-example.bing-amp.com/", "publisher.example"),
        ("https://medium-com.cdn.ampproject.org/", "Medium"),
        ("https://example-com.cdn.ampproject.org/c/s/example.com/", ""),
        ("https://www.google.com/amp/", "Google"),
        ("https://0123456789abcdef.cdn.ampproject.org/", "0123456789abcdef.cdn.ampproject.org"),
    ],
)
def test_a_page_in_an_amp_cache_is_its_publishers(url: str, source: str) -> None:
    assert came_from(url).source == source


def test_no_subdomain_that_stands_apart_is_a_source_of_the_table() -> None:
    for host, subdomains in APART.items():
        for name in subdomains.split():
            found = came_from(f"https://{name}.{host}/")
            assert (found.source, found.channel) == (f"{name}.{host}", "referral")


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
