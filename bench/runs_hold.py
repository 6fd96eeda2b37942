"""Runs of pages that stay open: what one costs, what they say, and whether every count of them is right."""

import time
from collections.abc import Iterator

from bench import processes, verify
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import Reader
from bench.plan import Mode
from bench.progress import say
from bench.sessions import measure, plan
from bench.targets import FOUR_EDGES, LESS, TARGETS, Ground, ServerProcess, running
from bench.watch import Api, Board
from scripts.stands import process_tree
from scripts.stands.logins import log_in

CHURN_SECONDS, QUIET_SECONDS = 8.0, 3.0
END_SECONDS = 60.0  # what all pages may take to end at once; 50,000 are some seconds of work

# Target, pages, seconds, generator processes (each may open 20,000 files).
HOLDS = ((TARGETS["footfall"], 10_000, 300.0, 1), (FOUR_EDGES, 50_000, 600.0, 3))
QUICK_HOLDS = ((TARGETS["2 edges"], 1_000, 11.0, 1),)


def memory(on: Ground, quick: bool) -> Iterator[Figure]:
    """What an idle open page takes, of the server and of the kernel."""
    pages = 2_000 if quick else 15_000
    for name, target in TARGETS.items():
        # What is stored of a page takes no memory once it is stored.
        if name == LESS or (quick and name != "edge"):
            continue
        say(f"memory: {name}")
        with running(target, on) as server:
            # The first pages load what all of them share.
            measure(on, server, plan(server, Mode.LOADS, 1.0, pages=32))
            empty, kernel = processes.rss(server.pids), processes.kernel_bytes()
            with VisitorFleet(plan(server, Mode.HOLD, 600.0, pages=pages)) as fleet:
                fleet.wait_full()
                time.sleep(2.0)
                held = processes.rss(server.pids) - empty
                buffers = processes.kernel_bytes() - kernel
                fleet.tell("stop")
                fleet.finish()
        note = f"{pages:,} pages; kernel, both ends: {buffers / pages / 1024:.1f} KB"
        goal = 12.0 if "edge" in name else None
        yield Figure("memory", f"{name}: RSS per open page", held / pages / 1024, "KB", goal, True, note)


def states(on: Ground, quick: bool) -> Iterator[Figure]:
    """Messages of attention on open pages: how many one core takes."""
    seconds = 3.0 if quick else 15.0
    for name, rate in (("footfall", 4_000.0), ("edge", 20_000.0), ("node", 20_000.0)):
        if quick and name != "edge":
            continue
        with running(TARGETS[name], on) as server:
            # 2,000 pages: none then says more than a real page may.
            yield from _states(on, name, server, rate, seconds)


def _states(on: Ground, name: str, server: ServerProcess, rate: float, seconds: float) -> Iterator[Figure]:
    with VisitorFleet(plan(server, Mode.STATES, seconds, pages=2_000, rate=rate)) as fleet:
        fleet.wait_full()
        before = processes.cpu_seconds(server.pids)
        outcome = fleet.finish()
        spent = processes.cpu_seconds(server.pids) - before
    note = f"offered {outcome.rate:,.0f}/s; all read {outcome.loads.at(1) * 1000:,.0f} ms after the last"
    goal = 25_000.0 if "edge" in name else None
    yield Figure("states", f"{name}: messages per CPU second", outcome.done / spent, "/s", goal, note=note)
    if outcome.errors:
        wrong = sum(outcome.errors.values())
        yield Figure("states", f"{name}: errors", wrong, "", 0, at_most=True, note=str(outcome.errors))


def hold(on: Ground, quick: bool) -> Iterator[Figure]:
    """Open pages with a turnover of 1 % a second, held against the ledger each second."""
    for target, pages, seconds, generators in QUICK_HOLDS if quick else HOLDS:
        with running(target, on) as server:
            yield from hold_at(on, target.name, server, pages, seconds, generators)


def hold_at(
    on: Ground, name: str, server: ServerProcess, pages: int, seconds: float, generators: int
) -> Iterator[Figure]:
    """The run against any server that has a board; needs the product behind it."""
    product = server.product
    assert product
    token = product.add_token()
    api = Api(product.port, server.key, token)
    board = Board(product.port, server.key, log_in(product.port, "admin", product.password))
    made = plan(
        server,
        Mode.HOLD,
        seconds + 900,
        pages=pages,
        paths=20_000,
        tabs=2,
        ledger=str(on.folder / f"ledger-{name}"),
    )
    with VisitorFleet(made, generators) as fleet:
        fleet.wait_full()
        by_api = verify.LiveCheck(fleet.ledgers, api.live)
        by_board = verify.LiveCheck(fleet.ledgers, board.live)
        # The quiet seconds, in which one count only is right, are made up for.
        churn = pages / 100 * (CHURN_SECONDS + QUIET_SECONDS) / CHURN_SECONDS
        began, spent = time.monotonic(), _cpu(on, server, fleet)
        while (gone := time.monotonic() - began) < seconds:
            drift = f"drift {by_api.drift} by the API, {by_board.drift} by the board"
            say(f"hold: {name}: {gone:.0f} of {seconds:.0f} s, {drift}")
            fleet.tell(f"turnover {churn / generators}")
            _look(by_api, by_board, CHURN_SECONDS)
            fleet.tell("turnover 0")
            _look(by_api, by_board, QUIET_SECONDS)
        lasted = time.monotonic() - began
        cores = {name: (now - spent[name]) / lasted for name, now in _cpu(on, server, fleet).items()}
        fleet.tell("stop")
        outcome = fleet.finish()
        by_api.settled(), by_board.settled()
    board.close()
    api.close()
    verify.wait_ended(server.database_url, made.run, END_SECONDS)
    yield from _judged(name, by_api, by_board)
    yield from _kept(name, verify.stored(server.database_url, made.run, Reader(fleet.ledgers).rest()))
    note = ", ".join(f"{part} {used:.2f}" for part, used in cores.items())
    note = f"{pages:,} pages, {outcome.done:,} turned over in {lasted:.0f} s; {note}"
    yield Figure("hold", f"{name}: cores", sum(cores.values()) - cores["client"], "", 1.5, True, note)


def _cpu(on: Ground, server: ServerProcess, fleet: VisitorFleet) -> dict[str, float]:
    """CPU seconds of each part; the client is the generator."""
    assert on.postgres.pid
    parts = {**server.parts, "Postgres": process_tree.family(on.postgres.pid), "client": fleet.pids}
    return {name: processes.cpu_seconds(pids) for name, pids in parts.items()}


def _look(by_api: verify.LiveCheck, by_board: verify.LiveCheck, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        by_api.look()
        by_board.look()
        time.sleep(max(0.0, began + 1 - time.monotonic()))


def _judged(name: str, by_api: verify.LiveCheck, by_board: verify.LiveCheck) -> Iterator[Figure]:
    for label, check in (("API", by_api), ("board", by_board)):
        settle = f"{verify.SETTLE_SECONDS:.0f} s"
        note = f"{len(check.sights)} looks, {check.exact} with one right answer; at most {settle} behind"
        if check.unanswered:
            note += f", {len(check.unanswered)} unanswered"
        yield Figure("hold", f"{name}: worst drift, {label}", check.drift, "", 0, at_most=True, note=note)
        yield Figure("hold", f"{name}: looks with one right answer, {label}", check.exact, "", 1)


def _kept(name: str, kept: verify.Stored) -> Iterator[Figure]:
    wrong = {"lost": kept.lost, "duplicated": kept.duplicated, "wrong": kept.wrong, "invented": kept.invented}
    wrong["without an end"] = kept.open
    note = f"of {kept.acked:,} acknowledged; ends within {kept.ended.at(0.99) * 1000:,.0f} ms (p99)"
    for label, count in wrong.items():
        yield Figure("hold", f"{name}: page views {label}", count, "", 0, at_most=True, note=note)
        note = ""
