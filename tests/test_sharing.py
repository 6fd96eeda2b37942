"""Several real edges, one truth: counts over processes, and how soon they are right after each fault."""

import copy
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from scripts.stands.agents import CHROME, FIREFOX
from scripts.stands.checkout import ROOT
from scripts.stands.edges import EdgeProcess, running_edge
from scripts.stands.ports import free_port
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.api_clients import ApiClient, Sent
from tests.board_sockets import Staff, ack, dial, hear
from tests.cast import MAKE_CAST
from tests.followed_logs import files_of, following
from tests.valkey import Valkey, running_line, running_valkey
from tracker.across import messages
from tracker.across.publisher import Publisher
from tracker.across.redis_client import REDIS_ERRORS, client
from tracker.conversation.claims import Claims
from tracker.live.filters import NO_FILTERS
from tracker.live.presence import Presence
from tracker.live.refusals import SiteRefusals
from tracker.liveness.activity import Activities

Live = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    with running_valkey() as started:
        yield started


@pytest.fixture(scope="module")
def product(valkey: Valkey) -> Iterator[Product]:
    place = f"127.0.0.1:{free_port()}"
    with running(REDIS_URL=valkey.url, FOOTFALL_SIGNALS=place) as started:
        yield started


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return product.manage("shell", "--no-imports", "-c", MAKE_CAST).split()[0]


@pytest.fixture(scope="module")
def live(product: Product, key: str) -> Live:
    """The site's live object from the web process, under a query."""
    token = product.add_token()

    def asked(at: Product = product, **query: Any) -> dict[str, Any]:
        url = f"{at.url}/api/v1/sites/{key}/live?{urllib.parse.urlencode(query, doseq=True)}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as response:
            shown: dict[str, Any] = json.load(response)
            return shown

    return asked


@pytest.fixture(scope="module")
def edges(product: Product) -> Iterator[tuple[EdgeProcess, EdgeProcess]]:
    with running_edge(product) as one, running_edge(product) as other:
        yield one, other


@pytest.fixture
def board(product: Product, key: str) -> Iterator[ClientConnection]:
    with dial(product, key, Staff(product, "owner").cookies, {"Origin": product.url}) as opened:
        yield opened


@contextmanager
def page(
    at: Product, key: str, path: str, agent: str = FIREFOX, page_id: str = "", **more: Any
) -> Iterator[ClientConnection]:
    """An open page, acknowledged."""
    with connect(
        f"{at.socket_url}/live/{key}",
        origin=Origin("https://seen.example"),
        user_agent_header=agent,
        compression=None,
    ) as opened:
        said = {"t": "page", "id": page_id or str(uuid.uuid4()), "u": f"https://seen.example{path}"}
        opened.send(json.dumps({**said, **more}))
        assert json.loads(opened.recv(timeout=10))["t"] == "ack"
        yield opened


def seconds_until(board: ClientConnection, told: Callable[[dict[str, Any]], bool], patience: float) -> float:
    """How long the board took to tell it; every snapshot is acknowledged."""
    began = time.monotonic()
    last: dict[str, Any] = {}
    while (left := patience - (time.monotonic() - began)) > 0:
        try:
            last = hear(board, left)
        except TimeoutError:
            break
        ack(board, last)
        if told(last):
            return time.monotonic() - began
    raise AssertionError(f"not told within {patience} s; the last was {last}")


def shows(tabs: int, stale: int | None = 0) -> Callable[[dict[str, Any]], bool]:
    return lambda shown: shown["tabs"] == tabs and stale in (None, shown["stale"])


def settled(live: Live) -> None:
    """Nobody is on the site, and every edge is heard; what vanished in an earlier test may still be told."""
    wait_for(lambda: live()["tabs"] == 0, 10, "the last test's pages to go")


def test_who_was_refused_at_any_edge_is_told_in_one_list(
    product: Product, key: str, edges: tuple[EdgeProcess, EdgeProcess], valkey: Valkey
) -> None:
    token = product.add_token()
    store = Redis.from_url(valkey.url)

    def told() -> list[tuple[str, str, int]]:
        url = f"{product.url}/api/v1/sites/{key}/refusals"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as response:
            shown = json.load(response)
        assert shown["stale"] == 0
        return sorted((row["reason"], row["of"], row["count"]) for row in shown["refusals"])

    def knock(at: Product, origin: str, agent: str = FIREFOX) -> None:
        with connect(
            f"{at.socket_url}/live/{key}",
            origin=Origin(origin),
            user_agent_header=agent,
            compression=None,
        ) as opened:
            with pytest.raises(ConnectionClosed) as closed:
                opened.recv(timeout=10)
            assert closed.value.rcvd
            assert closed.value.rcvd.code == 4403

    for edge in (edges[0], edges[1], edges[1]):
        knock(edge.of(product), "https://shop.example")
    knock(edges[0].of(product), "null")
    knock(edges[0].of(product), "https://seen.example", "curl/8.5.0")
    expected = [("bot", "curl", 1), ("wrong_origin", "", 1), ("wrong_origin", "shop.example", 3)]
    wait_for(lambda: told() == expected, 10, "the refusals of both edges")
    # What somebody else writes in their place is put away; an edge's own rows come with its next refusal.
    (name,) = store.keys("footfall:*:refusals")
    store.hset(name, "1", b"nonsense")
    assert told() == expected
    store.set(name, "no hash")
    assert told() == []
    knock(edges[0].of(product), "null")
    wait_for(
        lambda: told() == [("bot", "curl", 1), ("wrong_origin", "", 2), ("wrong_origin", "shop.example", 1)]
    )
    store.close()


def test_tabs_and_visitors_are_exact_whichever_edge_holds_whom(
    product: Product, key: str, live: Live, edges: tuple[EdgeProcess, EdgeProcess], board: ClientConnection
) -> None:
    one, other = (edge.of(product) for edge in edges)
    with ExitStack() as stack:
        for at, path, agent in (
            (one, "/", FIREFOX),
            (other, "/pricing", FIREFOX),
            (other, "/pricing", CHROME),
            (product, "/pricing", FIREFOX),
        ):
            stack.enter_context(page(at, key, path, agent))
        assert seconds_until(board, shows(4), 3) < 1.5
        shown = live()
        assert (shown["tabs"], shown["visitors"], shown["active"], shown["stale"]) == (4, 2, 4, 0)
        assert shown["pages"] == [{"name": "/pricing", "tabs": 3}, {"name": "/", "tabs": 1}]
        filtered = live(page="/pricing", browser="Firefox")
        assert (filtered["tabs"], filtered["visitors"], filtered["stale"]) == (2, 1, 0)
        with page(one, key, "/pricing"):
            wait_for(lambda: live(page="/pricing", browser="Firefox")["tabs"] == 3, 1, "the filter to follow")
    assert seconds_until(board, shows(0), 3) < 1.5


def test_a_page_that_comes_back_through_another_edge_leaves_the_first(
    product: Product, key: str, live: Live, edges: tuple[EdgeProcess, EdgeProcess]
) -> None:
    settled(live)
    one, other = (edge.of(product) for edge in edges)
    page_id = str(uuid.uuid4())
    with page(one, key, "/", page_id=page_id) as before, page(other, key, "/", page_id=page_id, e=0, d=0):
        began = time.monotonic()
        with pytest.raises(ConnectionClosed):
            before.recv(timeout=5)
        assert time.monotonic() - began < 1
        wait_for(lambda: live()["tabs"] == 1, 2, "one tab")
    stored = product.rows("SELECT path FROM tracker_pageview WHERE id = %s", page_id)
    assert len(stored) == 1


def test_what_happens_on_every_edge_is_told_once_and_filters_hold(
    product: Product, key: str, live: Live, edges: tuple[EdgeProcess, EdgeProcess]
) -> None:
    settled(live)
    one, other = (edge.of(product) for edge in edges)
    cookies, page_id, event = Staff(product, "owner").cookies, str(uuid.uuid4()), str(uuid.uuid4())
    with ExitStack() as stack:
        boards = [
            stack.enter_context(dial(product, f"{key}{query}", cookies, {"Origin": product.url}))
            for query in ("", "?page=/moved")
        ]
        for at in (one, other, product):
            for opened in boards:
                wait_for(partial(is_told, at, key, opened), 20, "an edge to know that somebody watches")
        for at, path in ((one, "/one"), (other, "/two"), (product, "/three")):
            stack.enter_context(page(at, key, path, f"{FIREFOX} {path}", r=ELSEWHERE))
        # A page view that moves to another edge, with an event whose ack got lost on the way.
        again: dict[str, Any] = {"e": 10, "d": 0}
        for at, more in ((one, {}), (other, again)):
            moved = stack.enter_context(
                page(at, key, "/moved", f"{FIREFOX} moved", page_id, r=ELSEWHERE, **more)
            )
            moved.send(json.dumps({"t": "event", "id": page_id, "k": event, "n": "signup"}))
            moved.recv(timeout=10)
        stack.enter_context(page(one, key, "/moved", f"{FIREFOX} again", r=ELSEWHERE))
        assert sorted(happened(boards[1], 3)) == ["/moved", "/moved", "/moved signup"]
        everything = ["/moved", "/moved", "/moved signup", "/one", "/three", "/two"]
        assert sorted(happened(boards[0], len(everything))) == everything


ELSEWHERE = "https://elsewhere.example/"


def news(board: ClientConnection, timeout: float = 10) -> list[dict[str, Any]]:
    """The rows of the next snapshot that a board is sent."""
    snapshot = hear(board, timeout)
    ack(board, snapshot)
    rows: list[dict[str, Any]] = snapshot.get("stream", {"rows": []})["rows"]
    return rows


def is_told(at: Product, key: str, board: ClientConnection) -> bool:
    """Whether a board is told of a page that is opened on an edge."""
    host = f"{uuid.uuid4().hex}.example"
    # Somebody new each time: who is here already keeps the source of the visit.
    with page(at, key, "/moved", f"{FIREFOX} {host}", r=f"https://{host}/"), suppress(TimeoutError):
        for _ in range(4):
            if any(row["referrer"] == host for row in news(board, timeout=1)):
                return True
    return False


def happened(board: ClientConnection, count: int) -> list[str]:
    """What a board is told of next of those who came from elsewhere."""
    told: list[str] = []

    def all_told() -> bool:
        rows = [row for row in news(board) if row["referrer"] == "elsewhere.example"]
        told.extend(f"{row['page']} {row.get('event', '')}".strip() for row in rows)
        return len(told) >= count

    wait_for(all_told, 10, f"{count} rows")
    return told


def test_snapshots_travel_between_web_processes(
    product: Product, key: str, edges: tuple[EdgeProcess, EdgeProcess], live: Live
) -> None:
    settled(live)
    owner = Staff(product, "owner")
    with second_web(product) as other, ExitStack() as stack:
        boards = [
            stack.enter_context(dial(at, key, owner.cookies, {"Origin": at.url})) for at in (product, other)
        ]
        stack.enter_context(page(edges[0].of(product), key, "/"))
        seen: tuple[set[int], set[int]] = (set(), set())

        def both_saw_the_same() -> bool:
            for opened, seqs in zip(boards, seen, strict=True):
                with suppress(TimeoutError):
                    shown = hear(opened, 0.1)
                    ack(opened, shown)
                    if shown["tabs"] == 1:
                        seqs.add(shown["seq"])
            return bool(seen[0] & seen[1])

        wait_for(both_saw_the_same, 12, "a snapshot that one made and both show")
        assert live(other)["tabs"] == 1


@pytest.mark.waits
def test_lines_of_logs_reach_whoever_looks_in_any_web_process(product: Product, tmp_path: Path) -> None:
    site = product.add_site("logs.example")
    token = product.add_token(servers=True)
    log, accesses = tmp_path / "app.log", tmp_path / "access.log"
    log.write_text("first\n")
    accesses.touch()
    with second_web(product) as other, following(product, str(log), "--name", "errors") as follower:
        clients = [ApiClient(product, token, at.url) for at in (product, other)]
        assert [client.json("signals/logs") for client in clients] == [{"logs": ["errors"]}] * 2
        with ExitStack() as there, ExitStack() as here:
            tails = [
                stack.enter_context(client.stream("signals/stream?log=errors"))
                for stack, client in zip((here, there), clients, strict=True)
            ]
            assert [next_line(tail) for tail in tails] == ["first"] * 2
            append(log, "second")
            assert [next_line(tail) for tail in tails] == ["second"] * 2
            # What the last reader of one process leaves, the other's goes on with.
            there.close()
            append(log, "third")
            assert next_line(tails[0]) == "third"
            streams = [here.enter_context(client.stream(f"sites/{site}/live/stream")) for client in clients]
            assert [next(stream).data["tabs"] for stream in streams] == [0, 0]
            with importing(product, site, accesses):
                for path in ("/one", "/two"):
                    now = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
                    append(accesses, f'192.0.2.1 - - [{now}] "GET {path} HTTP/1.1" 200 9 "-" "{FIREFOX}"')
                    # Once in each: the next that comes is the next that was written.
                    views = [next(each for each in stream if each.name == "view") for stream in streams]
                    assert [view.data["page"] for view in views] == [path] * 2
        wait_for(lambda: log not in files_of(follower.pid), what="a log that nobody reads any more")


def append(log: Path, line: str) -> None:
    with log.open("a") as file:
        file.write(f"{line}\n")


def next_line(tail: Iterator[Sent]) -> str:
    """The next line that a stream of a log tells."""
    (line,) = next(each for each in tail if each.name == "log" and each.data["lines"]).data["lines"]
    text: str = line["text"]
    return text


@contextmanager
def importing(product: Product, site: str, log: Path) -> Iterator[None]:
    """An access log that is followed into a site."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "importlog", str(log), "--site", site, "--follow"],
        cwd=product.checkout,
        env=product.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_an_edge_that_is_stopped_is_not_missed(
    product: Product, key: str, live: Live, edges: tuple[EdgeProcess, EdgeProcess], board: ClientConnection
) -> None:
    settled(live)
    with running_edge(product) as polite, page(polite.of(product), key, "/"):
        seconds_until(board, shows(1), 3)
        polite.stop()
        seconds_until(board, shows(0), 3)
        assert live()["stale"] == 0


async def test_a_share_whose_first_statement_is_lost_is_ended_with_the_others() -> None:
    """Else it would note whatever changes for as long as Redis is away."""
    presence = Presence(10, time.time())
    publisher = Publisher(
        *("e", presence, Claims("e", lambda session: None), SiteRefusals()),
        *(f"redis://127.0.0.1:{free_port()}/0", partial(pytest.fail, "nobody asks"), Activities()),
    )
    publisher._wanted[1, NO_FILTERS.key()] = NO_FILTERS, float("inf")
    async with client(f"redis://127.0.0.1:{free_port()}/0") as redis:
        with pytest.raises(REDIS_ERRORS):
            await publisher._say(redis, time.monotonic())
    assert presence.site(1)._changed is not None
    (share,) = publisher._shares.values()
    share.end()
    assert presence.site(1)._changed is None


def test_redis_killed_and_empty_is_filled_again_within_five_seconds(
    product: Product,
    key: str,
    live: Live,
    edges: tuple[EdgeProcess, EdgeProcess],
    board: ClientConnection,
    valkey: Valkey,
) -> None:
    settled(live)
    with page(edges[0].of(product), key, "/"), page(edges[1].of(product), key, "/"):
        seconds_until(board, shows(2, stale=None), 3)
        valkey.kill()
        # The number may be old, and says so.
        seconds_until(board, lambda shown: shown["stale"] >= 1, 3)
        with page(edges[0].of(product), key, "/new"):
            valkey.start()
            assert seconds_until(board, shows(3, stale=0), 6) < 3
            assert live(page="/new")["tabs"] == 1


def test_a_netsplit_is_told_as_stale_and_heals_within_five_seconds(
    product: Product, key: str, live: Live, board: ClientConnection, valkey: Valkey
) -> None:
    settled(live)
    with running_line(valkey) as line:
        apart = copy.copy(product)
        apart.environment = {**product.environment, "REDIS_URL": line.url}
        with running_edge(apart) as edge, page(edge.of(product), key, "/"):
            seconds_until(board, shows(1, stale=None), 3)
            line.cut()
            seconds_until(board, shows(0, stale=1), 6)
            with page(edge.of(product), key, "/", CHROME):
                line.mend()
                assert seconds_until(board, shows(2, stale=0), 6) < 5


Junk = Callable[[Redis, int, str], None]  # given the site and a living edge's incarnation


def share_of(site: int, incarnation: str) -> str:
    return messages.share_key(site, incarnation, NO_FILTERS.key())


def into_share(field: bytes, value: bytes) -> Junk:
    def write(redis: Redis, site: int, incarnation: str) -> None:
        redis.hset(share_of(site, incarnation), field, value)

    return write


def instead_of(name: Callable[[int, str], str], put: Callable[[Redis, str], object]) -> Junk:
    """Put something else in the place of this key."""

    def replace(redis: Redis, site: int, incarnation: str) -> None:
        redis.delete(name(site, incarnation))
        put(redis, name(site, incarnation))

    return replace


def registry(site: int, incarnation: str) -> str:
    return messages.REGISTRY


def lease_of(site: int, incarnation: str) -> str:
    return messages.lease(incarnation)


def tick(site: int, incarnation: str) -> str:
    return f"footfall:{{{site}}}:tick"


def strangers(redis: Redis, site: int, incarnation: str) -> None:
    for name in (b"\xff\xfe", b"nobody", b"12.0123456x"):
        redis.zadd(messages.REGISTRY, {name: 1.0})
    redis.zadd(messages.REGISTRY, {"abc.01234567": float("inf"), "abd.01234567": time.time() + 1e6})
    redis.zadd(messages.REGISTRY, {"abe.01234567": time.time() - 30})
    redis.set(messages.lease("abe.01234567"), b"for ever")


def statements(redis: Redis, site: int, incarnation: str) -> None:
    version = int(redis.hget(share_of(site, incarnation), messages.VERSION) or 0)
    for fields in ([(b"?", 7)], [(b"\xff", 7)], [(b"p/", -5)], [(b"p/", 2**50)], [(b"p\xff", 1)], [(b"", 1)]):
        said = messages.Statement(incarnation, NO_FILTERS.key(), version + 1, False, fields)
        redis.publish(messages.channel(site), messages.encode(said))
        # Half of it must not be counted either.
        said = messages.Statement(incarnation, NO_FILTERS.key(), version + 1, True, [(b"p/x", 3), *fields])
        redis.publish(messages.channel(site), messages.encode(said))


NOISE = (b"", b"\xff\xfe", b"\x93\x01\x02\x03", b"\x80", bytes(100_000), b"\x92\x01\x81\xa1x\xc0")


def noise(redis: Redis, site: int, incarnation: str) -> None:
    for channel in (
        *(messages.ASKED, messages.CLAIMED, messages.LEFT, messages.AGAIN),
        *(messages.channel(site), messages.stream_channel(site)),
    ):
        for said in (
            b"",
            b"\xff\xfe",
            b"\x93\x01\x02\x03",
            b"\x80",
            bytes(100_000),
            b"\x92\x01\x81\xa1x\xc0",
        ):
            redis.publish(channel, said)


JUNK: dict[str, Junk] = {
    "registry is a text": instead_of(registry, lambda redis, name: redis.set(name, "x")),
    "registry is gone": instead_of(registry, lambda redis, name: None),
    "registry is a list": instead_of(registry, lambda redis, name: redis.rpush(name, "x", "y")),
    "registry has strangers": strangers,
    "lease is a text": instead_of(lease_of, lambda redis, name: redis.set(name, b"\xff\xfe")),
    "lease is a hash": instead_of(lease_of, lambda redis, name: redis.hset(name, "a", "b")),
    "lease is huge": instead_of(lease_of, lambda redis, name: redis.setrange(name, 64 * 2**20, b"x")),
    "share is a text": instead_of(share_of, lambda redis, name: redis.set(name, "x")),
    "share is huge": instead_of(share_of, lambda redis, name: redis.setrange(name, 300 * 2**20, b"x")),
    "share is a set": instead_of(share_of, lambda redis, name: redis.sadd(name, "x")),
    "share has a strange field": into_share(b"\xff?", b"1"),
    "share has a field more": into_share(b"p/nobody", b"5"),
    "share has a text for a number": into_share(b"p/nobody", b"many"),
    "share has no version": into_share(messages.VERSION, b"none"),
    "share has an old version": into_share(messages.VERSION, b"1"),
    "share is packed nonsense": into_share(messages.WHOLE, b"\xc1\xc1"),
    "share is packed of the wrong kind": into_share(messages.WHOLE, messages.encode([[b"?", -1]])),
    "tick never ends": instead_of(tick, lambda redis, name: redis.set(name, "x")),
    "tick is a hash": instead_of(tick, lambda redis, name: redis.hset(name, "a", "b")),
    "statements make no sense": statements,
    "messages make no sense": noise,
}


@pytest.mark.parametrize("name", JUNK)
def test_whatever_redis_holds_counts_are_right_within_five_seconds(
    product: Product,
    key: str,
    live: Live,
    edges: tuple[EdgeProcess, EdgeProcess],
    board: ClientConnection,
    valkey: Valkey,
    name: str,
) -> None:
    settled(live)
    (site,) = product.rows("SELECT id FROM tracker_site WHERE key = %s", key)
    with Redis.from_url(valkey.url) as redis:
        with page(edges[0].of(product), key, "/"), page(edges[1].of(product), key, "/"):
            seconds_until(board, shows(2, stale=None), 5)
            for each in incarnations(redis):
                JUNK[name](redis, site["id"], each)
            began = time.monotonic()
            with page(edges[0].of(product), key, "/new"):
                seconds_until(board, shows(3, stale=None), 5)
                wait_for(lambda: is_right(live(), {"/": 2, "/new": 1}), 5 - (time.monotonic() - began) + 1)
        wait_for(lambda: live()["tabs"] == 0 and live()["pages"] == [], 5)
        # What was put in our places is gone, and does not come back.
        assert all(
            redis.type(share_of(site["id"], each)) in (b"hash", b"none") for each in incarnations(redis)
        )
        assert redis.type(messages.REGISTRY) == b"zset"
        assert redis.pttl(tick(site["id"], "")) != -1


def incarnations(redis: Redis) -> list[str]:
    """The living edges, as the registry has them."""
    registered: Any = redis.zrange(messages.REGISTRY, 0, -1)
    return [each.decode() for each in registered if redis.exists(messages.lease(each.decode()))]


def is_right(shown: dict[str, Any], tabs: dict[str, int]) -> bool:
    pages = {each["name"]: each["tabs"] for each in shown["pages"]}
    return pages == tabs and shown["tabs"] == sum(tabs.values())


def test_an_edge_that_is_killed_leaves_the_board_within_five_seconds(
    product: Product, key: str, live: Live, edges: tuple[EdgeProcess, EdgeProcess], board: ClientConnection
) -> None:
    settled(live)
    with ExitStack() as stack:
        stack.enter_context(page(edges[0].of(product), key, "/"))
        doomed = stack.enter_context(running_edge(product))
        lost = stack.enter_context(page(doomed.of(product), key, "/"))
        seconds_until(board, shows(2), 3)
        doomed.stop(signal.SIGKILL)
        assert seconds_until(board, shows(1, stale=1), 6) < 5
        with pytest.raises(ConnectionClosed):
            lost.recv(timeout=5)


# Who was not here yet: a visit of an earlier test would go on.
ANNA, BERT = (FIREFOX.replace("Firefox/", f"Firefox/1{number}") for number in (1, 2))
FROM_GOOGLE: dict[str, Any] = {"r": "https://www.google.com/"}
INWARDS: dict[str, Any] = {"r": "https://seen.example/"}
COMES_BACK: dict[str, Any] = {**INWARDS, "e": 0, "d": 0}


def counted_from(live: Live) -> dict[str, int]:
    return {each["name"]: each["tabs"] for each in live()["referrers"]}


def test_a_visit_keeps_its_source_when_its_edge_is_killed(
    product: Product, key: str, live: Live, edges: tuple[EdgeProcess, EdgeProcess]
) -> None:
    settled(live)
    page_id = str(uuid.uuid4())
    with running_edge(product) as doomed:
        at = doomed.of(product)
        with page(at, key, "/", ANNA, **FROM_GOOGLE), page(at, key, "/next", ANNA, page_id, **INWARDS):
            wait_for(lambda: counted_from(live) == {"Google": 2}, 5, "both page views to be of the visit")
            doomed.stop(signal.SIGKILL)
    # The other edge knows neither the visitor nor the visit: Postgres tells it of both.
    with page(edges[0].of(product), key, "/next", ANNA, page_id, **COMES_BACK):
        wait_for(lambda: counted_from(live) == {"Google": 1}, 5, "the source of the visit")


def test_a_visit_has_its_source_again_five_seconds_after_postgres_answers(
    product: Product, key: str, live: Live, edges: tuple[EdgeProcess, EdgeProcess]
) -> None:
    settled(live)
    page_id = str(uuid.uuid4())
    with running_edge(product) as first:
        with page(first.of(product), key, "/", BERT, **FROM_GOOGLE):
            pass
        with page(first.of(product), key, "/next", BERT, page_id, **INWARDS):
            wait_for(lambda: counted_from(live) == {"Google": 1}, 5, "the page view to be of the visit")
    with product.connected() as postgres:
        postgres.execute("BEGIN")
        postgres.execute("LOCK TABLE tracker_visit IN ACCESS EXCLUSIVE MODE")
        with page(edges[1].of(product), key, "/next", BERT, page_id, **COMES_BACK):
            wait_for(lambda: counted_from(live) == {"": 1}, 15, "what is known without Postgres")
            postgres.execute("ROLLBACK")
            wait_for(lambda: counted_from(live) == {"Google": 1}, 5, "the source of the visit")


@contextmanager
def second_web(product: Product) -> Iterator[Product]:
    """Another web process beside the product's own."""
    other = copy.copy(product)
    other.port = free_port()
    other.url, other.socket_url = f"http://127.0.0.1:{other.port}", f"ws://127.0.0.1:{other.port}"
    environment = {**os.environ, **product.environment, "DJANGO_SETTINGS_MODULE": "analytics.settings"}
    for name in ("DATABASE_URL", "SECRET_KEY"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(other.port)]
    process = subprocess.Popen([*command, "analytics.asgi:application"], cwd=ROOT, env=environment)
    try:
        wait_for(other.ready, 60, "the second web process")
        yield other
    finally:
        process.terminate()
        process.wait(timeout=20)
