"""Hostile frames: by the million into the parser, by the thousand through sockets, among honest pages."""

import socket
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from bench import processes, verify, visitors
from bench.faults.mutator import Mutator
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import Reader
from bench.plan import Mode
from bench.sessions import plan
from bench.targets import TARGETS, Ground, ServerProcess, running
from bench.watch import Api
from scripts.stands import frames
from scripts.stands.product import Product
from tracker.contract import messages

RUN = "fuzz"
SEED = 20_261_122
GROWTH_PERCENT = 5.0
FRAMES_A_CONNECTION = 10
PATIENCE, ANSWER_SECONDS = 5.0, 0.3
HONEST = 200
ORIGIN = "fuzz.example"
# What an uncaught exception leaves in a log.
TRACES = ("Traceback", "Unhandled", "CRITICAL", "exception was never retrieved")


def fuzz(on: Ground, quick: bool) -> Iterator[Figure]:
    """Mutated frames: no crash, no uncaught exception, no memory kept, honest pages counted rightly."""
    parsed, sent = (18_000, 1_000) if quick else (4_800_000, 100_000)
    yield from _parse(parsed)
    with running(TARGETS["edge"], on) as server:
        product = server.product
        assert product
        api = Api(product.port, server.key, product.add_token())
        ledger = str(on.folder / "ledger-fuzz")
        with VisitorFleet(plan(server, Mode.HOLD, 7000.0, pages=HONEST, ledger=ledger)) as fleet:
            fleet.wait_full()
            fleet.tell("turnover 2")
            check = verify.LiveCheck(fleet.ledgers, api.live)
            yield from _doors(server, product, sent, check, quick)
            check.settled()
            fleet.tell("stop")
            outcome = fleet.finish()
        api.close()
        time.sleep(2.0)
        kept = verify.stored(server.database_url, fleet.plans[0].run, Reader(fleet.ledgers).rest())
        yield Figure(RUN, "honest pages: worst drift", check.drift, "", 0, True, f"{len(check.sights)} looks")
        yield Figure(RUN, "honest pages: connections lost", sum(outcome.errors.values()), "", 0, True)
        yield Figure(RUN, "honest pages: page views lost", kept.lost, "", 0, True)
        lines = [*product.lines, *(line for path in _logs(on) for line in path.read_text().splitlines())]
        traces = [line for line in lines if any(word in line for word in TRACES)]
        yield Figure(RUN, "uncaught exceptions in the logs", len(traces), "", 0, True, "; ".join(traces[:1]))


def _parse(number: int) -> Iterator[Figure]:
    """The parser alone: what it does not take, it refuses."""
    mutator, broke = Mutator(SEED), Counter[str]()
    taken, began = 0, time.monotonic()
    for text in islice(mutator.texts(), number):
        try:
            messages.parse(text.decode(errors="surrogatepass"))
            taken += 1
        except (messages.Refused, UnicodeDecodeError):
            pass
        except Exception as error:
            broke[type(error).__name__] += 1
    note = f"{number:,} frames in {time.monotonic() - began:.0f} s, {taken:,} taken; {dict(broke)}"
    yield Figure(RUN, "parser: exceptions that are no refusal", broke.total(), "", 0, True, note)


def _doors(
    server: ServerProcess, product: Product, sent: int, check: verify.LiveCheck, quick: bool
) -> Iterator[Figure]:
    """The same through real sockets, to an edge and to the one process."""
    key, numbers = product.add_site(ORIGIN), count()
    doors = (("edge", server.ports[0], server.roots[0]), ("one process", product.port, product.web))
    for name, port, pid in doors:
        mutator = Mutator(SEED + port)
        # What every process needs once, it has taken by then.
        _storm(mutator, port, key, numbers, sent // 4, check)
        before = processes.rss([pid])
        codes = _storm(mutator, port, key, numbers, sent, check)
        growth = (processes.rss([pid]) / before - 1) * 100
        alive = Path(f"/proc/{pid}").exists()
        note = f"{sent:,} frames; closes {dict(codes.most_common(6))}"
        yield Figure(RUN, f"{name}: still alive", float(alive), "", 1, note=note)
        # Some seconds of a young process say little: its caches still fill.
        yield Figure(
            RUN, f"{name}: memory more than before", growth, "%", None if quick else GROWTH_PERCENT, True
        )


def _storm(
    mutator: Mutator, port: int, key: str, numbers: Iterator[int], number: int, check: verify.LiveCheck
) -> Counter[int]:
    """So many frames, some on each connection; how those were closed."""
    codes, looked = Counter[int](), 0.0
    texts = mutator.texts()
    for _ in range(number // FRAMES_A_CONNECTION):
        said = b"".join(map(mutator.wire, islice(texts, FRAMES_A_CONNECTION)))
        codes[_connection(port, key, next(numbers), said)] += 1
        if time.monotonic() - looked > 1:
            looked = time.monotonic()
            check.look()
    return codes


def _connection(port: int, key: str, visitor: int, said: bytes) -> int:
    """Say all this on a new connection, then hang up; the close code heard, 0 when cut."""
    with socket.socket() as line:
        line.settimeout(PATIENCE)
        line.bind((visitors.address(visitor), 0))
        line.connect(("127.0.0.1", port))
        headers = {"Origin": f"https://{ORIGIN}", "User-Agent": visitors.user_agent(visitor)}
        line.sendall(frames.handshake(f"/live/{key}", f"127.0.0.1:{port}", headers))
        data = b""
        try:
            while b"\r\n\r\n" not in data and (more := line.recv(65536)):
                data += more
            line.sendall(said)
            # Where all was right, or a length lied, the server waits for more; we do not.
            line.settimeout(ANSWER_SECONDS)
            while more := line.recv(65536):
                data += more
        except OSError:
            # Cut in the middle of what it had to say.
            pass
    answered = frames.answer(data)
    heard = frames.heard(answered[1])[0] if answered else []
    closes = [each.payload for each in heard if each.opcode == frames.CLOSE]
    return int.from_bytes(closes[0][:2], "big") if closes else 0


def _logs(on: Ground) -> Iterator[Path]:
    yield from on.folder.glob("log-edge-*")
