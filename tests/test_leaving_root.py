"""Started by root, nothing stays root; by whomever, files are theirs alone, and secrets are told by need.

These tests say the same of a start by root, which becomes another account, and of one by an ordinary user.
"""

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from analytics.up import closed_places, leaving_root
from analytics.up.account import Account, account_for
from analytics.up.data_folder import DataFolder
from analytics.up.errors import CannotStart
from scripts.stands import process_tree
from scripts.stands.checkout import ROOT
from scripts.stands.edges import running_edge
from scripts.stands.ports import free_port
from scripts.stands.product import QUICK_SETTINGS, Product
from scripts.stands.waiting import wait_for
from tests.fleets import started

SECRET_KEY = "only for a test, and long enough to be taken for a key"
# By what its command line holds.
KINDS = {
    "up": "manage.py\0up",
    "web": "manage.py\0web",
    "edge": "manage.py\0edge",
    "jobs": "manage.py\0jobs",
    "demo": "manage.py\0demo",
    "nginx": "nginx: master",
    "worker": "nginx: worker",
    "valkey": "valkey-server",
    "postgres": "bin/postgres\0",
}


class Running(NamedTuple):
    """A process as the kernel describes it."""

    kind: str
    users: set[int]  # real, effective, saved, of the file system
    groups: set[int]
    command: bytes
    environment: bytes
    gains: bool  # whether it may become more by a program's bits


def described(pid: int) -> Running:
    place = Path(f"/proc/{pid}")
    command = (place / "cmdline").read_bytes()
    status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    try:
        environment = (place / "environ").read_bytes()
    except PermissionError:
        # Closed even to its own account once it has changed that.
        environment = b""
    return Running(
        next((kind for kind, words in KINDS.items() if words in command.decode()), ""),
        set(map(int, status["Uid"].split())),
        {*map(int, status["Gid"].split()), *map(int, status["Groups"].split())},
        command,
        environment,
        status["NoNewPrivs"].strip() == "0",
    )


def whole(up: int) -> list[Running]:
    """Everything that runs; a process that ends meanwhile is left out."""
    found = []
    for pid in process_tree.family(up):
        with suppress(FileNotFoundError, ProcessLookupError):
            found.append(described(pid))
    return found


def owner(data: Path) -> Account:
    state = data.stat()
    return Account(state.st_uid, state.st_gid, foreign=state.st_uid != os.geteuid())


@pytest.fixture(scope="module")
def fleet() -> Iterator[Product]:
    with started("--demo", SECRET_KEY=SECRET_KEY, AWS_SECRET_ACCESS_KEY="somebody's") as product:
        wait_for(
            lambda: {each.kind for each in whole(product.process.pid)} >= set(KINDS),
            20,
            "all kinds of process",
        )
        yield product


def test_everything_runs_as_one_ordinary_account(fleet: Product) -> None:
    account = owner(fleet.data)
    assert account.uid != 0
    assert account.foreign == (os.geteuid() == 0)
    for each in whole(fleet.process.pid):
        assert each.users == {account.uid}, each.kind or each.command
        if account.foreign:
            assert each.groups == {account.gid}, each.kind or each.command
            assert not each.gains, each.kind or each.command


def test_the_one_process_leaves_root_too(footfall: Product) -> None:
    account = owner(footfall.data)
    found = whole(footfall.process.pid)
    assert {"up", "web", "postgres"} <= {each.kind for each in found}
    assert all(each.users == {account.uid} for each in found)
    assert account.uid != 0


def test_no_secret_is_told_to_who_needs_none(fleet: Product) -> None:
    password = (fleet.data / "postgres_password").read_bytes().strip()
    told: dict[str, set[str]] = {}
    for each in whole(fleet.process.pid):
        assert SECRET_KEY.encode() not in each.command
        assert password not in each.command
        if each.kind == "up":
            continue  # it was told all of it
        assert password not in each.environment
        names = {line.partition(b"=")[0].decode() for line in each.environment.split(b"\0") if line}
        told.setdefault(each.kind, set()).update(names)
        assert (SECRET_KEY.encode() in each.environment) == ("SECRET_KEY" in names)
    secrets = {"SECRET_KEY", "REDIS_URL", "DATABASE_URL", "FOOTFALL_DEMO_SECRET", "AWS_SECRET_ACCESS_KEY"}
    pages = {"SECRET_KEY", "REDIS_URL", "FOOTFALL_DEMO_SECRET"}
    needed = {"web": pages, "edge": pages, "demo": {"FOOTFALL_DEMO_SECRET"}}
    for kind in KINDS.keys() - {"up"}:
        assert told[kind] & secrets == needed.get(kind, set()), kind
    for kind in ("nginx", "worker", "valkey", "postgres"):
        assert not [name for name in told[kind] if name.startswith("FOOTFALL")], kind


def test_files_are_the_accounts_only(fleet: Product) -> None:
    account = owner(fleet.data)
    places = [fleet.data, Path((fleet.data / "run_folder").read_text().strip())]
    places.append(Path((fleet.data / "socket_folder").read_text().strip()))
    found = [path for place in places for path in (place, *place.rglob("*"))]
    assert len(found) > 20
    for path in found:
        with suppress(FileNotFoundError):  # of a moment
            state = path.lstat()
            assert state.st_uid == account.uid, path
            # Sockets say 0660 and more: their folders are closed.
            if not stat.S_ISSOCK(state.st_mode):
                assert stat.S_IMODE(state.st_mode) & 0o077 == 0, path
    for place in places:
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_an_edge_that_is_started_by_hand_becomes_the_owner_of_the_data_folder(footfall: Product) -> None:
    with running_edge(footfall) as edge:
        assert described(edge.process.pid).users == {owner(footfall.data).uid}


def test_a_command_of_roots_leaves_nothing_that_the_owner_cannot_read(footfall: Product) -> None:
    DataFolder(footfall.data).write("restored_settings.env", "A=1")
    path = footfall.data / "restored_settings.env"
    try:
        assert path.stat().st_uid == footfall.data.stat().st_uid
    finally:
        path.unlink()


def test_what_root_made_before_is_given_to_the_account_and_nothing_else(tmp_path: Path) -> None:
    """As the last release left a data folder; an ordinary user finds all of it theirs already."""
    account = account_for(tmp_path / "none", tmp_path)
    (tmp_path / "spool" / "deeper").mkdir(parents=True)
    ours = [tmp_path / name for name in ("secret_key", "lock", "spool", "spool/1.spool", "spool/deeper")]
    for path in ours:
        if not path.exists():
            path.write_text("kept")
    notes = tmp_path / "notes"
    notes.write_text("root's")
    twice = tmp_path / "url"
    os.link(notes, twice)
    leaving_root._take(tmp_path, account)
    assert {path.stat().st_uid for path in (tmp_path, *ours)} == {account.uid}
    # What has another name may be another's file.
    assert notes.stat().st_uid == os.geteuid()


def test_no_link_is_followed(tmp_path: Path) -> None:
    account = account_for(tmp_path / "none", tmp_path)
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    elsewhere.mkdir()
    (elsewhere / "file").write_text("kept")
    (data / "lock").touch()
    for name in ("spool", "history"):
        (data / name).symlink_to(elsewhere)
    (data / "secret_key").symlink_to(elsewhere / "file")
    leaving_root._take(data, account)
    assert {path.stat().st_uid for path in (elsewhere, elsewhere / "file")} == {os.geteuid()}
    with pytest.raises(OSError, match=r"symbolic|directory"):
        leaving_root._take(data / "spool", account)


def test_a_folder_of_somebody_elses_things_is_not_taken(tmp_path: Path) -> None:
    """`--data /srv` by root: refused; an ordinary user owns it or may not write there."""
    account = account_for(tmp_path / "none", tmp_path)
    (tmp_path / "holiday.jpg").touch()
    if os.geteuid() == 0:
        with pytest.raises(CannotStart, match="holds files that are not Footfall's"):
            leaving_root._take(tmp_path, account)
    else:
        leaving_root._take(tmp_path, account)
    assert tmp_path.stat().st_uid == os.geteuid()


def test_files_of_another_account_are_refused_with_what_helps(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    (tmp_path / "notes").touch()
    data = DataFolder(tmp_path)
    leaving_root.refuse_foreign(data)
    if os.geteuid() == 0:
        os.chown(tmp_path / "notes", 1, 1)
        leaving_root.refuse_foreign(data)
        os.chown(tmp_path / "secret_key", 1, 1)
        with pytest.raises(CannotStart, match=r"sudo chown -R root: "):
            leaving_root.refuse_foreign(data)


def test_which_account_is_taken(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        # Of no meaning to whoever is not root.
        assert account_for(tmp_path, tmp_path, "nobody").uid == os.geteuid()
        return
    none, mine = tmp_path / "none", tmp_path / "data"
    mine.mkdir()
    assert account_for(none, mine, "nobody").name == "nobody"
    for wanted, said in (("root", "must name an account that is not root"), ("no-such", "no such account")):
        with pytest.raises(CannotStart, match=said):
            account_for(none, mine, wanted)
    os.chown(mine, 1, 1)
    assert account_for(none, mine).uid == 1
    with pytest.raises(CannotStart, match="FOOTFALL_USER says nobody"):
        account_for(none, mine, "nobody")


def test_a_checkout_that_the_account_cannot_read_is_refused(tmp_path: Path) -> None:
    account = account_for(tmp_path / "none", tmp_path)
    tmp_path.chmod(0o700)
    (tmp_path / "manage.py").touch()
    (tmp_path / "analytics" / "up").mkdir(parents=True)
    (tmp_path / "analytics" / "up" / "launch.py").touch()
    assert account.reads(tmp_path) == (os.geteuid() != 0)
    assert account.reads(ROOT)


def test_a_checkout_where_only_root_may_go_serves_all_the_same(tmp_path: Path) -> None:
    """As a clone in /root. An ordinary user has no such place: for them nothing is done."""
    checkout, data = tmp_path / "closed" / "checkout", tmp_path / "closed" / "data"
    checkout.mkdir(parents=True)
    checkout.parent.chmod(0o700)
    if os.geteuid() != 0:
        closed_places.open_up([checkout], account_for(tmp_path / "none", tmp_path))
        return
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": QUICK_SETTINGS}
    up = '"$1/.venv/bin/python" "$1/manage.py" up "--port=$3" "--data=$2"'
    command = ["unshare", "-m", "sh", "-c", f'mount --bind "$0" "$1" && cd "$1" && exec {up}']
    command += [str(ROOT), str(checkout), str(data), str(free_port())]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert any(line.startswith("Ready.") for line in process.stdout)
            account = owner(data)
            found = whole(process.pid)
            assert {"up", "web", "postgres"} <= {each.kind for each in found}
            assert {user for each in found for user in each.users} == {account.uid}
            assert account.uid != 0
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
    # Only those processes saw it.
    assert stat.S_IMODE(checkout.parent.stat().st_mode) == 0o700
    assert list(checkout.iterdir()) == []
