"""An export for somebody who asks over HTTP: made by a process of its own, whose output is passed on.

Counting goes on whatever an export does: its native library, its memory and its time are that process'.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"
BLOCK = 65_536
# So many at once in one process; whoever comes then is asked to come again.
MOST = 2
# Its start, and the first rows of a site of any size.
FIRST_SECONDS = 60.0


class TooManyExports(Exception):
    """As many exports are being made as may be at once."""


class ExportFailed(Exception):
    """An export could not be made; the log says why."""


class ExportStream:
    """The blocks of an export that has begun; closing it ends its process."""

    def __init__(self, process: asyncio.subprocess.Process, ended: Callable[[], None]) -> None:
        self._process = process
        self._ended = ended
        self._first = b""
        self._open = True

    async def begin(self) -> None:
        """Wait for the first block. Raises ExportFailed."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                self._first = await self._read()
        except BaseException:
            self.close()
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            block = self._first
            while block:
                yield block
                block = await self._read()
        finally:
            self.close()

    async def _read(self) -> bytes:
        block = await self._process.stdout.read(BLOCK) if self._process.stdout else b""
        if not block and await self._process.wait():
            # The answer ends in the middle, so that nobody takes a part for the whole.
            raise ExportFailed
        return block

    def close(self) -> None:
        """End it, at whatever point it is; once more does nothing."""
        if self._open:
            self._open = False
            self._ended()
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(self._process.pid, signal.SIGKILL)


class Exports:
    """The exports that this process hands on."""

    def __init__(self) -> None:
        self._running = 0

    async def begin(self, arguments: Sequence[str]) -> ExportStream:
        """Begin an export with the arguments of `manage.py export`, up to its first block.

        Raises TooManyExports, ExportFailed, TimeoutError, OSError.
        """
        if self._running >= MOST:
            raise TooManyExports
        self._running += 1
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(MANAGE),
                "export",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                env=dict(os.environ),
            )
        except BaseException:
            self._ended()
            raise
        stream = ExportStream(process, self._ended)
        await stream.begin()
        return stream

    def _ended(self) -> None:
        self._running -= 1
