"""`up --edges 2`: real nginx, real Valkey, edges, jobs and web on one port, killed and stopped."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from analytics.up import nginx
from analytics.up.errors import CannotStart
from scripts.stands import process_tree
from scripts.stands.agents import FIREFOX
from scripts.stands.checkout import ROOT
from scripts.stands.page_messages import page
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.fleets import say, started
from tests.visitor_sockets import code_of
from tracker.server.ports import BACKLOG

ORIGIN = Origin("https://example.com")
# Until web is there again, which starts in two seconds, and on a machine that is full in ten.
PATIENCE = 60


def processes(product: Product) -> dict[int, str]:
    """Every process that descends from `up`, with its command line."""

    below = process_tree.family(product.process.pid)[1:]
    return {pid: line for pid in below if (line := process_tree.command_line(pid))}


def named(product: Product, words: str) -> int:
    """The pid of the process whose command line holds these words, 0 when there is none."""
    return next((pid for pid, line in processes(product).items() if words in line), 0)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def listening(pid: int) -> Iterator[tuple[str, int]]:
    """The descriptors of a process' TCP sockets that listen, with their ports."""
    table = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    ports = {row[9]: int(row[1].rpartition(":")[2], 16) for row in table if row[3] == "0A"}
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        inode = os.readlink(descriptor).removeprefix("socket:[").removesuffix("]")
        if inode in ports:
            yield descriptor.name, ports[inode]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Product]:
    with started(FOOTFALL_TRUSTED_PROXIES="127.0.0.9") as product:
        yield product


@pytest.fixture(scope="module")
def key(fleet: Product) -> str:
    return fleet.add_site("example.com")


def dial(fleet: Product, key: str, source: str = "127.0.0.1", **headers: str) -> ClientConnection:
    return connect(
        f"{fleet.socket_url}/live/{key}",
        sock=socket.create_connection(("127.0.0.1", fleet.port), source_address=(source, 0)),
        origin=ORIGIN,
        user_agent_header=FIREFOX,
        compression=None,
        additional_headers=headers,
    )


def get(fleet: Product, path: str, **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"{fleet.url}{path}", headers=sent), timeout=PATIENCE
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_one_port_serves_pages_posts_and_staff(fleet: Product, key: str) -> None:
    with dial(fleet, key) as opened:
        socket_page = say(opened)
        said = page("/posted")
        request = urllib.request.Request(
            f"{fleet.url}/live/{key}",
            data=json.dumps([said]).encode(),
            headers={"Origin": ORIGIN, "User-Agent": FIREFOX},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer) == [{"t": "ack", "id": said["id"]}]
        query = "SELECT count(*) FROM tracker_pageview WHERE id IN (%s, %s)"
        assert fleet.rows(query, socket_page, said["id"]) == [{"count": 2}]
    for path in ("/login/", "/t.js", "/api/v1/openapi.json", f"/live/{key}"):
        assert get(fleet, path) == 200


def test_the_sockets_are_held_by_edges_only(fleet: Product, key: str) -> None:
    edges = "SELECT DISTINCT edge FROM tracker_pageview WHERE path = '/spread'"
    for last in range(1, 21):
        with dial(fleet, key, source=f"127.0.1.{last}") as opened:
            say(opened, path="/spread")
    assert len(fleet.rows(edges)) == 2
    # One address, one edge.
    ids = []
    for _ in range(5):
        with dial(fleet, key, source="127.0.2.1") as opened:
            ids.append(say(opened))
    rows = fleet.rows("SELECT DISTINCT edge FROM tracker_pageview WHERE id::text = ANY(%s)", ids)
    assert len(rows) == 1


def test_the_count_is_exact_over_all_edges_and_after_one_is_killed(fleet: Product, key: str) -> None:
    token = fleet.add_token()

    def live() -> tuple[int, int]:
        request = urllib.request.Request(
            f"{fleet.url}/api/v1/sites/{key}/live?page=/counted",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            said = json.load(answer)
            return said["tabs"], said["visitors"]

    with ExitStack() as pages:
        for number in range(20):
            # Two tabs each.
            opened = pages.enter_context(dial(fleet, key, source=f"127.0.4.{1 + number // 2}"))
            say(opened, path="/counted")
        wait_for(lambda: live() == (20, 10), 10, "all tabs")
        edge = "SELECT edge, count(*) AS held FROM tracker_pageview WHERE path = '/counted' GROUP BY edge"
        held = {row["edge"]: row["held"] for row in fleet.rows(edge)}
        assert len(held) == 2
        os.kill(named(fleet, "edge-1.ws"), signal.SIGKILL)
        wait_for(lambda: live()[0] in held.values(), 10, "the killed edge's tabs to leave")
    wait_for(lambda: live() == (0, 0), 10, "everybody to leave")


def test_health_is_told_to_local_programs_only(fleet: Product) -> None:
    assert get(fleet, "/readyz") == 200
    for header in (
        "X_Forwarded_For",
        "X_Forwarded_Host",
        "X_Forwarded_Proto",
        "Via",
        "X_Real_IP",
        "Forwarded",
    ):
        assert get(fleet, "/readyz", **{header: "127.0.0.1"}) == 404


def test_addresses_are_believed_from_the_trusted_proxy_only(fleet: Product, key: str) -> None:
    countries = "SELECT country FROM tracker_pageview WHERE id = %s"
    for source, country in (("127.0.0.9", "DE"), ("127.0.0.8", "")):
        with dial(fleet, key, source, **{"X-Forwarded-For": "91.12.0.1"}) as opened:
            assert fleet.rows(countries, say(opened)) == [{"country": country}]


@pytest.mark.parametrize(
    "words", ["manage.py edge --uds", "valkey-server", "nginx: master", "manage.py jobs"]
)
def test_what_is_killed_is_back_within_two_seconds(fleet: Product, key: str, words: str) -> None:
    before = wait_for(lambda: named(fleet, words), 10, words)
    others = set(processes(fleet)) - {before}
    time_alive = time.monotonic()
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: not alive(before), 2, "its end")
    new = wait_for(
        lambda: next(
            (pid for pid, line in processes(fleet).items() if words in line and pid not in others), 0
        ),
        2,
        f"a new {words}",
    )
    assert new != before
    assert time.monotonic() - time_alive < 2
    wait_for(lambda: _serves(fleet, key), 10, "visitors to be served")


def _serves(fleet: Product, key: str) -> bool:
    """Whether pages from many addresses are all stored."""
    try:
        for last in range(1, 9):
            with dial(fleet, key, source=f"127.0.3.{last}") as opened:
                say(opened)
    except (OSError, WebSocketException):
        return False
    return True


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_staff_wait_for_web_to_be_replaced_and_are_not_refused(fleet: Product, sign: signal.Signals) -> None:
    gone = fleet.web
    os.kill(gone, sign)
    wait_for(lambda: not alive(gone))
    assert get(fleet, "/login/") == 200
    assert fleet.web != gone


def test_there_is_room_to_wait_for_a_sites_worth_of_pages(fleet: Product) -> None:
    """Before nginx and before web, which Twisted listens for: it makes room for 50."""
    shown = subprocess.run(["ss", "-Htlxn"], capture_output=True, text=True, check=True).stdout
    places = {row[4]: row[3] for row in map(str.split, shown.splitlines())}
    web = next(place for place in places if named(fleet, f"--uds={place.removesuffix('/web')}/edge-1.ws"))
    assert {places[f"127.0.0.1:{fleet.port}"], places[web]} == {str(BACKLOG)}


def test_what_nginx_is_given_to_listen_on_never_makes_a_worker_wait(fleet: Product) -> None:
    """One visitor wakes two workers. Whoever is second would hang in accept, and all its pages with it."""
    workers = [pid for pid, line in processes(fleet).items() if "nginx: worker" in line]
    assert workers
    for worker in workers:
        found = [descriptor for descriptor, port in listening(worker) if port == fleet.port]
        assert found
        for descriptor in found:
            flags = re.search(
                r"^flags:\s*(\d+)", Path(f"/proc/{worker}/fdinfo/{descriptor}").read_text(), re.M
            )
            assert flags
            assert int(flags[1], 8) & os.O_NONBLOCK


@pytest.mark.waits
def test_a_signal_says_goodbye_and_leaves_nothing() -> None:
    with started() as fleet:
        key = fleet.add_site("example.com")
        run_folder = Path((fleet.data / "run_folder").read_text().strip())
        family = set(processes(fleet))
        with dial(fleet, key) as opened:
            page_id = say(opened)
            assert not fleet.rows(
                "SELECT 1 FROM tracker_pageview WHERE id = %s AND ended_at IS NOT NULL", page_id
            )
            fleet.process.send_signal(signal.SIGTERM)
            assert code_of(opened) == 4502
        assert fleet.process.wait(30) == 0
        assert fleet.lines[-1] == "Stopped."
        assert not any(map(alive, family))
        assert not run_folder.exists()


@pytest.mark.waits
def test_nothing_outlives_a_killed_start() -> None:
    with started() as fleet:
        family = set(processes(fleet))
        assert len(family) > 6
        fleet.stop(signal.SIGKILL)
        wait_for(lambda: not any(map(alive, family)), 15, "all processes to end")
        # The next start finds what was left, and removes it.
        left = Path((fleet.data / "run_folder").read_text().strip())
        again = Product(fleet.data, "--edges", "2")
        assert not left.exists()
        assert again.stop() == 0


def test_without_nginx_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(nginx, "PLACES", "")
    with pytest.raises(CannotStart, match="apt-get install nginx"):
        nginx.program()


def test_both_configurations_protect_alike() -> None:
    def rules(name: str) -> list[str]:
        text = (ROOT / "deploy" / "nginx" / name).read_text()
        server = text[text.index("server {\n    listen") : text.index("    location /live/")]
        maps = re.findall(r"^map \$http_upgrade.*?^}", text, re.DOTALL | re.MULTILINE)
        return [line for line in server.splitlines() if not line.lstrip().startswith("#")] + maps

    one, several = rules("footfall.conf"), rules("footfall-edges.conf")
    assert len(one) > 20
    assert [line for line in one if line.strip()] == [line for line in several if line.strip()]
