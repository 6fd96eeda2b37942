"""Postgres that cannot be reached any more, in silence: no connection breaks, and nothing answers."""

import time
from collections.abc import Iterator
from contextlib import suppress

from bench.faults.apart import apart
from bench.faults.far_postgres import postgres_at
from bench.faults.looks import page_views
from bench.faults.postgres_kill import spool_files
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import EntryKind, Reader
from bench.targets import Ground
from bench.verify import LiveCheck
from bench.watch import Api
from scripts.stands import namespace
from scripts.stands.delays import Delays

RUN = "database-split"
POSTGRES = "127.9.2.1"
DRAINED_SECONDS = 30.0
# Without an ack for so long a page says itself again.
ACK_SECONDS = 10.0
ANSWER_SECONDS = 5.0
EVERY_SECONDS, QUIET_SECONDS = 0.2, 3.0


@apart
def database_split(on: Ground, quick: bool) -> Iterator[Figure]:
    """The network to Postgres dies without a word for 60 s: counted exactly, acknowledged, stored once."""
    pages, away = (100, 8.0) if quick else (1_000, 60.0)
    with postgres_at(POSTGRES) as url, standing(on, 2, DATABASE_URL=url) as stand:
        board, api = stand.board(), stand.api()
        with VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
            fleet.wait_full()
            fleet.tell(f"turnover {pages / 30}")
            check = LiveCheck(fleet.ledgers, board.live)
            check.watch(2.0, EVERY_SECONDS)
            cut_at = time.time()
            namespace.cut(POSTGRES)
            for change in ("leave", "open"):
                fleet.tell(f"{change} {pages // 10}")
                check.watch(away / 2 - QUIET_SECONDS, EVERY_SECONDS)
                with suppress(OSError):
                    api.live()  # which cannot look the token up
            fleet.tell("turnover 0")
            check.watch(QUIET_SECONDS, EVERY_SECONDS)
            healed_at = time.time()
            namespace.heal(POSTGRES)
            answered = _answered(api) - healed_at
            drained = _drained(stand, check) - healed_at
            check.watch(2.0, EVERY_SECONDS)
            check.settled()
            fleet.tell("stop")
            outcome = fleet.finish()
        board.close()
        api.close()
        note = f"{len(check.sights)} looks, {check.exact} of them with one right answer"
        yield Figure(RUN, "worst drift on the board", check.drift, "", 0, at_most=True, note=note)
        yield from _acks(fleet, cut_at, healed_at)
        yield Figure(RUN, "spool stored after it healed", drained, "s", DRAINED_SECONDS, at_most=True)
        yield Figure(RUN, "API answers again after", answered, "s", ANSWER_SECONDS, at_most=True)
        broken = sum(outcome.errors.values())
        yield Figure(RUN, "pages' connections that noticed", broken, "", 0, True, str(outcome.errors or ""))
        yield from page_views(RUN, stand, fleet, quick)


def _answered(api: Api) -> float:
    """When staff's API answered again (epoch seconds)."""
    until = time.monotonic() + 2 * DRAINED_SECONDS
    while time.monotonic() < until:
        with suppress(OSError):
            api.live()
            break
    return time.time()


def _drained(stand: Stand, check: LiveCheck) -> float:
    """When nothing was left in the spool (epoch seconds); looks on meanwhile."""
    until = time.monotonic() + 2 * DRAINED_SECONDS
    while spool_files(stand) and time.monotonic() < until:
        check.look()
        time.sleep(EVERY_SECONDS)
    return time.time()


def _acks(fleet: VisitorFleet, since: float, until: float) -> Iterator[Figure]:
    """How pages that came meanwhile were answered; those that left unanswered were promised nothing."""
    said: dict[object, float] = {}
    acks = Delays()
    for entry in Reader(fleet.ledgers).rest():
        if entry.kind is EntryKind.SAID and since <= entry.at < until:
            said.setdefault(entry.page, entry.at)
        elif entry.kind is EntryKind.ACKED and entry.page in said:
            acks.add(entry.at - said.pop(entry.page))
        elif entry.kind is EntryKind.CLOSED:
            said.pop(entry.page, None)
    note = f"{len(acks):,} pages; median {acks.at(0.5) * 1000:,.0f} ms"
    yield Figure(RUN, "longest wait for an ack meanwhile", acks.at(1), "s", ACK_SECONDS, True, note)
    yield Figure(RUN, "pages never answered", len(said), "", 0, at_most=True)
