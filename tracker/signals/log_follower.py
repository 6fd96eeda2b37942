"""Follows one log, and says its lines to the process that gathers datapoints, while somebody looks at them.

Nobody looks: then nothing is open but the connection over which that is told. Lines are in memory alone, and
in no log of ours.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec

from tracker.liveness.activity import Activity, go_on
from tracker.signals.exchange_messages import LINE_MOST, Answered, Lines, LogWanted, Offer, line
from tracker.signals.followed_file import CHUNK, FollowedFile
from tracker.signals.log_text import LINES_MOST, LastLines, LineSplitter, LogText, shown

LOOK_SECONDS: Final = 0.25
# Four times a second: 400 lines in a second are more than anybody reads. Of others their number is told.
AT_ONCE: Final = 100
AGAIN_SECONDS: Final = 1.0
# What waits for an exchange that does not read; lines beyond that are passed over.
UNREAD_MOST: Final = 4 * 1024 * 1024


class LogPiece(NamedTuple):
    """What a log has got: `text`, and before it so many lines that came too fast to be read."""

    text: bytes
    passed: int = 0


class LogSource(Protocol):
    """Where lines come from."""

    @property
    def lasting(self) -> bool:
        """Whether it is to be read though nobody looks: what is not read now is gone."""

    def pieces(self) -> AsyncIterator[LogPiece]:
        """What is there, and what comes, until it ends. Raises OSError."""


class FileSource:
    """A file: its last lines, and what is appended to it."""

    lasting = False

    def __init__(self, path: Path) -> None:
        self._path = path

    async def pieces(self) -> AsyncIterator[LogPiece]:
        with FollowedFile(self._path, LINES_MOST) as file:
            while True:
                passed, piece = 0, file.read()
                while len(piece) == CHUNK and (more := file.read()):
                    passed, piece = passed + piece.count(b"\n"), more
                    await asyncio.sleep(0)
                if piece:
                    yield LogPiece(piece, passed)
                await asyncio.sleep(LOOK_SECONDS)


class PipeSource:
    """Standard input: `iostat 1 | manage.py follow - --name iostat`."""

    lasting = True

    def __init__(self, read: Callable[[], bytes]) -> None:
        """`read`: waits for the next piece; b"" at its end."""
        self._read = read

    async def pieces(self) -> AsyncIterator[LogPiece]:
        loop, coming = asyncio.get_running_loop(), asyncio.Queue[bytes](4)

        def pump() -> None:
            # A loop that has ended takes nothing more.
            with suppress(RuntimeError, CancelledError):
                while piece := self._read():
                    asyncio.run_coroutine_threadsafe(coming.put(piece), loop).result()
                asyncio.run_coroutine_threadsafe(coming.put(b""), loop).result()

        # No thread of the loop's own, for whose end it would wait: this one waits for input for ever.
        threading.Thread(target=pump, daemon=True).start()
        while piece := await coming.get():
            yield LogPiece(piece)


class LogFollower:
    """One log, at one exchange."""

    def __init__(self, source: LogSource, name: str, clock: Callable[[], float] = time.time) -> None:
        """`name`: by which it is chosen on the page; several processes may follow logs of one name."""
        self._source, self._name, self._clock = source, name, clock
        self._run = secrets.token_hex(8)
        self._activity = Activity("Following a log")
        self._last = LastLines()
        self._anew = False
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    def reads(self) -> bool:
        """Whether its source is open now."""
        return self._reading is not None

    async def run(self, path: Path) -> None:
        """Follow until the source ends, or until cancelled; `path`: the exchange's unix socket."""
        if self._source.lasting:
            self._start()
        connecting = asyncio.create_task(go_on(self._activity, lambda: self._connect(path)))
        try:
            await self._ended.wait()
        finally:
            await self._stop()
            await _end(connecting)

    async def _connect(self, path: Path) -> None:
        while True:
            # Whoever gathers datapoints is about to be started again.
            with suppress(OSError, ValueError):
                await self._speak(path)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _speak(self, path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_MOST)
        decoder = msgspec.json.Decoder(Answered)
        try:
            writer.write(line(Offer(self._name, self._run)))
            while text := await reader.readline():
                answer = decoder.decode(text)
                if isinstance(answer, LogWanted):
                    await self._want(writer if answer.wanted else None)
        finally:
            await self._want(None)
            writer.close()

    async def _want(self, writer: asyncio.StreamWriter | None) -> None:
        self._writer = writer
        if writer is None:
            if not self._source.lasting:
                await self._stop()
        elif self._reading is None:
            self._start()
        else:
            self._say(*self._last.all(), whole=True)

    def _start(self) -> None:
        self._reading = asyncio.create_task(go_on(self._activity, self._read))

    async def _stop(self) -> None:
        reading, self._reading = self._reading, None
        if reading:
            await _end(reading)

    async def _read(self) -> None:
        telling = asyncio.create_task(self._tell_often())
        # A file is read from its last lines on, which whoever looked before may have seen.
        self._last.clear()
        self._anew = True
        try:
            while not self._ended.is_set():
                # A file that is not there at this moment, or not to be read.
                with suppress(OSError):
                    await self._gather()
                    self._tell()
                    self._ended.set()
                await asyncio.sleep(0 if self._ended.is_set() else AGAIN_SECONDS)
        finally:
            await _end(telling)

    async def _gather(self) -> None:
        splitter = LineSplitter()
        async with aclosing(self._source.pieces()) as coming:  # type: ignore[type-var]
            async for piece in coming:
                text = piece.text
                if piece.passed:
                    # With them the rest of the line that ends first here.
                    splitter.end()
                    end = text.find(b"\n") + 1
                    self._last.pass_over(piece.passed + min(1, end))
                    text = text[end:]
                self._add(splitter.feed(text))
        self._add(splitter.end())

    def _add(self, lines: list[bytes]) -> None:
        self._last.pass_over(len(lines) - LINES_MOST)
        now = round(self._clock(), 3)
        for each in lines[-LINES_MOST:]:
            self._last.append(LogText(now, shown(each)))

    async def _tell_often(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._tell()

    def _tell(self) -> None:
        if self._last.told == self._last.number:
            return
        if self._anew and self._writer:
            self._say(*self._last.all(), whole=True)
        elif self._writer and self._writer.transport.get_write_buffer_size() < UNREAD_MOST:
            self._say(*self._last.news(AT_ONCE))

    def _say(self, first: int, lines: list[LogText], whole: bool = False) -> None:
        if self._writer and not self._writer.transport.is_closing():
            self._writer.write(line(Lines(self._name, self._run, first, lines, whole, self._anew)))
            self._anew = False


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait for its end; whoever waits may be cancelled, too."""
    task.cancel()
    await asyncio.wait([task])
