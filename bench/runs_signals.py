"""What servers' datapoints cost: read and windowed, at what pace they are lost, in how much memory."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench import processes
from bench.figures import Figure
from bench.progress import say
from bench.runs_streams import streams
from bench.targets import Ground
from scripts.stands.checkout import ROOT
from scripts.stands.ports import free_port
from tracker.signals.windows import SPANS

SERIES = 10_000
PACE = 20_000
LINES = 40  # in a datagram of 1,400 bytes, as clients pack them
KINDS = ("c", "ms", "g", "h|#host:a,zone:eu", "c|@0.1", "d")
SUMS = """
SELECT coalesce(sum(sum), 0) FROM tracker_signal JOIN tracker_series ON id = series_id
WHERE seconds = 600 AND name = 'footfall.signals.taken'
"""


def signals(on: Ground, quick: bool) -> Iterator[Figure]:
    """Datapoints of 10,000 series by UDP, then streams of one."""
    yield from _gathered(on, quick)
    yield from streams(on, quick)


def _gathered(on: Ground, quick: bool) -> Iterator[Figure]:
    """Datapoints of 10,000 series by UDP: CPU for each, what is lost, memory, the cost of a flush."""
    seconds = 12.0 if quick else 60.0
    url = on.database()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "SECRET_KEY": "of a bench and of nothing else, 0123456789",
    }
    manage = (sys.executable, "manage.py")
    subprocess.run([*manage, "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
    with _started(environment) as (process, port):
        empty = processes.rss([process.pid])
        _flush(process, port)  # in which all names are new
        flush = _flush(process, port)
        memory = processes.rss([process.pid]) - empty
        say("signals: as fast as one processor sends")
        sent, cpu = _load(process, port, seconds, pace=0)
        dropped = _dropped(port)
        say(f"signals: {PACE:,} a second")
        paced, _ = _load(process, port, seconds, pace=PACE)
        lost = (_dropped(port) - dropped) * LINES / paced * 100
    with psycopg.connect(url) as connection:
        taken = connection.execute(SUMS).fetchone()
    assert taken
    rate = (taken[0] - 2 * SERIES - paced * (1 - lost / 100)) / cpu
    yield Figure("signals", "datapoints read and windowed, a CPU second", rate, "/s", 150_000)
    yield Figure("signals", "10,000 series: memory", memory / 1e6, "MB", 60, at_most=True)
    note = "10,000 windows of 10 s, with what is stored of them"
    yield Figure("signals", "10,000 series: CPU of a flush", flush * 1000, "ms", 200, at_most=True, note=note)
    note = f"of {sent / seconds:,.0f}, as fast as one processor sends: {dropped * LINES / sent:.0%}"
    name = f"lost in the kernel, of {PACE:,} a second"
    yield Figure("signals", name, lost, "%", 0, at_most=True, note=note)


@contextmanager
def _started(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "signals", f"--udp=127.0.0.1:{port}"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "Ready.\n"
        yield process, port
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()


def _flush(process: subprocess.Popen[str], port: int) -> float:
    """Say all series once; the CPU seconds that it takes to end their windows and to store them."""
    for series in range(SERIES):
        _send(port, [f"series.{series}:{series}|{KINDS[series % len(KINDS)]}"])
    time.sleep(1.0)  # what lies in the kernel's buffer
    before = processes.cpu_seconds([process.pid])
    time.sleep(SPANS[0] + 1.0)
    return processes.cpu_seconds([process.pid]) - before


def _load(process: subprocess.Popen[str], port: int, seconds: float, pace: int) -> tuple[int, float]:
    """Send datapoints of all series at a pace, 0: as fast as it goes; how many, and the CPU they took."""
    chance = random.Random(1)  # noqa: S311 (the same each time is what is wanted)
    datagrams = [
        [f"series.{series}:{chance.randrange(1000)}|{KINDS[series % len(KINDS)]}" for series in some]
        for some in (chance.sample(range(SERIES), LINES) for _ in range(2000))
    ]
    before, sent = processes.cpu_seconds([process.pid]), 0
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        if pace and sent > pace * elapsed:
            time.sleep(0.001)
            continue
        _send(port, datagrams[sent // LINES % len(datagrams)])
        sent += LINES
    time.sleep(1.0)  # what lies in the kernel's buffer
    return sent, processes.cpu_seconds([process.pid]) - before


def _send(port: int, lines: list[str]) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto("\n".join(lines).encode(), ("127.0.0.1", port))


def _dropped(port: int) -> int:
    """Datagrams that the kernel dropped at this port (proc(5): /proc/net/udp, the last column)."""
    lines = Path("/proc/net/udp").read_text().splitlines()
    return next(int(line.split()[-1]) for line in lines if line.split()[1].endswith(f":{port:04X}"))
