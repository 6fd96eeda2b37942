"""The files of the embedded Postgres (a cluster, in its words): made whole or not at all, and found free of
an earlier run's processes before a new one starts."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analytics.up.account import Account
from analytics.up.errors import CannotStart

# Only the start of the cluster's life; `postgresql.conf` is the operator's to change afterwards.
# Durability (fsync, synchronous_commit) stays on: an ack promises a commit that survives.
TUNING = {
    "shared_buffers": "128MB",
    # Fewer checkpoints: after each, the first change of every page goes to the log whole, and page
    # views are changed once more when they end.
    "checkpoint_timeout": "15min",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    # Dead rows of small hot tables (open visits, recent ids) are swept before they slow the joins.
    "autovacuum_naptime": "15s",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

# How the file is called for a moment in which `initdb` finds its password.
PASSWORD = "password-"  # noqa: S105


# Why its programs gave up; what they say afterwards is how they tidied up.
CAUSE = re.compile(r"\b(ERROR|FATAL|PANIC|error):|LOG: +(syntax error|unrecognized|invalid|parameter)")


def cause(said: str) -> str:
    """Of what a program of Postgres said, the lines that name why it gave up; the last where none does."""
    lines = said.strip().splitlines() or ["it said nothing"]
    return "; ".join([line.strip() for line in lines if CAUSE.search(line)][-3:] or lines[-1:])


@dataclass(frozen=True)
class Cluster:
    """One cluster at `path`, whose parent belongs to `account`; `programs` holds its Postgres."""

    path: Path
    account: Account
    programs: Path

    def make(self, password: str) -> None:
        """Create the cluster, with `footfall` as role and as database; safe to be killed at any moment.

        Raises CannotStart with what Postgres' programs said.
        """
        half = self.path.with_name("cluster.new")
        shutil.rmtree(half, ignore_errors=True)
        descriptor, password_file = tempfile.mkstemp(dir=self.path.parent, prefix=PASSWORD)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(password)
            self.account.take(Path(password_file))
            self._run(
                [
                    self.programs / "initdb",
                    f"--pgdata={half}",
                    "--username=footfall",
                    f"--pwfile={password_file}",
                    "--auth-host=reject",
                    "--auth-local=scram-sha-256",
                    "--data-checksums",
                    "--encoding=UTF8",
                    # Postgres' own C.UTF-8: sorts by code point, and no update of the system's libc can
                    # ever make the order of an index wrong.
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    *(f"--set={name}={value}" for name, value in TUNING.items()),
                ]
            )
        finally:
            os.unlink(password_file)
        # Alone, without a server: whoever starts one finds the database, and need not look for it.
        self._run(
            [self.programs / "postgres", "--single", "-D", half, "postgres"], "CREATE DATABASE footfall\n"
        )
        os.rename(half, self.path)

    def _run(self, command: Sequence[str | Path], said: str = "") -> None:
        done = subprocess.run(
            command,
            cwd="/",
            env=ENVIRONMENT,
            input=said,
            capture_output=True,
            text=True,
            **self.account.switch(),
        )
        # In single-user mode Postgres ends with 0 after an error, too.
        wrong = [line for line in done.stderr.splitlines() if re.search(r"\b(ERROR|FATAL|PANIC):", line)]
        if done.returncode != 0 or wrong:
            raise CannotStart(f"Postgres' files cannot be made in {self.path.parent}: {cause(done.stderr)}")

    def check_version(self, major: str) -> None:
        """Refuse files of another major version, which this Postgres cannot read."""
        version = (self.path / "PG_VERSION").read_text().strip()
        if version != major:
            raise CannotStart(
                f"{self.path} was made by Postgres {version}, and this is Postgres {major}: let the older "
                "Footfall make a backup (manage.py backup), and restore that into a new data folder."
            )

    def clear(self, timeout: float = 10.0) -> None:
        """See to it that no process of an earlier run uses the cluster, and nothing is left that it made.

        A postmaster that is left (its `up` was killed, and it was still shutting down) is asked to stop;
        processes that lost their postmaster end by themselves. A pid file is removed only when no process
        of Postgres works in the folder: the pid in it may by now be a stranger's, or a zombie.

        Raises CannotStart when somebody is still there after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        stopping = False
        while left := self.processes():
            postmaster = self.postmaster()
            if postmaster in left and not stopping:
                stopping = True
                os.kill(postmaster, signal.SIGINT)
            if time.monotonic() > deadline:
                pids = " ".join(map(str, left))
                raise CannotStart(
                    f"An earlier Postgres still works in {self.path}: end it (kill {pids}), then start again."
                )
            time.sleep(0.05)
        (self.path / "postmaster.pid").unlink(missing_ok=True)
        for path in self.path.parent.glob(f"{PASSWORD}*"):
            path.unlink(missing_ok=True)

    def postmaster(self) -> int | None:
        """The pid that the pid file names, whoever that is by now."""
        lines = self._pid_file()
        return int(lines[0]) if lines and lines[0].isdecimal() else None

    def ready(self, pid: int) -> bool:
        """Whether the postmaster of this pid says that it takes connections."""
        lines = self._pid_file()
        return len(lines) > 7 and lines[0] == str(pid) and lines[7] == "ready"

    def _pid_file(self) -> list[str]:
        try:
            return [line.strip() for line in (self.path / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def processes(self) -> list[int]:
        """Every living process of Postgres that works in this cluster: they all make it their current folder.

        Processes whose folder the kernel will not show us are another account's, and a zombie has none.
        """
        pids = []
        for entry in os.scandir("/proc"):
            if not entry.name.isdecimal():
                continue
            try:
                if os.readlink(f"/proc/{entry.name}/cwd") != str(self.path):
                    continue
                program = os.readlink(f"/proc/{entry.name}/exe")
            except OSError:
                continue
            if os.path.basename(program).startswith("postgres"):
                pids.append(int(entry.name))
        return pids
