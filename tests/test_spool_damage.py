"""Damage in the spool: whatever happened to a file, all that is whole is stored, and the rest is told."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.page_views import begin, folded, rows
from tests.road import Answers, Road, until
from tests.spooling import EDGE, OTHER, buffer_of, drained, files
from tracker.postgres.connect import connect
from tracker.storing import unreadable
from tracker.storing.spool import Spool
from tracker.storing.spool_file import SpoolFile
from tracker.storing.spool_records import record_of

MARK = bytes(range(8))
NAMES = {"marked": (f"{EDGE:016x}-0-{MARK.hex()}.spool", MARK), "unmarked": (f"{EDGE:016x}-0.spool", b"")}
RECORDS = 40
quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


def records(mark: bytes, count: int = RECORDS) -> list[bytes]:
    return [record_of(entry, mark) for entry in folded(*(begin(n) for n in range(count)))]


def written(folder: Path, kind: str, data: bytes) -> Path:
    path = folder / NAMES[kind][0]
    path.write_bytes(data)
    return path


def taken(path: Path) -> SpoolFile:
    file = SpoolFile.take(path)
    assert file
    return file


Harm = Callable[[bytearray, int, int], None]


def flipped(data: bytearray, start: int, end: int) -> None:
    data[(start + end) // 2] ^= 0x10


def zeroed(data: bytearray, start: int, end: int) -> None:
    data[start:end] = bytes(end - start)


def overwritten(data: bytearray, start: int, end: int) -> None:
    data[start:end] = os.urandom(end - start)


def doubled(data: bytearray, start: int, end: int) -> None:
    data[start:start] = data[start : (start + end) // 2]


def left_out(data: bytearray, start: int, end: int) -> None:
    del data[start + 3 : (start + end) // 2]


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("damage", [flipped, zeroed, overwritten, doubled, left_out])
@pytest.mark.parametrize("number", [0, 19, 38])
def test_a_damaged_record_takes_no_other_with_it(folder: Path, kind: str, damage: Harm, number: int) -> None:
    whole = records(NAMES[kind][1])
    data = bytearray(b"".join(whole))
    start = sum(map(len, whole[:number]))
    damage(data, start, start + len(whole[number]))
    path = written(folder, kind, bytes(data))
    file = taken(path)
    read = drained(file)
    assert len(read) == RECORDS - (0 if damage is doubled else 1)
    assert 0 < file.unreadable(dead=True) <= 2 * len(whole[number])
    file.close()


@pytest.mark.parametrize("kind", NAMES)
@given(places=st.sets(st.integers(0, 11_000), min_size=1, max_size=6))
@quick
def test_any_flipped_bits_cost_the_records_that_they_are_in(
    tmp_path: Path, kind: str, places: set[int]
) -> None:
    whole = records(NAMES[kind][1])
    data = bytearray(b"".join(whole))
    hit = set()
    for place in (place % len(data) for place in places):
        data[place] ^= 0x80
        hit.add(next(n for n in range(RECORDS) if place < sum(map(len, whole[: n + 1]))))
    path = written(tmp_path, kind, bytes(data))
    file = taken(path)
    assert len(drained(file)) == RECORDS - len(hit)
    lost = sum(len(whole[number]) for number in hit)
    # A torn end looks like a last record whose length was hit; only without a mark can that not be told.
    torn = kind == "unmarked" and RECORDS - 1 in hit
    assert file.unreadable(dead=False) == lost
    assert torn or file.unreadable(dead=True) == lost
    file.remove()


@pytest.mark.parametrize("kind", NAMES)
def test_only_half_a_record_at_the_very_end_is_passed_over(folder: Path, kind: str) -> None:
    whole = records(NAMES[kind][1], 3)
    for cut in range(len(whole[-1])):
        file = taken(written(folder, kind, b"".join(whole[:-1]) + whole[-1][:cut]))
        assert len(drained(file)) == 2
        assert file.unreadable(dead=True) == 0, f"{cut} bytes of a record"
        # The own file was fsynced as a whole.
        assert file.unreadable(dead=False) == cut
        file.close()


@pytest.mark.parametrize("end", [b"\0" * 4096, b"\0" * 5, os.urandom(400)], ids=["zeros", "few", "random"])
def test_an_end_that_is_no_half_record_is_told(folder: Path, end: bytes) -> None:
    file = taken(written(folder, "marked", b"".join(records(MARK, 2)) + end))
    assert len(drained(file)) == 2
    assert file.unreadable(dead=True) == len(end)
    file.close()


def test_what_a_visitor_says_never_looks_like_a_record(folder: Path) -> None:
    """Somebody who has seen a record puts one into a title; then the disk damages the one around it."""
    forged = record_of(folded(begin(title="forged", site=2))[0], MARK).decode("latin-1")
    around = record_of(folded(begin(title=forged))[0], bytes(8))
    data = bytearray(around)
    data[0] ^= 1
    path = folder / f"{EDGE:016x}-0-{bytes(8).hex()}.spool"
    path.write_bytes(bytes(data))
    file = taken(path)
    assert drained(file) == []
    assert file.unreadable(dead=True) == len(around)
    file.close()


def strangers(folder: Path) -> dict[str, Callable[[Path], object]]:
    return {
        "backup.spool": lambda path: path.write_bytes(b"a copy"),
        f"{EDGE:016x}-0.spool.bak": lambda path: path.write_bytes(b"a copy"),
        f"{2**64 - 1:016x}-0.spool": lambda path: path.write_bytes(b"no edge has this number"),
        f"{EDGE:016x}-7.spool": lambda path: path.mkdir(),
        f"{EDGE:016x}-8.spool": os.mkfifo,
        f"{EDGE:016x}-9.spool": lambda path: path.symlink_to(folder.parent / "elsewhere"),
        "ünïcödé \n.spool": lambda path: path.write_bytes(b""),
        ".spool": lambda path: path.write_bytes(b""),
    }


@pytest.mark.django_db(transaction=True)
async def test_strange_files_are_left_alone_and_told_once(
    folder: Path, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    (folder.parent / "elsewhere").write_bytes(b"not ours")
    made = strangers(folder)
    for name, make in made.items():
        make(folder / name)
    answers = Answers()
    async with buffer_of(Road(), folder, OTHER) as buffer:
        for number in range(3):
            page = begin(number)
            buffer.begin(page, answers.to(page.id))
            await answers.come(number + 1)
            buffer.spool.adopt()
        assert not buffer.problem
    assert len(rows(connection, "tracker_pageview")) == 3
    assert {path.name for path in files(folder)} == set(made)
    told = [record.getMessage() for record in caplog.records if "is left alone" in record.getMessage()]
    assert len(told) == len([name for name in made if name.endswith(".spool")])
    assert all("\n" not in line for line in told)


@pytest.mark.django_db(transaction=True)
async def test_damage_is_told_until_somebody_says_that_it_is_seen(
    folder: Path, connection: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = records(MARK)
    data = bytearray(b"".join(whole))
    data[sum(map(len, whole[:19])) + 30] ^= 1
    written(folder, "marked", bytes(data))
    async with buffer_of(Road(), folder, OTHER) as buffer:
        await until(lambda: buffer.spool.unreadable.files == 1)
        assert buffer.spool.unreadable.bytes == len(whole[19])
        assert f"{len(whole[19]):,} bytes of 1 file" in buffer.spool.unreadable.notice
        assert len(rows(connection, "tracker_pageview")) == RECORDS - 1
        (aside,) = files(folder)
        assert aside.read_bytes() == bytes(data)
    # Another process, a day later: it is told still.
    async with buffer_of(Road(), folder, EDGE) as buffer:
        await until(lambda: buffer.spool.unreadable.files == 1)
        call_said(folder)
        assert aside.name in capsys.readouterr().out
        call_said(folder, "--seen")
        buffer.spool.adopt()
        assert buffer.spool.unreadable.notice == ""
    (kept,) = files(folder)
    assert kept.read_bytes() == bytes(data)
    call_said(folder)
    assert "can be read" in capsys.readouterr().out


def test_what_was_seen_is_kept_for_a_month_and_then_deleted(folder: Path) -> None:
    long_ago = time.time() - unreadable.SEEN_KEPT_SECONDS - 100
    waits, is_seen = (folder / f"{number:016x}-0.spool.1.5-bytes.unreadable" for number in (1, 2))
    for path in (waits, is_seen):
        path.write_bytes(b"damaged")
        os.utime(path, (long_ago, long_ago))
    kept = unreadable.seen(is_seen)
    spool = Spool(folder, EDGE, 1000)
    spool.adopt()
    assert files(folder) == sorted([waits, kept]), "the month begins when somebody has seen it"
    strange = folder / "a folder.unreadable.seen"
    strange.mkdir()
    for path in (kept, strange):
        os.utime(path, (long_ago, long_ago))
    left = written(folder, "marked", b"".join(records(MARK, 1)))
    spool = Spool(folder, OTHER, 1000)
    spool.adopt()
    assert files(folder) == sorted([waits, strange, left])
    assert spool.pending, "what cannot be deleted keeps nothing from being stored"
    spool.close()


def call_said(folder: Path, *arguments: str) -> None:
    with override_settings(FOOTFALL_SPOOL=folder):
        call_command("spool", *arguments)


def test_a_huge_hole_is_passed_over_in_moments(folder: Path) -> None:
    whole = records(MARK, 2)
    path = written(folder, "marked", whole[0])
    with path.open("r+b") as file:
        file.seek(256 * 1024 * 1024)
        file.write(whole[1])
    found = taken(path)
    assert len(drained(found)) == 2
    assert found.unreadable(dead=True) == 256 * 1024 * 1024 - len(whole[0])
    found.close()


def test_a_full_disk_of_copies_is_no_spool(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody copies the folder into itself while edges use it."""
    spool = Spool(folder, EDGE, 10_000_000)
    spool.append(folded(*(begin(n) for n in range(3))))
    (own,) = files(folder)
    shutil.copy(own, folder / f"copy-of-{own.name}")
    spool.adopt()
    first = spool.first()
    assert first
    assert len(first.entries) == 3
    spool.close()
    assert "is left alone" in caplog.text
