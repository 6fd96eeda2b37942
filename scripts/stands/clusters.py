"""Clusters of Postgres that hold Footfall's tables already, to be copied: making one takes 4 s of CPU.

They are made once a day (partitions are of weeks) for what they are made of, and kept in the checkout.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from analytics.up import home_owner, postgres_programs
from analytics.up.data_folder import DataFolder
from analytics.up.postgres import Postgres
from analytics.up.postgres_home import recorded_home
from scripts.stands.checkout import ROOT

CACHE = ROOT / ".cache" / "clusters"
# What a cluster with tables is made of, besides the programs of Postgres.
SOURCES = (
    "*/migrations/*.py",
    "*/models.py",
    "analytics/up/*.py",
    "tracker/postgres/*.py",
    "requirements/run.txt",
)


def copy_to(data: Path) -> None:
    """Put a copy where a data folder has its Postgres; the next start finds tables, and nobody in them."""
    kept = _kept()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Each for itself: a copy of the folder would have its mode, too, and open the data folder. Byte by byte:
    # what cp does otherwise takes up to three times the CPU for so many small files.
    subprocess.run(["cp", "-a", "--reflink=never", *kept.iterdir(), data], check=True)


def copy(made: Path, data: Path) -> None:
    """Copy a data folder that was in use, as an instance of its own."""
    subprocess.run(["cp", "-a", "--reflink=never", f"{made}/.", data], check=True)
    (recorded_home(DataFolder(data)) / home_owner.RECORD).unlink()


def _kept() -> Path:
    """The one of today, made if need be; by one process at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / _name()
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            for old in CACHE.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            _make(kept)
    return kept


def _name() -> str:
    made_of = hashlib.sha256(f"{postgres_programs.version()} {datetime.now(UTC).date()}".encode())
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            made_of.update(path.read_bytes())
    return made_of.hexdigest()[:16]


def _make(kept: Path) -> None:
    # Right under /tmp: the account that root drops Postgres to may not be able to enter the checkout.
    with tempfile.TemporaryDirectory(prefix="footfall-cluster-") as name:
        data = DataFolder(Path(name))
        postgres = Postgres(data, say=lambda line: None)
        postgres.start()
        try:
            _migrate(postgres.url)
        finally:
            postgres.stop()
        half = kept.with_name("half")
        (half / "postgres").mkdir(parents=True)
        shutil.copy2(data.path / "postgres_password", half)
        subprocess.run(["cp", "-a", f"{recorded_home(data)}/.", half / "postgres"], check=True)
        (half / "postgres" / home_owner.RECORD).unlink()
        half.rename(kept)


def _migrate(url: str) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "SECRET_KEY": "only for making tables, which nobody logs in to",
    }
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
