"""`up`, started, stopped, killed and started again, as operators and power cuts do."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from analytics.up.data_folder import DataFolder
from analytics.up.postgres_home import recorded_home
from scripts.stands import clusters
from scripts.stands.agents import FIREFOX
from scripts.stands.checkout import ROOT
from scripts.stands.folders import new_folder
from scripts.stands.ports import free_port
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder that none closes from above, as pytest's are to the account that root drops Postgres to."""
    path = new_folder("footfall-test-")
    try:
        yield path
    finally:
        # A killed start leaves it for the next one, which these tests do not always make.
        for record in ("socket_folder", "run_folder"):
            shutil.rmtree(DataFolder(path).read(record) or path / "none", ignore_errors=True)
        shutil.rmtree(path)


@pytest.fixture
def new() -> Iterator[Path]:
    """A data folder before the first start."""
    with temporary() as path:
        yield path


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder after a first start; to be copied, which takes a tenth of making one."""
    with temporary() as path:
        clusters.copy_to(path)
        with started(path) as product:
            assert product.stop() == 0
        yield path


@pytest.fixture
def folder(made: Path) -> Iterator[Path]:
    """A data folder for any start but the first."""
    with temporary() as path:
        clusters.copy(made, path)
        yield path


@contextmanager
def started(folder: Path, *options: str, **environment: str) -> Iterator[Product]:
    product = Product(folder, *options, **environment)
    try:
        yield product
    finally:
        if product.process.poll() is None:
            product.stop(signal.SIGKILL)
        assert product.process.stdout
        product.process.stdout.close()


@pytest.fixture(scope="module")
def running(made: Path) -> Iterator[Product]:
    """One that runs, for all that only look at it."""
    with temporary() as path:
        clusters.copy(made, path)
        with started(path) as product:
            yield product
            assert product.stop() == 0


def refused(folder: Path, *options: str) -> str:
    """What a start says that must not come to anything."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "up", "--data", folder, *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def left_behind(folder: Path) -> list[int]:
    """Processes of Postgres that still work in this data folder."""
    cluster = str(recorded_home(DataFolder(folder)) / "cluster")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == cluster:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_the_first_start_says_all_that_one_needs_and_the_second_no_secret(new: Path) -> None:
    with started(new) as product:
        said = "\n".join(product.lines)
        key = product.rows("SELECT key FROM tracker_site")[0]["key"]
        address = f"http://localhost:{product.port}"
        assert f"{address}/sites/{key}/" in said
        assert f'<script defer src="{address}/t.js" data-site="{key}"></script>' in said
        password = product.password
        assert product.stop() == 0
    with started(new) as product:
        said = "\n".join(product.lines)
        assert password not in said
        assert "admin /" not in said
        assert f"/sites/{key}/" in said
        assert product.stop() == 0
    for name in ("secret_key", "postgres_password"):
        assert (new / name).read_text().strip() not in said


@pytest.mark.alone
def test_the_second_start_takes_seconds(folder: Path) -> None:
    """3 s are promised, and 0.9 were seen on the reference machine; what decides is how long a command takes
    that does next to nothing, in turns: 1.1 to 1.9 times that was seen, and 3.5 for a first start."""
    starts, commands = [], []
    for _ in range(3):
        began = time.monotonic()
        with started(folder) as product:
            starts.append(time.monotonic() - began)
            began = time.monotonic()
            product.manage("check")
            commands.append(time.monotonic() - began)
            assert product.stop() == 0
    print(f"second start: {min(starts):.2f} s (goal: 3); a command: {min(commands):.2f} s")
    assert min(starts) < 3 * min(commands)


def test_secrets_are_for_the_owner_only(running: Product) -> None:
    for path in running.data.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE(running.data.stat().st_mode) & 0o007 == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stores_says_goodbye_and_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    with started(folder) as product:
        key = product.add_site("example.com")
        sockets = Path((folder / "socket_folder").read_text().strip())
        with connect(
            f"{product.socket_url}/live/{key}",
            origin=Origin("https://example.com"),
            user_agent_header=FIREFOX,
            compression=None,
        ) as page:
            page_id = str(uuid.uuid4())
            page.send(
                json.dumps({"t": "page", "id": page_id, "u": "https://example.com/", "r": "", "ti": ""})
            )
            assert json.loads(page.recv(timeout=5)) == {"t": "ack", "id": page_id}
            product.process.send_signal(number)
            with pytest.raises(ConnectionClosed) as closed:
                page.recv(timeout=15)
            assert closed.value.rcvd
            assert closed.value.rcvd.code == 4502
        assert product.process.wait(30) == 0
        assert product.lines[-1] == "Stopped."
    assert left_behind(folder) == []
    assert not sockets.exists()
    assert not (folder / "database_url").exists()
    with started(folder) as product:
        row = product.rows("SELECT ended_at FROM tracker_pageview WHERE id = %s", page_id)[0]
        assert row["ended_at"] is not None
        assert product.stop() == 0


def test_a_signal_during_the_start_leaves_nothing_either(new: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", "up", "--data", new, "--port", str(free_port())],
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert "Making a database" in process.stdout.readline()
    process.terminate()
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert left_behind(new) == []
    with started(new) as product:
        assert product.stop() == 0


def test_after_kill_9_the_next_start_serves_what_was_stored(folder: Path) -> None:
    with started(folder) as product:
        key = product.add_site("example.com")
        product.stop(signal.SIGKILL)
    # At once: Postgres may still be shutting down, as the kernel told it to.
    with started(folder) as product:
        assert product.rows("SELECT 1 FROM tracker_site WHERE key = %s", key)
        assert product.stop() == 0


def test_postgres_does_not_outlive_a_killed_start(folder: Path) -> None:
    with started(folder) as product:
        assert left_behind(folder)
        product.stop(signal.SIGKILL)
    wait_for(lambda: not left_behind(folder), 10, "Postgres to end")


def test_it_serves_again_after_postgres_was_killed(folder: Path) -> None:
    with started(folder) as product:
        postmaster = int(
            (recorded_home(DataFolder(folder)) / "cluster/postmaster.pid").read_text().split()[0]
        )
        os.kill(postmaster, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{postmaster}").exists(), 10, "the killed one to be gone")
        wait_for(product.ready, 15, "/readyz")
        assert product.add_site("example.com")
        assert product.stop() == 0


def test_the_background_work_is_done_too(running: Product) -> None:
    locked = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"
    wait_for(lambda: running.rows(locked), 10, "jobs to take their lock")


def test_a_held_data_folder_is_refused(running: Product) -> None:
    said = refused(running.data, "--port", str(free_port()))
    held = f"Another Footfall runs on the data folder {running.data}: stop it, or choose another --data.\n"
    assert said == held
    assert running.ready()


def test_a_copy_beside_its_original_is_refused_before_anything_is_made(folder: Path, new: Path) -> None:
    with started(folder) as product:
        shutil.copytree(folder, new, dirs_exist_ok=True, symlinks=True)
        before = sorted(path.name for path in new.iterdir())
        said = refused(new, "--port", str(free_port()))
        assert said.startswith(f"{new} is a copy of {folder}, which is still there: both would count")
        assert sorted(path.name for path in new.iterdir()) == before
        assert product.ready()
        assert product.stop() == 0


def test_a_taken_port_is_refused(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refused(folder, "--port", str(port))
    assert said == f"Port {port} is taken: stop what listens there, or choose another with --port.\n"
    assert left_behind(folder) == []


def test_files_of_another_major_version_are_refused(folder: Path) -> None:
    (recorded_home(DataFolder(folder)) / "cluster/PG_VERSION").write_text("15\n")
    said = refused(folder, "--port", str(free_port()))
    assert re.fullmatch(r"(CommandError: )?\S+ was made by Postgres 15, and this is Postgres 18: .*\n", said)


@pytest.mark.parametrize("options", [["--port", "0"], ["--port", "http"], ["--edges", "0"], ["--fast"]])
def test_a_bad_option_is_refused_before_anything_is_made(new: Path, options: list[str]) -> None:
    assert "error:" in refused(new / "deeper", *options)
    assert not (new / "deeper").exists()


def test_a_data_folder_that_is_a_file_is_refused(new: Path) -> None:
    (new / "file").touch()
    assert refused(new / "file").startswith(f"The data folder {new}/file cannot be used: ")


def test_other_ways_of_starting_refuse_without_a_secret_key(new: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "migrate"],
        env={"PATH": os.environ["PATH"], "FOOTFALL_DATA": str(new)},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "SECRET_KEY is not set" in done.stderr


def test_a_given_database_is_used_instead_of_the_embedded_one(running: Product, new: Path) -> None:
    given = (running.data / "database_url").read_text().strip()
    with started(new, DATABASE_URL=given) as product:
        assert not (new / "postgres").exists()
        key = product.add_site("example.com")
        assert running.rows("SELECT 1 FROM tracker_site WHERE key = %s", key)
        assert product.stop() == 0
    # Somebody else's server goes on.
    assert running.ready()


def test_a_database_that_does_not_answer_is_said_in_one_sentence(new: Path) -> None:
    port = free_port()
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "up", "--data", new, "--port", str(free_port())],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": f"postgres://someone:hush@127.0.0.1:{port}/none"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "The Postgres of DATABASE_URL does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr
