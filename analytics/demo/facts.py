"""What the made-up visitors are made of: a small web site, and who comes to it, with weights."""

from dataclasses import dataclass
from typing import Final

BRAND: Final = "Kettle & Loom"


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the demo site: how long people stay (median seconds), and where they go from there."""

    title: str
    seconds: float
    links: tuple[str, ...]


PLACES: Final[dict[str, Place]] = {
    "/": Place("Tea and textiles", 12, ("/tea", "/cloth", "/pricing", "/blog", "/docs/start", "/about")),
    "/tea": Place("Tea", 21, ("/tea/assam", "/tea/sencha", "/pricing", "/")),
    "/tea/assam": Place("Assam, second flush", 27, ("/basket", "/tea/sencha", "/tea")),
    "/tea/sencha": Place("Sencha from Uji", 27, ("/basket", "/tea/assam", "/docs/brewing")),
    "/cloth": Place("Cloth by the metre", 21, ("/cloth/linen", "/cloth/wool", "/pricing")),
    "/cloth/linen": Place("Washed linen", 24, ("/basket", "/cloth/wool", "/cloth")),
    "/cloth/wool": Place("Undyed wool", 24, ("/basket", "/cloth/linen", "/blog/weaving-by-hand")),
    "/pricing": Place("Prices", 24, ("/signup", "/tea", "/docs/start")),
    "/basket": Place("Your basket", 15, ("/signup", "/tea", "/cloth")),
    "/signup": Place("Open an account", 30, ("/", "/tea", "/download")),
    "/download": Place("The catalogue", 12, ("/tea", "/cloth")),
    "/blog": Place("Journal", 15, ("/blog/weaving-by-hand", "/blog/water-matters", "/blog/a-year-of-tea")),
    "/blog/weaving-by-hand": Place("Weaving by hand", 72, ("/cloth", "/blog", "/about")),
    "/blog/water-matters": Place("Why water matters", 60, ("/docs/brewing", "/tea/sencha", "/blog")),
    "/blog/a-year-of-tea": Place("A year of tea", 84, ("/tea", "/blog/water-matters")),
    "/docs/start": Place("How to order", 30, ("/docs/brewing", "/docs/care", "/pricing")),
    "/docs/brewing": Place("Brewing", 48, ("/docs/care", "/tea/sencha", "/docs/start")),
    "/docs/care": Place("Care of cloth", 42, ("/docs/start", "/cloth/linen")),
    "/about": Place("About us", 18, ("/blog", "/")),
}
# Pages of one folder of the handbook change without a new load, as in a single-page app.
IN_PLACE: Final = "/docs/"

# Where a page view may say an event: how likely, and what.
EVENTS: Final[dict[str, tuple[float, str, dict[str, str | int]]]] = {
    "/signup": (0.35, "signup", {"plan": "regular"}),
    "/basket": (0.40, "basket", {"items": 2}),
    "/download": (0.60, "download", {"file": "catalogue.pdf"}),
    "/blog/a-year-of-tea": (0.10, "newsletter", {"place": "end of article"}),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where visitors come from: the referring URL, the query of the link, and the pages it leads to."""

    weight: float
    referrer: str = ""
    query: str = ""
    entries: tuple[str, ...] = ("/", "/", "/tea", "/blog/a-year-of-tea", "/docs/brewing")


SOURCES: Final = (
    Source(30),
    Source(
        22,
        "https://www.google.com/",
        entries=("/", "/tea/sencha", "/docs/brewing", "/cloth/linen", "/blog/water-matters"),
    ),
    Source(4, "https://www.google.de/"),
    Source(4, "https://www.bing.com/"),
    Source(5, "https://duckduckgo.com/"),
    Source(
        7, "https://chatgpt.com/", "utm_source=chatgpt.com", ("/docs/brewing", "/docs/care", "/tea/sencha")
    ),
    Source(3, "https://claude.ai/", entries=("/docs/brewing", "/blog/water-matters")),
    Source(2, "https://www.perplexity.ai/", entries=("/docs/care", "/blog/water-matters")),
    Source(
        5, "https://www.instagram.com/", "utm_source=instagram&utm_medium=social", ("/cloth", "/cloth/wool")
    ),
    Source(3, "https://www.pinterest.com/", entries=("/cloth/linen", "/cloth/wool")),
    Source(4, "https://www.reddit.com/", entries=("/tea/sencha", "/blog/a-year-of-tea")),
    Source(2, "https://bsky.app/", entries=("/blog/weaving-by-hand",)),
    Source(
        4,
        "https://mail.google.com/",
        "utm_source=letter&utm_medium=email&utm_campaign=november",
        ("/tea", "/pricing"),
    ),
    Source(
        3, "", "utm_source=google&utm_medium=cpc&utm_campaign=winter-tea&gclid=demo", ("/tea", "/tea/assam")
    ),
    Source(2, "", "utm_source=tea-talk&utm_medium=podcast&utm_campaign=november", ("/tea/sencha",)),
    Source(3, "https://en.wikipedia.org/", entries=("/docs/brewing",)),
    Source(2, "https://www.slowcraft.example/links"),
)
# What a link that many follow at once does, every few minutes.
SURGES: Final = (
    Source(3, "https://news.ycombinator.com/", entries=("/blog/water-matters",)),
    Source(3, "https://www.reddit.com/", entries=("/blog/a-year-of-tea",)),
    Source(2, "", "utm_source=letter&utm_medium=email&utm_campaign=new-harvest", ("/tea/assam",)),
)

# Country: weight, time zone, languages.
COUNTRIES: Final[dict[str, tuple[float, str, tuple[str, ...]]]] = {
    "US": (26, "America/New_York", ("en-US",)),
    "DE": (13, "Europe/Berlin", ("de-DE", "de-DE", "en-GB")),
    "GB": (10, "Europe/London", ("en-GB",)),
    "FR": (7, "Europe/Paris", ("fr-FR",)),
    "IN": (6, "Asia/Kolkata", ("en-IN", "hi-IN")),
    "JP": (6, "Asia/Tokyo", ("ja-JP",)),
    "CA": (5, "America/Toronto", ("en-CA", "fr-CA")),
    "NL": (4, "Europe/Amsterdam", ("nl-NL", "en-GB")),
    "BR": (4, "America/Sao_Paulo", ("pt-BR",)),
    "AU": (4, "Australia/Sydney", ("en-AU",)),
    "IT": (3, "Europe/Rome", ("it-IT",)),
    "SE": (3, "Europe/Stockholm", ("sv-SE",)),
    "PL": (3, "Europe/Warsaw", ("pl-PL",)),
    "ES": (3, "Europe/Madrid", ("es-ES",)),
    "KR": (2, "Asia/Seoul", ("ko-KR",)),
    "MX": (2, "America/Mexico_City", ("es-MX",)),
}


@dataclass(frozen=True, slots=True)
class Device:
    """A browser on a machine: how common, its header, and the widths of its windows."""

    weight: float
    user_agent: str
    widths: tuple[int, ...]


def _chrome(system: str, rest: str = "Safari/537.36") -> str:
    return f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 {rest}"


def _safari(system: str, rest: str) -> str:
    return f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 {rest}"


def _firefox(system: str) -> str:
    return f"Mozilla/5.0 ({system}; rv:150.0) Gecko/20100101 Firefox/150.0"


WINDOWS: Final = "Windows NT 10.0; Win64; x64"
MAC: Final = "Macintosh; Intel Mac OS X 10_15_7"
ANDROID: Final = "Linux; Android 10; K"
DESKTOP: Final = (1280, 1440, 1536, 1920, 2560)
PHONE: Final = (360, 384, 393, 412, 430)
TABLET: Final = (768, 820, 1024)

DEVICES: Final = (
    Device(24, _chrome(WINDOWS), DESKTOP),
    Device(9, _chrome(MAC), DESKTOP),
    Device(3, _chrome("X11; Linux x86_64"), DESKTOP),
    Device(7, _chrome(WINDOWS, "Safari/537.36 Edg/156.0.0.0"), DESKTOP),
    Device(1, _chrome(WINDOWS, "Safari/537.36 OPR/131.0.0.0"), DESKTOP),
    Device(9, _safari(MAC, "Safari/605.1.15"), DESKTOP),
    Device(5, _firefox(WINDOWS), DESKTOP),
    Device(3, _firefox("X11; Linux x86_64"), DESKTOP),
    Device(16, _chrome(ANDROID, "Mobile Safari/537.36"), PHONE),
    Device(15, _safari("iPhone; CPU iPhone OS 18_7 like Mac OS X", "Mobile/15E148 Safari/604.1"), PHONE),
    Device(3, _safari("iPad; CPU OS 18_7 like Mac OS X", "Mobile/15E148 Safari/604.1"), TABLET),
    Device(1, _chrome(ANDROID), TABLET),
    Device(
        3,
        "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) "
        "SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
        PHONE,
    ),
    Device(1, "Mozilla/5.0 (Android 15; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0", PHONE),
)
