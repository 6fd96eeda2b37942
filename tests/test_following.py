"""Logs that are followed: lines of any kind, files that are rotated, and what is there while nobody looks."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from analytics.servers.log_hub import LogHub
from analytics.streams.log_feed import LogFeed, SourceLines
from scripts.stands.folders import temporary_folder
from tracker.liveness.activity import Activities
from tracker.server import ports
from tracker.signals import log_text
from tracker.signals.exchange import Exchange
from tracker.signals.exchange_messages import Lines
from tracker.signals.followed_file import CHUNK, HANDOVER_LOOKS, FollowedFile
from tracker.signals.gathering import NobodyGathers
from tracker.signals.log_follower import FileSource, LogFollower, LogSource, PipeSource
from tracker.signals.log_text import LINES_MOST, LastLines, LineSplitter, LogText
from tracker.signals.signals import Signals

PATIENCE = 20.0


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"plain \xc3\xbc \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb\ttab", "plain ü 👩‍💻\ttab"),
        (b"no \xff\xfe text", r"no \xff\xfe text"),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2Jgone", "red gone"),
        (b"nul \0 bell \x07 back\x08", r"nul \x00 bell \x07 back\x08"),
        ("turned \u202eoder\u2066".encode(), r"turned \u202eoder\u2066"),
        (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
        (b"x" * 9000, "x" * 2000 + " …"),
        ("ü".encode() * 3000, "ü" * 2000 + " …"),
        ("💥".encode() * 2000, "💥" * 2000),
        (b"", ""),
    ],
)
def test_a_line_is_shown_and_obeyed_by_nobody(line: bytes, shown: str) -> None:
    assert log_text.shown(line) == shown


@given(st.lists(st.binary(max_size=30)), st.integers(1, 9))
def test_lines_are_the_same_in_whatever_pieces_they_come(lines: list[bytes], size: int) -> None:
    whole = [line.replace(b"\n", b"").rstrip(b"\r") for line in lines]
    text, splitter = b"".join(line + b"\n" for line in whole) + b"rest", LineSplitter(40)
    found = [line for at in range(0, len(text), size) for line in splitter.feed(text[at : at + size])]
    assert (found, splitter.end(), splitter.end()) == (whole, [b"rest"], [])


def test_of_a_line_without_end_only_the_begin_is_held() -> None:
    splitter = LineSplitter(100)
    for _ in range(1000):
        assert splitter.feed(b"x" * 1000) == []
    assert splitter.feed(b"\nnext\n") == [b"x" * 100, b"next"]


def test_only_the_last_lines_are_kept_and_others_are_numbered() -> None:
    last = LastLines()
    for number in range(1, 1501):
        last.append(LogText(0, str(number)))
    first, lines = last.all()
    assert (first, len(lines), lines[0].text, lines[-1].text) == (501, LINES_MOST, "501", "1500")
    assert last.news(10) == (1501, [])
    for number in range(1501, 1521):
        last.append(LogText(0, str(number)))
    assert last.news(3) == (1518, [LogText(0, str(number)) for number in (1518, 1519, 1520)])
    for _ in range(1000):
        last.append(LogText(0, "x" * 2000))
    assert sum(len(line.text) for line in last.all()[1]) <= log_text.TEXT_MOST
    last.pass_over(7)
    assert last.all() == (2528, [])


class WrittenLog:
    """A log that a test writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("before\n")

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)


def test_a_file_is_followed_over_rename_and_copytruncate(tmp_path: Path) -> None:
    log = WrittenLog(tmp_path / "a.log")
    with FollowedFile(log.path) as file:
        follow(log, file.read, tmp_path)


def follow(log: WrittenLog, read: Callable[[], bytes], tmp_path: Path) -> None:
    assert read() == b""
    log.write("one\nhal")
    assert read() == b"one\nhal"
    # Renamed, and a new one put in its place, which is empty until the writer goes over to it.
    old = log.path.rename(tmp_path / "a.log.1")
    assert read() == b""
    log.path.touch()
    with old.open("a") as file:
        file.write("f\n")
    assert read() == b"f\n"
    log.write("new\n")
    with old.open("a") as file:
        file.write("late\n")
    assert [read(), read(), read()] == [b"late\n", b"new\n", b""]
    # Emptied in its place; with more than before by the next look, too.
    os.truncate(log.path, 0)
    assert read() == b""
    log.write("again\n")
    assert read() == b"again\n"
    os.truncate(log.path, 0)
    log.write("quite another and longer\n")
    assert read() == b"quite another and longer\n"
    # One that stays empty takes the place of the old one in the end, and lets go of it.
    log.path.rename(tmp_path / "a.log.2")
    log.path.touch()
    for _ in range(HANDOVER_LOOKS):
        assert read() == b""
    log.write("last\n")
    assert read() == b"last\n"


@pytest.mark.parametrize(
    ("text", "last", "begin"),
    [
        ("a\nb\nc\n", 2, b"b\nc\n"),
        ("a\nb\nc\npart", 1, b"c\npart"),
        ("a\nb\n", 9, b"a\nb\n"),
        ("", 5, b""),
        ("part", 1, b"part"),
        ("a\n", 0, b""),
        ("x" * CHUNK + "y\nz\n", 5, b"z\n"),
    ],
)
def test_a_file_is_begun_with_its_last_lines(tmp_path: Path, text: str, last: int, begin: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_text(text)
    with FollowedFile(path, last) as file:
        assert file.read(2 * CHUNK) == begin


def test_what_cannot_be_followed_is_told_in_a_sentence(tmp_path: Path, settings: Any) -> None:
    settings.FOOTFALL_SIGNALS_SOCKET = tmp_path / "none"
    os.mkfifo(tmp_path / "pipe")
    for arguments, sentence in (
        ([tmp_path / "none.log", "--name", "a"], "cannot be read: No such file"),
        ([tmp_path, "--name", "a"], "cannot be read: Is a directory"),
        (["/dev/null", "--name", "a"], "pipe it to `manage.py follow -`"),
        ([tmp_path / "pipe", "--name", "a"], "pipe it to `manage.py follow -`"),
        (["-"], "Say a --name"),
        ([tmp_path / "none.log", "--name", "a*"], "Say a --name"),
    ):
        with pytest.raises(CommandError, match=re.escape(sentence)):
            call_command("follow", *map(str, arguments))
    settings.FOOTFALL_SIGNALS_SOCKET = None
    with pytest.raises(CommandError, match="start scripts/run first"):
        call_command("follow", "/dev/null")


class LogStand:
    """An exchange, the logs of one web process, and logs that are followed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "signals"
        self.exchange = Exchange(lambda rows: None)
        self.hub = LogHub(self.path, Activities())

    @asynccontextmanager
    async def open(self) -> AsyncIterator["LogStand"]:
        async with self.exchange.open(ports.on_file(self.path), Signals(self.exchange.put)):
            yield self

    @asynccontextmanager
    async def following(self, source: LogSource, name: str) -> AsyncIterator[LogFollower]:
        follower = LogFollower(source, name)
        task = asyncio.create_task(follower.run(self.path))
        try:

            async def offered() -> bool:
                return name in await self.hub.names()

            await until(offered)
            yield follower
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def looking(self, *names: str) -> AsyncIterator["LogReader"]:
        news = asyncio.Event()
        feed = LogFeed(self.hub, names, news)
        feed.open()
        try:
            yield LogReader(feed, news)
        finally:
            feed.close()


class LogReader:
    """Somebody who looks at logs."""

    def __init__(self, feed: LogFeed, news: asyncio.Event) -> None:
        self._feed, self._news = feed, news
        self.told: list[dict[str, object]] = []

    async def lines(self, count: int) -> list[str]:
        """The texts of all lines, once there are so many."""
        await self.events(lambda: len(self.texts()) >= count)
        return self.texts()

    async def events(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not enough():
                await self._news.wait()
                self._news.clear()
                for event in self._feed.take().split("\n\n"):
                    if event:
                        name, data = event.split("\n")
                        assert name == "event: log"
                        self.told.append(msgspec.json.decode(data.removeprefix("data: ")))

    def texts(self) -> list[str]:
        lines = [line for each in self.told for line in each["lines"]]  # type: ignore[attr-defined]
        return [line["text"] for line in lines]


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true, whether or not anybody carries lines meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(NobodyGathers):
                if await true():
                    return
            await asyncio.sleep(0.01)


def test_who_comes_back_to_a_log_that_was_read_anew_is_told_to_forget() -> None:
    """Its only reader had gone: its lines are read again, under other numbers."""
    source = SourceLines("a", "run")
    source.add(Lines("a", "run", 11, [LogText(0, "one"), LogText(0, "two")], whole=True, anew=True))
    shown = source.take()
    assert shown
    assert (shown.anew, [line.number for line in shown.lines]) == (True, [11, 12])


async def test_lines_come_while_somebody_looks_and_nothing_stays_behind(tmp_path: Path) -> None:
    log = WrittenLog(tmp_path / "errors.log")
    with temporary_folder("footfall-logs-") as folder:
        async with LogStand(folder).open() as stand:
            async with stand.following(FileSource(log.path), "errors") as follower:
                assert not follower.reads()
                tasks = len(asyncio.all_tasks())
                async with stand.looking("err*") as reader:
                    assert await reader.lines(1) == ["before"]
                    log.write("<b>one</b>\nhal")
                    await reader.lines(2)
                    log.write("f\n")
                    log.path.rename(tmp_path / "errors.log.1")
                    log.write("rotated\n")
                    assert await reader.lines(4) == ["before", "<b>one</b>", "half", "rotated"]
                    # Another browser has the last lines, too, and the first one none of them twice.
                    async with stand.looking("errors") as other, stand.looking("other") as foreign:
                        await other.lines(4)
                        log.write("both\n")
                        assert (await other.lines(5))[-1] == (await reader.lines(5))[-1] == "both"
                        assert len(reader.texts()) == 5
                        assert foreign.texts() == []
                    assert follower.reads()

                async def clean() -> bool:
                    return not follower.reads() and len(asyncio.all_tasks()) <= tasks

                await until(clean)
                assert stand.exchange.logs.watchers == 0
                assert not [path for path in open_files() if path.name.startswith("errors.log")]
                # Whoever looks now has the last lines of what stands there now.
                async with stand.looking("errors") as reader:
                    assert await reader.lines(2) == ["rotated", "both"]
            assert await stand.hub.names() == []


async def test_several_follow_logs_of_one_name_and_their_end_is_told(tmp_path: Path) -> None:
    one, other = WrittenLog(tmp_path / "a.log"), WrittenLog(tmp_path / "b.log")
    with temporary_folder("footfall-logs-") as folder:
        async with (
            LogStand(folder).open() as stand,
            stand.looking("*") as reader,
            stand.following(FileSource(one.path), "errors"),
        ):
            async with stand.following(FileSource(other.path), "errors"):
                await reader.lines(2)
                assert await stand.hub.names() == ["errors"]
                assert len({str(each["source"]) for each in reader.told}) == 2
            await reader.events(lambda: any(each["ended"] for each in reader.told))
            assert await stand.hub.names() == ["errors"]


async def test_too_many_lines_are_passed_over_and_told_by_their_number(tmp_path: Path) -> None:
    log = WrittenLog(tmp_path / "a.log")
    with temporary_folder("footfall-logs-") as folder:
        async with (
            LogStand(folder).open() as stand,
            stand.following(FileSource(log.path), "a"),
            stand.looking("a") as reader,
        ):
            await reader.lines(1)
            log.write("".join(f"line {number} {'x' * 80}\n" for number in range(30_000)))
            await reader.events(lambda: any(" 29999 " in text for text in reader.texts()))
            passed = sum(int(str(each["passed"])) for each in reader.told)
            assert passed + len(reader.texts()) == 30_001
            assert len(reader.texts()) <= 1 + 2 * LINES_MOST


async def test_what_is_piped_is_read_though_nobody_looks_and_ends(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with temporary_folder("footfall-logs-") as folder:
        async with (
            LogStand(folder).open() as stand,
            stand.following(PipeSource(lambda: os.read(reading, 1000)), "iostat") as follower,
        ):
            os.write(writing, b"one\ntwo\nlast")
            assert follower.reads()
            async with stand.looking("iostat") as reader:
                assert (await reader.lines(2))[:2] == ["one", "two"]
                os.close(writing)
                assert (await reader.lines(3))[2] == "last"
                await reader.events(lambda: any(each["ended"] for each in reader.told))
    os.close(reading)


async def test_a_process_that_carries_lines_may_be_started_again(tmp_path: Path) -> None:
    log = WrittenLog(tmp_path / "a.log")
    with temporary_folder("footfall-logs-") as folder:
        stand = LogStand(folder)
        async with stand.looking("a") as reader:
            async with stand.open():
                following = stand.following(FileSource(log.path), "a")
                await following.__aenter__()
                await reader.lines(1)
            stand.path.unlink()
            with pytest.raises(NobodyGathers):
                await stand.hub.names()
            async with stand.open():
                log.write("again\n")
                await reader.events(lambda: "again" in reader.texts())
                assert any(each["anew"] for each in reader.told)
            await following.__aexit__(None, None, None)


def test_lines_that_reach_a_reader_before_the_last_ones_come_once() -> None:
    """Where others of its process look already, the newest may be faster than all that are kept."""
    source = SourceLines("a", "run")
    lines = [LogText(0, str(number)) for number in range(1, 9)]
    source.add(Lines("a", "run", 7, lines[6:]))
    assert source.take() is None
    source.add(Lines("a", "run", 1, lines, whole=True))
    taken = source.take()
    assert taken
    assert [line.number for line in taken.lines] == list(range(1, 9))
    source.add(Lines("a", "run", 12, lines[:1]))
    taken = source.take()
    assert taken
    assert (taken.passed, taken.lines[0].number) == (3, 12)


def open_files() -> list[Path]:
    return [Path(os.readlink(each)) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
