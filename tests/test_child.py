"""Children of `up`: kept running while it lives, and never longer."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analytics.up.child import Child
from scripts.stands.checkout import ROOT
from scripts.stands.waiting import wait_for


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """Where each program says its pid."""
    return tmp_path / "pids"


def command(pids: Path) -> list[str]:
    return ["/bin/sh", "-c", f"echo $$ >> '{pids}'; exec sleep 60"]


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
