"""Who comes: a number is a visitor, with an address, a user agent and a way of arriving of its own."""

from uuid import UUID

SYSTEMS = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "Linux; Android 10; K",
    "iPhone; CPU iPhone OS 18_5 like Mac OS X",
    "iPad; CPU OS 18_5 like Mac OS X",
)
REFERRERS = (
    "",
    "https://www.google.com/",
    "https://news.ycombinator.com/item?id=1",
    "https://chatgpt.com/",
    "https://bench.example/p/1",
    "https://t.co/abc",
)
ORIGIN_HOST = "bench.example"
AGENTS = 240
FIRST_NETWORK = 16  # 127.16.0.0 and up: 127.0.0.1 stays for everybody else
VISITORS = (255 - FIRST_NETWORK) * 254 * 254


def address(visitor: int) -> str:
    """A loopback address that no other visitor has."""
    rest, last = divmod(visitor % VISITORS, 254)
    second, third = divmod(rest, 254)
    return f"127.{FIRST_NETWORK + second}.{1 + third}.{1 + last}"


def user_agent(visitor: int) -> str:
    """One of AGENTS browsers: about what a site sees on a day, and what a cache of look-ups must hold."""
    system = SYSTEMS[visitor % len(SYSTEMS)]
    major = 117 + visitor // len(SYSTEMS) % (AGENTS // len(SYSTEMS))
    return f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


def page_id(run: int, process: int, number: int) -> UUID:
    """The id of a process's page number `number` in a run; shaped as a random UUID, yet never twice."""
    return UUID(int=(run << 96) | (process << 80) | (4 << 76) | (2 << 62) | number)


def page_message(page: UUID, path: int, visitor: int, again: bool = False) -> bytes:
    """What a page says when it begins; `again`: after a dropped connection."""
    referrer = REFERRERS[visitor % len(REFERRERS)]
    more = ',"e":0,"d":0' if again else ""
    return (
        f'{{"t":"page","id":"{page}","u":"https://{ORIGIN_HOST}{page_path(path)}?utm_source=bench&q=1",'
        f'"r":"{referrer}","ti":"Page {path}","w":1280,"l":"en-GB","z":"Europe/Berlin"{more}}}'
    ).encode()


def page_path(path: int) -> str:
    """The path that page number `path` of the site has."""
    return f"/section-{path % 97}/page-{path}"
