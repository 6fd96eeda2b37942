"""What reading costs: many boards on one site, and live filters over many open tabs."""

import secrets
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

from bench import processes, visitors
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.plan import Mode
from bench.progress import say
from bench.sessions import plan
from bench.targets import FOUR_EDGES, TARGETS, Ground, ServerProcess, running
from bench.watch import Api
from scripts.stands.boards import Boards
from tracker.live.dimensions import DIMENSIONS
from tracker.live.filters import Filters
from tracker.live.presence import SitePresence

TURNOVER = 8.0  # pages a second: every tick has something to tell
SESSIONS = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
admin = get_user_model().objects.get(username="admin")
for _ in range({number}):
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(admin.pk), settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = admin.get_session_auth_hash()
    session.save()
    print(f"{{settings.SESSION_COOKIE_NAME}}={{session.session_key}}")
"""


def boards(on: Ground, quick: bool) -> Iterator[Figure]:
    """A thousand boards on one site: what each one adds, and how far apart they hear the same."""
    numbers, seconds = ((1, 100), 5.0) if quick else ((1, 1_000), 20.0)
    pages = 500 if quick else 5_000
    with running(TARGETS["footfall"], on) as server:
        cookies = _cookies(server, 20)
        made = plan(server, Mode.HOLD, 900.0, pages=pages, rate=TURNOVER)
        with VisitorFleet(made) as fleet:
            fleet.wait_full()
            say(f"boards: {numbers[1]:,} over {pages:,} pages")
            costs = {number: _cost(server, cookies, number, seconds) for number in numbers}
    (alone, _, _), (all_of_them, ticks, opened) = costs[numbers[0]], costs[numbers[1]]
    each = (all_of_them - alone) / (numbers[1] - numbers[0]) * 1e6 / ticks
    note = f"{numbers[1]:,} boards, {ticks / seconds:.1f} ticks/s, {all_of_them / seconds:.2f} cores in all"
    yield Figure("boards", "footfall: CPU per further board and tick", each, "µs", note=note)
    spread = opened.spread.at(0.99) * 1000
    yield Figure("boards", "footfall: first board to the slowest, p99", spread, "ms", 1_000, at_most=True)
    yield Figure("boards", "footfall: boards that were cut", opened.lost, "", 0, at_most=True)


def _cost(
    server: ServerProcess, cookies: list[str], number: int, seconds: float
) -> tuple[float, float, Boards]:
    """CPU seconds of the server while so many boards watch, the ticks they had, and the boards."""
    assert server.product
    with Boards(server.product.port, server.key, cookies, number) as opened:
        opened.wait()
        time.sleep(2.0)  # opening is not what is measured
        before, shown = processes.cpu_seconds(server.pids), opened.snapshots
        time.sleep(seconds)
        spent = processes.cpu_seconds(server.pids) - before
        return spent, (opened.snapshots - shown) / number, opened


def _cookies(server: ServerProcess, number: int) -> list[str]:
    """Sessions of a member of staff, made where logins make them."""
    assert server.product
    said = server.product.manage("shell", "--no-imports", "-c", SESSIONS.format(number=number))
    return said.split()


def filters(on: Ground, quick: bool) -> Iterator[Figure]:
    """A live filter: its first answer over all open tabs, and those after it."""
    tabs = 5_000 if quick else 50_000
    yield _found(tabs)
    target, pages, generators = (TARGETS["2 edges"], 1_000, 1) if quick else (FOUR_EDGES, 50_000, 3)
    say(f"filters: {target.name} with {pages:,} pages")
    with running(target, on) as server:
        assert server.product
        token = server.product.add_token()
        made = plan(server, Mode.HOLD, 900.0, pages=pages, paths=20_000, tabs=2)
        with VisitorFleet(made, generators) as fleet:
            fleet.wait_full()
            firsts, laters = zip(*(_asked(server, token, n) for n in range(5)), strict=True)
            fleet.tell("stop")
            fleet.finish()
    note = f"{pages:,} tabs; {min(firsts) * 1000:.0f}–{max(firsts) * 1000:.0f}, five filters"
    first, later = (statistics.median(each) * 1000 for each in (firsts, laters))
    yield Figure("filters", f"{target.name}: first answer", first, "ms", 300.0, at_most=True, note=note)
    yield Figure("filters", f"{target.name}: later answers", later, "ms", 300.0, at_most=True)


def _asked(server: ServerProcess, token: str, number: int) -> tuple[float, float]:
    """Seconds to the first answer under a filter that nobody has asked for, and the median of later ones."""
    assert server.product
    query = f"&page={quote(visitors.page_path(number))}"
    with closing(Api(server.product.port, server.key, token, query)) as api:
        times = []
        for _ in range(6):
            began = time.monotonic()
            api.live()
            times.append(time.monotonic() - began)
    return times[0], statistics.median(times[1:])


def _found(tabs: int) -> Figure:
    """Building a view from the tabs of one process, which holds its loop up for so long."""
    presence = SitePresence(20_000, 0.0)
    rest = len(DIMENSIONS) - 1
    for number in range(tabs):
        names = (f"/page/{number % 20_000}", *(f"name {number % (7 + kind)}" for kind in range(rest)))
        presence.join(secrets.token_bytes(16), names)
    times = []
    for number in range(5):
        began = time.perf_counter()
        presence.look(Filters.of(referrers=frozenset({f"name {number}"})))
        times.append(time.perf_counter() - began)
    note = f"{tabs:,} tabs in one process"
    cost = statistics.median(times) * 1000
    return Figure("filters", "a view built from open tabs", cost, "ms", 300.0, at_most=True, note=note)
