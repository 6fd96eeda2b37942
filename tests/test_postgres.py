"""The embedded Postgres' launcher, against the real thing: it starts, whatever an earlier run left behind."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from analytics.up import home_owner, postgres_programs
from analytics.up.account import Account, account_for
from analytics.up.data_folder import DataFolder
from analytics.up.errors import CannotStart
from analytics.up.log_file import LIMIT
from analytics.up.postgres import Postgres
from analytics.up.postgres_home import recorded_home
from scripts.stands import clusters
from scripts.stands.folders import new_folder
from scripts.stands.waiting import wait_for
from tracker.liveness import watchdog


@contextmanager
def temporary() -> Iterator[DataFolder]:
    """A data folder right under /tmp: pytest's own are closed to the account that root drops to."""
    folder = DataFolder(new_folder("footfall-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder.path)


@pytest.fixture
def data() -> Iterator[DataFolder]:
    """A new data folder."""
    with temporary() as folder:
        yield folder


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Postgres, DataFolder]]:
    """One that only answers questions, with its data folder."""
    with temporary() as folder, serving(folder) as postgres:
        yield postgres, folder


@contextmanager
def serving(data: DataFolder) -> Iterator[Postgres]:
    postgres = Postgres(data, say=lambda line: None)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.stop()


@pytest.fixture(scope="module")
def made() -> Iterator[DataFolder]:
    """A data folder whose Postgres ran once, and holds one table; to be copied."""
    with temporary() as folder:
        with serving(folder) as postgres:
            ask(postgres, "CREATE TABLE kept AS SELECT 42 AS answer")
        yield folder


@pytest.fixture
def stopped(made: DataFolder) -> Iterator[DataFolder]:
    """The same for one test alone; a copy takes a tenth of making one."""
    with temporary() as folder:
        clusters.copy(made.path, folder.path)
        yield folder


def ask(postgres: Postgres, query: str) -> object:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


def answers(postgres: Postgres) -> bool:
    try:
        return ask(postgres, "SELECT answer FROM kept") == 42
    except psycopg.OperationalError:
        return False


def cluster_of(data: DataFolder) -> Path:
    return recorded_home(data) / "cluster"


def account_of(data: DataFolder) -> Account:
    return account_for(cluster_of(data), data.path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_listens_on_a_private_socket_only(running: tuple[Postgres, DataFolder]) -> None:
    postgres, data = running
    sockets = Path(data.read("socket_folder") or "")
    assert ask(postgres, "SHOW listen_addresses") == ""
    assert ask(postgres, "SHOW unix_socket_directories") == str(sockets)
    assert mode(sockets) == 0o700
    assert sockets.stat().st_uid == account_of(data).uid
    assert len(str(sockets / ".s.PGSQL.5432").encode()) <= 107


def test_a_wrong_password_is_refused(running: tuple[Postgres, DataFolder]) -> None:
    postgres, data = running
    wrong = postgres.url.replace(data.read("postgres_password") or "", "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_nobody_is_let_in_without_a_password(running: tuple[Postgres, DataFolder]) -> None:
    lines = (cluster_of(running[1]) / "pg_hba.conf").read_text().splitlines()
    methods = {line.split()[-1] for line in lines if line.strip() and not line.startswith("#")}
    assert methods == {"scram-sha-256", "reject"}


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"])
def test_commits_are_durable_and_pages_checked(running: tuple[Postgres, DataFolder], setting: str) -> None:
    assert ask(running[0], f"SHOW {setting}") == "on"


def test_text_sorts_by_code_point_in_utf8(running: tuple[Postgres, DataFolder]) -> None:
    assert ask(running[0], "SHOW server_encoding") == "UTF8"
    assert (
        ask(running[0], "SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,A,ä,B,a}'::text[]) x") == "ABabä"
    )


def test_everything_it_keeps_is_closed_to_others(stopped: DataFolder) -> None:
    assert mode(stopped.path) & 0o007 == 0
    for path in stopped.path.iterdir():
        assert mode(path) & 0o077 == 0, path


def test_nothing_of_a_run_is_left_after_its_end(data: DataFolder) -> None:
    with serving(data) as postgres:
        sockets = Path(data.read("socket_folder") or "")
        pid = postgres.pid
    assert not sockets.exists()
    assert not Path(f"/proc/{pid}").exists()
    assert not (cluster_of(data) / "postmaster.pid").exists()


def test_what_was_stored_is_there_after_a_restart(stopped: DataFolder) -> None:
    with serving(stopped) as postgres:
        assert answers(postgres)


def test_a_killed_postmaster_is_started_again_under_the_same_address(stopped: DataFolder) -> None:
    with serving(stopped) as postgres:
        first = postgres.pid
        assert first
        # A backend at work: it holds the shared memory until it notices that its postmaster is gone.
        busy = psycopg.connect(postgres.url, autocommit=True)
        busy.pgconn.send_query(b"SELECT pg_sleep(60)")
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: postgres.pid != first and answers(postgres), 15, "Postgres to serve again")
        busy.close()


def test_it_starts_over_a_pid_file_that_names_a_stranger(stopped: DataFolder) -> None:
    account = account_of(stopped)
    # Under Postgres' own account: exactly the stranger before whom Postgres itself would give up.
    with subprocess.Popen(["/bin/sleep", "60"], cwd="/", **account.switch()) as stranger:
        leave_pid_file(stopped, stranger.pid)
        with serving(stopped) as postgres:
            assert answers(postgres)
        assert stranger.poll() is None
        stranger.kill()


def test_it_starts_over_a_pid_file_that_names_a_zombie(stopped: DataFolder) -> None:
    with subprocess.Popen(["/bin/true"], cwd="/", **account_of(stopped).switch()) as zombie:
        wait_for(lambda: "Z" in Path(f"/proc/{zombie.pid}/stat").read_text().split()[2], 5, "a zombie")
        leave_pid_file(stopped, zombie.pid)
        with serving(stopped) as postgres:
            assert answers(postgres)


def leave_pid_file(data: DataFolder, pid: int) -> None:
    path = cluster_of(data) / "postmaster.pid"
    path.write_text(
        f"{pid}\n{cluster_of(data)}\n1763757480\n5432\n/run/gone\n\n  5432001   32768\nready   \n"
    )
    account_of(data).take(path)


def test_an_orphan_of_an_earlier_run_is_stopped_first(stopped: DataFolder) -> None:
    account = account_of(stopped)
    programs, _ = postgres_programs.programs(account)
    sockets = Path(tempfile.mkdtemp(prefix="footfall-test-"))
    account.take(sockets)
    command = [str(programs / "postgres"), f"-D{cluster_of(stopped)}", f"-k{sockets}", "-clisten_addresses="]
    with subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **account.switch()) as orphan:
        wait_for((cluster_of(stopped) / "postmaster.pid").exists, 10, "the orphan")
        with serving(stopped) as postgres:
            assert answers(postgres)
            assert orphan.wait(10) == 0
    shutil.rmtree(sockets)


def test_files_of_another_major_version_are_refused(stopped: DataFolder) -> None:
    (cluster_of(stopped) / "PG_VERSION").write_text("15\n")
    with pytest.raises(CannotStart, match="was made by Postgres 15, and this is Postgres 18"):
        Postgres(stopped, say=lambda line: None).start()


def test_a_cluster_that_was_never_finished_is_made_anew(data: DataFolder) -> None:
    half = recorded_home(data) / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with serving(data) as postgres:
        assert ask(postgres, "SELECT 1") == 1


def test_a_lost_password_is_said_rather_than_replaced(stopped: DataFolder) -> None:
    stopped.forget("postgres_password")
    with pytest.raises(CannotStart, match="postgres_password is gone"):
        Postgres(stopped, say=lambda line: None)


def test_rows_never_reach_the_log(data: DataFolder) -> None:
    with serving(data) as postgres:
        ask(postgres, "CREATE TABLE views (path text PRIMARY KEY)")
        ask(postgres, "INSERT INTO views VALUES ('/very-private')")
        for failing in (
            "INSERT INTO views VALUES ('/very-private')",
            "SELECT '/very-private'::int",
            "SELECT /* /very-private */ nonsense",
        ):
            with pytest.raises(psycopg.Error):
                ask(postgres, failing)
    log = (data.path / "postgres.log").read_text()
    assert "database system is ready" in log
    assert "very-private" not in log


def test_one_that_hangs_before_it_is_ready_is_ended(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchdog, "START_SECONDS", 0.5)
    postgres = Postgres(data, say=lambda line: None)
    postgres.expect_answers(0.5)
    with subprocess.Popen(["/bin/sleep", "120"]) as hanging, ThreadPoolExecutor(1) as pool:
        try:
            assert pool.submit(postgres._comes_up, hanging).result(60) is False
        finally:
            hanging.kill()
    assert hanging.returncode == -signal.SIGKILL
    assert "Postgres has given no sign of life" in caplog.text
    postgres.stop()


def test_a_log_that_is_a_link_is_said_in_a_sentence(stopped: DataFolder) -> None:
    (stopped.path / "postgres.log").unlink(missing_ok=True)
    (stopped.path / "postgres.log").symlink_to("/dev/null")
    with pytest.raises(CannotStart, match="Postgres' log cannot be written: it is a link"), serving(stopped):
        pass


def test_the_log_does_not_grow_for_ever(stopped: DataFolder) -> None:
    (stopped.path / "postgres.log").write_text("x" * (LIMIT + 1))
    with serving(stopped):
        assert (stopped.path / "postgres.log").stat().st_size < 10_000
        assert (stopped.path / "postgres.log.1").stat().st_size > LIMIT


def test_a_closed_parent_folder_stays_closed() -> None:
    parent = Path(tempfile.mkdtemp(prefix="footfall-test-"))
    data = DataFolder(parent / "data")
    data.make()
    said: list[str] = []
    try:
        postgres = Postgres(data, said.append)
        try:
            postgres.start()
            assert ask(postgres, "SELECT 1") == 1
        finally:
            postgres.stop()
        assert mode(parent) == 0o700
        assert mode(data.path) == 0o700
        moved = recorded_home(data).parent == postgres_programs.SYSTEM_FOLDER
        # Root drops to an account that cannot come in, and says where the database went; others stay.
        assert moved == (os.geteuid() == 0)
        assert moved == any("the database is in" in line for line in said)
        # The next start finds it there.
        with serving(data) as again:
            assert ask(again, "SELECT 1") == 1
    finally:
        shutil.rmtree(recorded_home(data))
        shutil.rmtree(parent)


@contextmanager
def beside(data: DataFolder) -> Iterator[DataFolder]:
    """An exact copy of a data folder, as `cp -a` makes it."""
    with temporary() as copy:
        subprocess.run(["cp", "-a", f"{data.path}/.", copy.path], check=True)
        yield copy


def refusal(data: DataFolder) -> str:
    with pytest.raises(CannotStart) as refused:
        Postgres(data, say=lambda line: None).start()
    return str(refused.value)


def test_a_copy_is_refused_while_its_original_is_there_until_it_is_made_an_instance_of_its_own(
    stopped: DataFolder,
) -> None:
    with serving(stopped) as original:
        ask(original, "UPDATE kept SET answer = 42")
        # With what only served the run, too: the original's socket is in its way.
        with beside(stopped) as copy:
            said = refusal(copy)
            assert said.startswith(f"{copy.path} is a copy of {stopped.path}, which is still there")
            subprocess.run(said[said.rindex("rm ") :], shell=True, check=True)
            with serving(copy) as own:
                assert answers(own)
                ask(own, "UPDATE kept SET answer = 43")
                assert answers(original)
        assert answers(original)
    with serving(stopped) as original, beside(stopped) as copy:
        assert "is a copy of" in refusal(copy), "one that ran once, too"
        assert answers(original)


def test_a_data_folder_that_was_moved_goes_on_and_knows_its_new_place(made: DataFolder) -> None:
    said: list[str] = []
    with temporary() as folder, temporary() as parent:
        clusters.copy(made.path, folder.path)
        with serving(folder):
            pass
        parent.path.chmod(0o711)
        moved = DataFolder(parent.path / "moved to")
        shutil.move(folder.path, moved.path)
        folder.make()
        for expected in ([f"This data folder was {folder.path} when it was last used."], []):
            said.clear()
            postgres = Postgres(moved, said.append)
            try:
                postgres.start()
                assert answers(postgres)
            finally:
                postgres.stop()
            assert [line for line in said if "was last used" in line] == expected
        # What is new in the old place is nobody's original.
        with serving(folder) as new, serving(moved) as postgres:
            assert ask(new, "SELECT 1") == 1
            assert answers(postgres)


def test_a_database_that_was_moved_to_a_closed_place_is_not_made_anew(stopped: DataFolder) -> None:
    (recorded_home(stopped) / home_owner.RECORD).unlink(missing_ok=True)
    with temporary() as parent:
        moved = DataFolder(parent.path / "moved")
        subprocess.run(["cp", "-a", stopped.path, moved.path], check=True)
        # Root drops to an account that cannot come in; others stay.
        if account_of(moved).foreign:
            assert "cannot reach its database" in refusal(moved)
        else:
            with serving(moved) as postgres:
                assert answers(postgres)
        assert moved.read("postgres_home") is None


def test_a_home_elsewhere_serves_the_one_data_folder_that_it_knows(made: DataFolder) -> None:
    with temporary() as folder, temporary() as home:
        clusters.copy(made.path, folder.path)
        account = account_of(folder)
        shutil.move(cluster_of(folder), home.path)
        account.take(home.path)
        folder.write("postgres_home", str(home.path))
        with serving(folder) as original:
            with beside(folder) as copy:
                said = refusal(copy)
                assert said.startswith(
                    f"{copy.path} is a copy of {folder.path}, and has no database of its own"
                )
                # Somebody who will not be told.
                (home.path / home_owner.RECORD).unlink()
                assert f"Another Footfall works with the database in {home.path}" in refusal(copy)
            assert answers(original)
