"""All tests, in lanes, for `scripts/test`; with the argument `again`, what failed in them once more.

Tests that only wait run beside the others; when they have ended, some modules that wait for browsers take
their place, so that two cores stay busy. Those that measure time have the machine to themselves afterwards.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "test-results" / "lanes"
PYTEST = (sys.executable, "-m", "pytest")


@dataclass(frozen=True)
class Lane:
    """One run of pytest over some of the tests; what it leaves lies in a folder of its own."""

    name: str
    options: tuple[str, ...]
    kept: Path = KEPT
    root: Path = ROOT

    @property
    def folder(self) -> Path:
        return self.kept / self.name.replace(" ", "-")

    def start(self, quiet: bool = False) -> "Started":
        """Begin it; `quiet`: what it prints goes into a file, to be shown when it has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        results = ("--junitxml", str(self.folder / "results.xml"), "-o", "junit_family=xunit1")
        cache = ("-o", f"cache_dir={self.folder / 'cache'}")
        command = [*PYTEST, "-q", *results, *cache, *self.options]
        if quiet:
            with (self.folder / "output").open("w") as output:
                process = subprocess.Popen(command, cwd=self.root, stdout=output, stderr=subprocess.STDOUT)
        else:
            process = subprocess.Popen(command, cwd=self.root)
        return Started(self, process, time.monotonic())

    def completed(self) -> bool:
        """Whether it came to its end, with failures or without: what it did not run cannot be run again."""
        code = self.folder / "exit"
        ended = code.read_text() if code.exists() else ""
        return ended == "0" or (ended == "1" and bool(self.failed()))

    def failed(self) -> list[str]:
        """Ids of the tests that failed here, and names of files that could not be read."""
        last = self.folder / "cache" / "v" / "cache" / "lastfailed"
        return sorted(json.loads(last.read_text())) if last.exists() else []


@dataclass(frozen=True)
class Started:
    """A lane that runs."""

    lane: Lane
    process: subprocess.Popen[bytes]
    began: float

    def end(self) -> "Ended":
        """Wait for it, and show what it printed into its file."""
        code = self.process.wait()
        seconds = time.monotonic() - self.began
        (self.lane.folder / "exit").write_text(str(code))
        output = self.lane.folder / "output"
        if output.exists():
            print(output.read_text(), end="", flush=True)
        return Ended.of(self.lane, code, seconds)


@dataclass(frozen=True)
class Ended:
    """What came of a lane."""

    name: str
    code: int
    seconds: float
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    @classmethod
    def of(cls, lane: Lane, code: int, seconds: float) -> "Ended":
        try:
            suites = ElementTree.parse(lane.folder / "results.xml").getroot().findall("testsuite")
        except (OSError, ElementTree.ParseError):
            # It broke off; its exit status says so.
            return cls(lane.name, code or 1, seconds)
        count = {name: sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures")}
        errors, skipped = (sum(int(suite.get(name, 0)) for suite in suites) for name in ("errors", "skipped"))
        passed = count["tests"] - count["failures"] - errors - skipped
        # By its own clock: it may have ended long before it was looked at.
        seconds = sum(float(suite.get("time", 0)) for suite in suites)
        return cls(lane.name, code, seconds, passed, count["failures"], errors, skipped)

    def line(self) -> str:
        """As pytest sums up."""
        counts = {
            "failed": self.failed,
            "passed": self.passed,
            "skipped": self.skipped,
            "errors": self.errors,
        }
        words = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing ran"
        broken = "" if self.code in (0, 1) else f" (pytest ended with {self.code})"
        return f"{self.name}: {words} in {self.seconds:.0f} s{broken}"


# In the order of tests/conftest.py: a long module that comes last keeps one core waiting.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
LANES = {
    # Most of them wait a little, for a browser, a start or a socket: three at a time fill two cores.
    "side by side": Lane("side by side", ("-n", "3", *BY_FILE, "-m", "not (alone or waits or spare)")),
    # One by one as they come: two that wait for a minute never stand behind each other.
    "waits": Lane(
        "waits", ("-n", "3", "--dist", "load", "--maxschedchunk", "1", "-m", "waits and not alone")
    ),
    "spare": Lane("spare", ("-n", "3", *BY_FILE, "-m", "spare and not (alone or waits)")),
    "alone": Lane("alone", ("-m", "alone")),
}


class _Chain:
    """Lanes that run one after the other, beside others; `stop` ends one that runs, and starts no more."""

    def __init__(self, lanes: Sequence[Lane], quiet: bool) -> None:
        self._lanes, self._quiet = lanes, quiet
        self._started: Started | None = None
        self._stopping = False

    def run(self) -> list["Ended"]:
        ended = []
        for lane in self._lanes:
            if not self._stopping:
                self._started = lane.start(self._quiet)
                ended.append(self._started.end())
        return ended

    def stop(self) -> None:
        self._stopping = True
        if self._started:
            self._started.process.terminate()  # does nothing to one that has ended


def run(together: Sequence[Sequence[Lane]], after: Sequence[Lane]) -> int:
    """Run chains of lanes beside each other, then the others one by one; the exit status."""
    began = time.monotonic()
    chains = [_Chain(lanes, quiet=number > 0) for number, lanes in enumerate(together)]
    with ThreadPoolExecutor(len(chains)) as threads:
        running = [threads.submit(chain.run) for chain in chains]
        try:
            ended = [each for chain in running for each in chain.result()]
        finally:
            for chain in chains:
                chain.stop()
    ended += [lane.start().end() for lane in after]
    print(*(each.line() for each in ended), sep="\n")
    whole = Ended(
        "all",
        max(each.code for each in ended),
        time.monotonic() - began,
        *(sum(getattr(each, name) for each in ended) for name in ("passed", "failed", "errors", "skipped")),
    )
    print(whole.line())
    return int(any(each.code for each in ended))


def again(lanes: Iterable[Lane], kept: Path = KEPT, root: Path = ROOT) -> int:
    """Run what failed once more, by itself; what passes now is named as flaky. The exit status."""
    lanes = list(lanes)
    broken = [lane.name for lane in lanes if not lane.completed()]
    failed = [each for lane in lanes for each in lane.failed()]
    if broken or not failed:
        print(f"The run itself broke off ({', '.join(broken) or 'no test failed'}): nothing is run again.")
        return 1
    print(f"Once more, alone: {len(failed)} that failed.", flush=True)
    lane = Lane("again", tuple(failed), kept, root)
    ended = lane.start().end()
    real = lane.failed()
    for each in failed:
        print(f"{'failed twice' if each in real else 'flaky'}: {each}")
    print(ended.line())
    return int(bool(ended.code or real))


if __name__ == "__main__":
    if sys.argv[1:] == ["again"]:
        sys.exit(again(LANES.values()))
    sys.exit(run([[LANES["side by side"]], [LANES["waits"], LANES["spare"]]], [LANES["alone"]]))
