"""What killed starts leave has an end; what is somebody else's is left alone."""

import os
import shutil
import time
from pathlib import Path

from analytics.up import postgres_programs, short_folder
from analytics.up.account import Account
from analytics.up.data_folder import DataFolder
from analytics.up.postgres_cluster import PASSWORD, Cluster

DAY = 86_400


def aged(path: Path) -> Path:
    os.utime(path, (time.time() - DAY, time.time() - DAY))
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_texts_that_were_never_whole_go_with_the_next_start(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.write("secret_key", "kept")
    kept = ("lock", ".env", ".gitkeep", ".my-notes")
    for name in (*kept, ".secret_key-abc_12x9", ".database_url-12345678"):
        (tmp_path / name).write_text("half")
    data.clear()
    assert names(tmp_path) == {"secret_key", *kept}


def test_short_folders_that_nobody_recorded_go_once_they_are_old_and_empty(tmp_path: Path) -> None:
    kept = ("footfall-used1234", "footfall-new12345", "footfall-of-somebody", "other-12345678")
    for name in (*kept, "footfall-old12345"):
        (tmp_path / name).mkdir()
    (tmp_path / "footfall-used1234" / "web").touch()
    for name in {*names(tmp_path)} - {"footfall-new12345"}:
        aged(tmp_path / name)
    short_folder.clear([tmp_path, tmp_path / "missing"])
    assert names(tmp_path) == set(kept)


def test_a_password_that_initdb_was_killed_over_is_not_left(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / f"{PASSWORD}abcdefgh").write_text("secret")
    Cluster(tmp_path / "cluster", Account(os.geteuid(), os.getegid(), foreign=False), tmp_path).clear()
    assert names(tmp_path) == {"cluster"}


def test_programs_that_nobody_runs_go_when_new_ones_are_copied(tmp_path: Path) -> None:
    target, used, unused = (tmp_path / f"postgres-{version}" for version in ("18.7", "18.6", "18.5"))
    home = tmp_path / "1a2b3c4d"
    for folder in (target, used / "bin", unused, home, tmp_path / "half-new"):
        folder.mkdir(parents=True)
    aged(home)
    half = tmp_path / "half-old"
    half.mkdir()
    aged(half)
    shutil.copy(shutil.which("sleep") or "/bin/sleep", used / "bin" / "postgres")
    process = os.posix_spawn(used / "bin" / "postgres", ["postgres", "60"], os.environ)
    try:
        postgres_programs._clear(tmp_path, target)
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
    assert names(tmp_path) == {target.name, used.name, home.name, "half-new"}
