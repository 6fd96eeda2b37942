"""The whole product as its users start it: `manage.py up` on a free port with a data folder of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

from scripts.stands import clusters, process_tree
from scripts.stands.checkout import ROOT
from scripts.stands.folders import temporary_folder
from scripts.stands.logins import log_in
from scripts.stands.ports import free_port
from scripts.stands.sites import add_site
from scripts.stands.tokens import add_token
from scripts.stands.waiting import wait_for

READY_SECONDS = 60.0
# What a script starts in its background is deaf to Ctrl-C, and so is all that this starts, Footfall included.
AS_IN_FRONT = ("env", "--default-signal=INT,HUP")
QUICK_SETTINGS = "scripts.stands.quick_settings"


class Product:
    """A running Footfall."""

    def __init__(
        self,
        data: Path,
        *options: str,
        under: Sequence[str] = (),
        checkout: Path | str = ROOT,
        **environment: str,
    ) -> None:
        """`under`: words before its command, for a program that starts it elsewhere and becomes it.

        `checkout`: whose code it is, this one's or an earlier commit's.
        """
        self.checkout = checkout
        self.data = data
        self.port = int(options[options.index("--port") + 1]) if "--port" in options else free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket_url = f"ws://127.0.0.1:{self.port}"
        self.lines: list[str] = []
        inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
        self.environment = {**inherited, "FOOTFALL_DATA": str(data), **environment}
        self.process = subprocess.Popen(
            [
                *AS_IN_FRONT,
                *under,
                sys.executable,
                "manage.py",
                "up",
                f"--port={self.port}",
                f"--data={data}",
                *options,
            ],
            cwd=checkout,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            wait_for(lambda: self.ready() or self.process.poll() is not None, READY_SECONDS, "/readyz")
        except AssertionError:
            # Whoever wanted it never gets hold of it, and so could not end it.
            self.stop()
            raise
        assert self.process.poll() is None, "\n".join(self.lines)

    def ready(self) -> bool:
        """Whether /readyz answers that everything serves."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    @property
    def web(self) -> int:
        """The process that serves staff; 0 between two lives."""
        children = process_tree.children(self.process.pid)
        return next((child for child in children if " web " in process_tree.command_line(child)), 0)

    @property
    def password(self) -> str:
        """The staff password that the first start printed."""
        found = re.search(r"admin / (\S+)", "\n".join(self.lines))
        assert found, self.lines
        return found[1]

    @cached_property
    def staff_cookie(self) -> str:
        """The Cookie header of the first member of staff: logging in costs 0.3 s of hashing, once."""
        return log_in(self.port, "admin", self.password)

    def manage(self, *arguments: str) -> str:
        """The output of a `manage.py` command that runs beside."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            # A machine that is busy with other tests takes six times as long.
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_site(self, domain: str, *hosts: str, zone: str = "UTC") -> str:
        """A new site's key; every process of this product knows it."""
        return add_site(self._database_url, domain, list(hosts), zone)

    def add_token(self, *keys: str, write: bool = False, servers: bool = False) -> str:
        """A new API token's text, for these sites or for all."""
        return add_token(self._database_url, keys, write, servers)

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """What the product's own database answers."""
        with psycopg.connect(self._database_url, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query, parameters).fetchall()

    def connected(self) -> psycopg.Connection[Any]:
        """A connection of one's own to the product's database; each statement is its own transaction."""
        return psycopg.connect(self._database_url, autocommit=True)

    @property
    def _database_url(self) -> str:
        given = self.environment.get("DATABASE_URL")
        return given or (self.data / "database_url").read_text().strip()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as an operator does; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self._reader.join(timeout=30)
        # Closing what somebody still reads would wait for him without end.
        assert not self._reader.is_alive(), "what it started still holds its output open"
        assert self.process.stdout
        self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


# What would lead a child to the test session's own database, or make it verbose.
_OURS = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "FOOTFALL_DATA", "FOOTFALL_URL"}


@contextmanager
def running(*options: str, under: Sequence[str] = (), **environment: str) -> Iterator[Product]:
    """A product of its own, gone afterwards; it finds its tables made, and hashes passwords quickly."""
    environment = {"DJANGO_SETTINGS_MODULE": QUICK_SETTINGS, **environment}
    with temporary_folder("footfall-product-") as folder:
        # The folder itself: the account that root drops Postgres to could not pass through it.
        clusters.copy_to(folder)
        product = Product(folder, *options, under=under, **environment)
        try:
            yield product
        finally:
            if product.process.poll() is None:
                product.stop()
