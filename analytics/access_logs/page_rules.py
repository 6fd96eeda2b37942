"""Which requests of an access log are page views of people, and why the others are none. Pure."""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from analytics.access_logs.logged_request import LoggedRequest
from tracker.sites.tracked_site import TrackedSite
from tracker.visitors import addresses, agents
from tracker.visitors.addresses import Network


class LeftOut(StrEnum):
    """Why a line is no page view, in the order in which it is asked."""

    UNREAD = "lines that are not of this format"
    NO_REQUEST = "no HTTP request"
    METHOD = "another method than GET"
    REDIRECT = "redirects"
    ERROR = "errors, and other answers without a page"
    HEALTH = "health checks"
    ASSET = "assets: images, scripts, styles, feeds, files"
    PROGRAM = "requests of scripts: APIs, frames, what is no HTML"
    BOT = "bots"
    ADDRESS = "no IP address"
    HOST = "hosts that are none of the site"
    EXCLUDED = "addresses and pages that the site excludes"
    URL = "addresses of pages that cannot be read"
    TOO_LONG_AGO = "days that are sealed, and whose page views are dropped"
    TO_COME = "times still to come"
    COUNTED = "days that the site counted itself"
    SEEN = "page views that the site counted itself"


# Browsers ask again for a page that they have, and are told that it is the same.
SHOWN: Final = (200, 304)
ENDINGS: Final = (
    "avif bmp cur gif heic ico jpeg jpg jxl png svg svgz tif tiff webp"
    " css less scss js mjs cjs map ts tsx wasm"
    " eot otf ttf woff woff2 aac flac m3u8 m4a m4v mkv mov mp3 mp4 mpd oga ogg ogv opus wav webm avi"
    " 7z apk bz2 deb dmg exe gz iso jar msi rar rpm tar tgz xz zip zst"
    " atom bin csv doc docx epub geojson ics json jsonl odt ods pdf ppt pptx rdf rss sql swf txt vcf"
    " webmanifest xls xlsx xml xsl yaml yml"
)
FILES: Final = frozenset(ENDINGS.split())
ASSETS: Final = re.compile(r"/(?:\.well-known|_next/static|_nuxt|static|assets/fonts|cdn-cgi)/")
HEALTH: Final = re.compile(
    r"/(?:_?health(?:z|check|-check|_check)?|livez|readyz|ping|heartbeat|nginx_status|stub_status"
    r"|server-status|fpm-status)/?\Z",
    re.IGNORECASE,
)
CHECKERS: Final = re.compile(
    r"kube-probe|HealthCheck|GoogleHC|Consul Health|HAProxy|UptimeRobot|Pingdom|StatusCake|Uptime-Kuma"
    r"|Better ?Uptime|Site24x7|Zabbix|check_http",
    re.IGNORECASE,
)
PROGRAMS: Final = re.compile(
    r"/(?:api|graphql|wp-json|rpc|ws|socket\.io|sockjs)(?:/|\Z)|/(?:xmlrpc|wp-cron|admin-ajax)\.php\Z"
)
PAGES: Final = ("text/html", "application/xhtml")
DOCUMENTS: Final = ("", "document")


def reason_against(
    request: LoggedRequest, site: TrackedSite, host: str, proxies: Sequence[Network]
) -> LeftOut | None:
    """Why a request is no page view of the site, or None; `host`: where it is, where the log does not say.

    Cheap questions first: most lines are of assets.
    """
    if not request.method:
        return LeftOut.NO_REQUEST
    if request.method != "GET":
        return LeftOut.METHOD
    path = request.target.partition("?")[0].partition("#")[0]
    if HEALTH.fullmatch(path) or _checks_health(request.user_agent):
        return LeftOut.HEALTH
    if request.status not in SHOWN:
        return LeftOut.REDIRECT if 300 <= request.status < 400 else LeftOut.ERROR
    if path.rpartition(".")[2].lower() in FILES or ASSETS.match(path):
        return LeftOut.ASSET
    if _is_program(request, path):
        return LeftOut.PROGRAM
    if request.says_agent and agents.is_bot(request.user_agent):
        return LeftOut.BOT
    address = address_of(request, proxies)
    if not address:
        return LeftOut.ADDRESS
    if not site.allows(request.host or host):
        return LeftOut.HOST
    return LeftOut.EXCLUDED if site.excludes_address(address) else None


def address_of(request: LoggedRequest, proxies: Sequence[Network]) -> str:
    """The client's address in its shortest form; "" for none. Proxies that are trusted are passed over."""
    if request.address and request.forwarded:
        return addresses.client_address(request.address, request.forwarded, proxies)
    return addresses.plain(request.address or request.forwarded.partition(",")[0]) or ""


@lru_cache(4096)
def _checks_health(user_agent: str) -> bool:
    return CHECKERS.search(user_agent) is not None


def _is_program(request: LoggedRequest, path: str) -> bool:
    if request.content_type and not request.content_type.startswith(PAGES):
        return True
    if request.destination not in DOCUMENTS:
        return True
    return PROGRAMS.search(unquote(path) if "%" in path else path) is not None
