"""The load generator and its ledger against the real product, and a verifier that notices what is wrong."""

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from bench import fleet, targets, visitors
from bench.faults import soak
from bench.fleet import VisitorFleet
from bench.ledger import Entry, EntryKind, Ledger, Reader
from bench.plan import MOST_SECONDS, Mode, Plan
from bench.targets import TARGETS, ground
from bench.verify import LiveCheck, stored, wait_ended
from bench.watch import Api, Board
from scripts.stands.logins import log_in
from scripts.stands.ports import free_port
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running() as started:
        yield started


@pytest.fixture
def key(product: Product) -> str:
    return product.add_site(visitors.ORIGIN_HOST)


def url(product: Product) -> str:
    return (product.data / "database_url").read_text().strip()


def test_the_generator_refuses_every_target_off_the_loopback() -> None:
    with pytest.raises(ValueError, match="loopback"):
        Plan(Mode.LOADS, "key", (80,), 1.0, 1, host="192.0.2.1")


def test_fifty_thousand_pages_take_three_processes() -> None:
    plan = Plan(Mode.HOLD, "key", (80,), 600.0, 1, pages=50_000, rate=500.0)
    parts = [Plan.read(part.text()) for part in plan.split(3)]
    assert sum(part.pages for part in parts) == 50_000
    with pytest.raises(ValueError, match="at most 18000 pages"):
        plan.split(2)


def test_a_fleet_outlasts_the_longest_run() -> None:
    assert soak.MINUTES * 60 + 600 < MOST_SECONDS


def test_a_fleet_tells_that_its_process_has_ended() -> None:
    plan = Plan(Mode.HOLD, "key", (free_port(),), 600.0, 1, pages=3)
    with VisitorFleet(plan) as ended:
        ended.signal(signal.SIGKILL)
        with pytest.raises(RuntimeError, match="has ended, with -9"):
            # What is written before the pipe is known to be broken is taken.
            wait_for(lambda: ended.tell("stop"), 10, "the end to be noticed")


def test_the_generator_ends_with_the_process_that_started_it(product: Product, key: str) -> None:
    plan = Plan(Mode.HOLD, key, (product.port,), 600.0, secrets.randbits(32), pages=3)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.generator", plan.text()],
        cwd=fleet.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "full\n"
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()


def test_every_load_is_acknowledged_and_measured(product: Product, key: str, tmp_path: Path) -> None:
    plan = Plan(
        Mode.LOADS,
        key,
        (product.port,),
        3.0,
        secrets.randbits(32),
        warm=0.2,
        pages=200,
        rate=40.0,
        ledger=str(tmp_path / "ledger"),
    )
    outcome = fleet.run(plan)
    assert outcome.errors == {}
    assert 0 < outcome.done <= 40 * 3 + 200
    assert len(outcome.acks) == outcome.done
    assert 0 < outcome.acks.at(0.5) <= outcome.acks.at(0.99) < 10
    entries = Reader([f"{plan.ledger}.0"]).rest()
    wait_for(lambda: stored(url(product), plan.run, entries).open == 0, what="the ends")
    assert stored(url(product), plan.run, entries).right


def test_states_are_all_read_before_the_page_is_answered_again(product: Product, key: str) -> None:
    plan = Plan(Mode.STATES, key, (product.port,), 1.0, secrets.randbits(32), pages=20, rate=200.0)
    outcome = fleet.run(plan)
    assert outcome.errors == {}
    assert len(outcome.loads) >= 20
    assert outcome.done >= 100


def test_live_counts_and_postgres_agree_with_the_ledger(product: Product, key: str, tmp_path: Path) -> None:
    token = product.add_token()
    api = Api(product.port, key, token)
    board = Board(product.port, key, log_in(product.port, "admin", product.password))
    plan = Plan(
        Mode.HOLD,
        key,
        (product.port,),
        120.0,
        secrets.randbits(32),
        pages=60,
        tabs=2,
        ledger=str(tmp_path / "ledger"),
    )
    with VisitorFleet(plan, 2) as running_fleet:
        running_fleet.wait_full()
        by_api = LiveCheck(running_fleet.ledgers, api.live)
        by_board = LiveCheck(running_fleet.ledgers, board.live)
        for rate in (10, 0):
            running_fleet.tell(f"turnover {rate}")
            until = time.monotonic() + 2.5
            while time.monotonic() < until:
                by_api.look()
                by_board.look()
                time.sleep(0.1)
        running_fleet.tell("stop")
        outcome = running_fleet.finish()
    by_api.settled()
    by_board.settled()
    board.close()
    api.close()
    assert outcome.errors == {}
    assert outcome.done >= 20
    assert (by_api.drift, by_board.drift) == (0, 0), by_api.sights
    assert by_api.exact > 0
    assert by_board.exact > 0
    wait_ended(url(product), plan.run, 10.0)
    kept = stored(url(product), plan.run, Reader(running_fleet.ledgers).rest())
    assert kept.open == 0
    assert kept.right
    assert kept.acked >= 80
    assert kept.ended.at(0.99) < 5


def test_the_verifier_notices_what_postgres_lacks_and_what_it_made_up(
    product: Product, key: str, tmp_path: Path
) -> None:
    plan = Plan(
        Mode.HOLD, key, (product.port,), 60.0, secrets.randbits(32), pages=5, ledger=str(tmp_path / "ledger")
    )
    with VisitorFleet(plan) as running_fleet:
        running_fleet.wait_full()
        running_fleet.tell("stop")
        running_fleet.finish()
    entries = Reader(running_fleet.ledgers).rest()
    unsaid = [entry for entry in entries if entry.page != entries[0].page]
    assert stored(url(product), plan.run, unsaid).invented == 1
    never = visitors.page_id(plan.run, 9, 9)
    more = [
        *entries,
        Entry(time.time(), EntryKind.SAID, never, 9, 9),
        Entry(time.time(), EntryKind.ACKED, never, 9, 9),
    ]
    assert stored(url(product), plan.run, more).lost == 1
    elsewhere = [entry._replace(path=entry.path + 1) for entry in entries]
    assert stored(url(product), plan.run, elsewhere).wrong == 5


@pytest.mark.parametrize(("tabs", "drift"), [(2, 0), (1, 1), (5, 3)])
def test_the_verifier_notices_a_wrong_count_once_it_had_time_to_settle(
    tmp_path: Path, tabs: int, drift: int
) -> None:
    path = tmp_path / "ledger"
    ledger = Ledger(str(path))
    for page in (uuid4(), uuid4()):
        ledger.note(EntryKind.SAID, page, 1, 0)
    check = LiveCheck([str(path)], lambda: {"tabs": tabs, "visitors": 1}, settle=0.05)
    ledger.tick()
    time.sleep(0.1)
    check.look()
    ledger.tick()
    assert [sight.drift for sight in check.settled().sights] == [drift]
    assert check.sights[0].exact
    ledger.close()


def test_a_page_that_has_just_changed_may_be_counted_either_way(tmp_path: Path) -> None:
    path, stays, goes = tmp_path / "ledger", UUID(int=1), UUID(int=2)
    ledger = Ledger(str(path))
    ledger.note(EntryKind.SAID, stays, 1, 0)
    ledger.note(EntryKind.SAID, goes, 2, 0)
    ledger.note(EntryKind.CLOSED, goes, 2, 0)
    check = LiveCheck([str(path)], lambda: {"tabs": 1, "visitors": 1}, settle=60.0)
    check.look()
    ledger.tick()
    (sight,) = check.settled().sights
    assert (sight.least, sight.most, sight.least_visitors, sight.most_visitors) == (0, 2, 0, 2)
    assert not sight.exact
    ledger.close()


# The tables that a page view touches.
TABLES = ["tracker_open_visit", "tracker_pageview", "tracker_recent", "tracker_visit"]
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable
FROM information_schema.columns WHERE table_name = ANY(%s)
"""
INDEXES = """
SELECT i.indrelid::regclass::text, substring(pg_get_indexdef(i.indexrelid) FROM 'USING .*'),
       array_to_string(c.reloptions, ',')
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE i.indrelid::regclass::text = ANY(%s)
"""
# What must be true of each visit and its page views, ids, and open visit.
VISITS = """
SELECT v.id = (array_agg(p.id ORDER BY p.connection))[1], v.views = count(*),
       v.began_at = min(p.began_at), v.ended_at = max(p.ended_at),
       v.engaged_ms = sum(p.engaged_ms), v.engaged_ms > 0,
       v.entry_path = (array_agg(p.path ORDER BY p.connection))[1],
       v.exit_path = (array_agg(p.path ORDER BY p.connection))[count(*)],
       bool_and(p.visitor = v.visitor AND p.edge <> 0 AND p.connection > 0 AND p.language = v.language
                AND p.utm_source = 'bench' AND p.channel = 'campaign' AND p.depth = 50),
       bool_and(r.began_at = p.began_at AND r.visit_id = v.id AND r.visit_began_at = v.began_at),
       bool_and(o.visit_id = v.id AND o.visit_began_at = v.began_at
                AND o.last_at BETWEEN v.began_at AND v.ended_at),
       bool_and(p.tableoid::regclass::text = 'tracker_pageview_week')
FROM tracker_visit v JOIN tracker_pageview p ON p.site_id = v.site_id AND p.visit_id = v.id
JOIN tracker_recent r ON r.site_id = p.site_id AND r.id = p.id AND r.kind = 0
JOIN tracker_open_visit o ON o.site_id = v.site_id AND o.visitor = v.visitor
GROUP BY v.site_id, v.began_at, v.id
"""


def test_the_node_baseline_stores_what_footfall_stores(product: Product, tmp_path: Path) -> None:
    with ground() as on, targets.running(TARGETS["node"], on) as server:
        plan = Plan(
            Mode.STATES,
            server.key,
            server.ports,
            1.0,
            secrets.randbits(32),
            pages=20,
            rate=200.0,
            tabs=2,
            ledger=str(tmp_path / "ledger"),
        )
        outcome = fleet.run(plan)
        assert outcome.errors == {}
        entries = Reader([f"{plan.ledger}.0"]).rest()
        wait_for(lambda: stored(server.database_url, plan.run, entries).open == 0, what="the ends")
        kept = stored(server.database_url, plan.run, entries)
        assert kept.right
        assert kept.acked == 20
        with psycopg.connect(server.database_url) as theirs, psycopg.connect(url(product)) as ours:
            rows = theirs.execute(VISITS).fetchall()
            for query in (COLUMNS, INDEXES):
                assert set(theirs.execute(query, [TABLES])) == set(ours.execute(query, [TABLES]))
    assert len(rows) == 10
    assert all(all(row) for row in rows), rows


class OneDatabase(targets.Ground):
    """Whatever starts on it finds what the one before it stored."""

    url = ""

    def database(self) -> str:
        self.url = self.url or super().database()
        return self.url


# Of every other visitor: away for a minute less than a visit allows, or for a minute more.
LEAVE = """
UPDATE tracker_visit SET ended_at = now() - (29 + 2 * (connection % 2)) * interval '1 minute'
FROM tracker_pageview WHERE tracker_pageview.visit_id = tracker_visit.id
"""
KEPT = """
SELECT (SELECT count(*) FROM tracker_visit WHERE views = 1),
       (SELECT count(*) FROM tracker_visit WHERE views = 2),
       count(*), count(ended_at), count(claimed_at)
FROM tracker_pageview
"""


def test_the_node_baseline_goes_on_with_visits_for_30_minutes_and_counts_ids_once() -> None:
    with ground() as made:
        on = OneDatabase(made.folder, made.postgres)
        for run, more, expected in (
            (1, LEAVE, (10, 0, 10, 10, 0)),
            (2, "", (10, 5, 20, 20, 0)),
            (2, "", (10, 5, 20, 20, 10)),
        ):
            with targets.running(TARGETS["node"], on) as server, psycopg.connect(on.url) as connection:
                outcome = fleet.run(
                    Plan(Mode.STATES, server.key, server.ports, 0.2, run, pages=10, rate=20.0)
                )
                assert (outcome.errors, outcome.acked) == ({}, 10 + 10)
                wait_ended(on.url, run, 10.0)
                assert connection.execute(KEPT).fetchone() == expected
                if more:
                    connection.execute(more)
