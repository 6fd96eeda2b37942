"""A Postgres as on another machine: over TCP only, with an address of its own, so that it can be cut off."""

import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analytics.up import postgres_programs
from analytics.up.account import account_for
from analytics.up.data_folder import DataFolder
from analytics.up.postgres_cluster import ENVIRONMENT, Cluster
from analytics.up.postgres_home import make_home, recorded_home
from scripts.stands.ports import free_port
from scripts.stands.waiting import wait_for

READY_SECONDS = 30.0


@contextmanager
def postgres_at(*addresses: str) -> Iterator[str]:
    """The embedded programs with an empty database at these loopback addresses; its URL at the first of them.

    Gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="footfall-postgres-") as folder:
        data, password, port = DataFolder(Path(folder)), secrets.token_urlsafe(24), free_port()
        account = account_for(recorded_home(data) / "cluster", data.path)
        programs, _ = postgres_programs.programs(account)
        cluster = Cluster(make_home(data, account) / "cluster", account, programs)
        cluster.make(password)
        (cluster.path / "pg_hba.conf").write_text("host all all 127.0.0.0/8 scram-sha-256\n")
        settings = [f"listen_addresses={','.join(addresses)}", f"port={port}", "unix_socket_directories="]
        words = [word for each in settings for word in ("-c", each)]
        process = subprocess.Popen(
            [programs / "postgres", f"-D{cluster.path}", *words],
            cwd=cluster.path.parent,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **account.switch(),
        )
        try:
            wait_for(lambda: cluster.ready(process.pid), READY_SECONDS, "Postgres")
            yield f"postgres://footfall:{password}@{addresses[0]}:{port}/footfall"
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(READY_SECONDS)
            finally:
                process.kill()
