"""Children of `up`: kept running while it lives, and never longer."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analytics.up import log_file
from analytics.up.child import Child
from scripts.stands.checkout import ROOT
from scripts.stands.waiting import wait_for
from tracker.liveness.watchdog import Watchdog


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """Where each program says its pid."""
    return tmp_path / "pids"


def command(pids: Path) -> list[str]:
    return ["/bin/sh", "-c", f"echo $$ >> '{pids}'; exec sleep 60"]


class Failing:
    """Signs that nobody can ask for; how often it was tried."""

    def __init__(self) -> None:
        self.asked = 0

    def last(self, process: int) -> float | None:
        self.asked += 1
        raise ValueError("as nobody foresaw")


def said(pids: Path, count: int) -> list[int]:
    """The pids of the first programs, once there are so many."""
    wait_for(lambda: pids.exists() and len(pids.read_text().splitlines()) >= count, 15, f"{count} programs")
    return [int(line) for line in pids.read_text().splitlines()]


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has: only its parent has not looked yet)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_that_dies_is_started_again_until_it_is_stopped(pids: Path) -> None:
    child = Child("sleeper", command(pids), dict(os.environ))
    child.start()
    first = said(pids, 1)[0]
    os.kill(first, signal.SIGKILL)
    second = said(pids, 2)[1]
    assert gone(first)
    child.stop()
    assert gone(second)
    assert len(said(pids, 2)) == 2


def test_whatever_fails_beside_one_that_lives_no_second_one_is_started(
    pids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.up.child.LOOK_SECONDS", 0.01)
    signs, stored = Failing(), pids.with_name("stored")
    stores = (
        f"echo $$ >> '{pids}'; trap \"sleep 0.3; touch '{stored}'; exit\" TERM; while :; do sleep 0.05; done"
    )
    child = Child("edge", ["/bin/sh", "-c", stores], dict(os.environ), Watchdog("edge", signs, 10))
    child.start()
    wait_for(lambda: signs.asked > 5, 60)
    first = said(pids, 1)[0]
    child.stop()
    assert gone(first)
    assert len(said(pids, 1)) == 1
    assert stored.exists(), "it had its time to store what waited"


def test_a_log_that_cannot_be_cut_is_said_once_and_stops_nothing(
    pids: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log, looks, cut = tmp_path / "nginx.log", [], log_file.cut
    log.symlink_to(tmp_path / "elsewhere")

    def counted(path: Path) -> None:
        looks.append(path)
        cut(path)

    monkeypatch.setattr(log_file, "cut", counted)
    child = Child("nginx", command(pids), dict(os.environ), log=log, check=0.01)
    child.start()
    wait_for(lambda: len(looks) > 5, 60)
    said(pids, 1)
    child.stop()
    assert len(said(pids, 1)) == 1
    assert caplog.text.count("nginx.log cannot be kept short") == 1


def test_a_first_life_that_is_over_is_never_taken_for_settled(pids: Path) -> None:
    child = Child(
        "web", ["/bin/sh", "-c", f"echo $$ >> '{pids}'", "sh"], dict(os.environ), first=["--prepare"]
    )
    child.start()
    wait_for(lambda: child.failed, 60)
    assert not child.settled()
    assert child.failed
    child.stop()
    child = Child("web", [*command(pids), "sh"], dict(os.environ), first=["--prepare"])
    child.start()
    first = said(pids, 2)[1]
    assert child.settled()
    os.kill(first, signal.SIGKILL)
    said(pids, 3)
    assert not child.failed
    child.stop()


def test_a_child_ends_with_its_parent_even_by_kill_9(pids: Path) -> None:
    program = (
        "import sys, time; from analytics.up.child import Child; "
        "Child('sleeper', sys.argv[1:], {}).start(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, *command(pids)], cwd=ROOT) as parent:
        pid = said(pids, 1)[0]
        parent.kill()
    wait_for(lambda: gone(pid), 10, "the child to end")


def test_a_child_that_dies_at_once_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = tmp_path / "log"
    child = Child("nginx", ["/bin/sh", "-c", f"echo '[emerg] no such file' >> '{log}'; exit 1"], {}, log=log)
    child.start()
    wait_for(lambda: "It said: [emerg] no such file" in caplog.text, 10, "the cause in the log")
    child.stop()
