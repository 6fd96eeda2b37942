"""Sends datapoints to the process that gathers them."""

import asyncio
from pathlib import Path

import msgspec

from tracker.signals.exchange_messages import LINE_MOST, Answered, Asked, Take, Taken, line
from tracker.signals.json_points import JsonPoint

PATIENCE_SECONDS = 5.0


class NobodyGathers(Exception):
    """There is no process that gathers datapoints, or it does not answer; the message tells people so."""


async def ask(path: Path | None, message: Asked) -> Answered | None:
    """What is answered to a message; None for nothing in time. Raises NobodyGathers.

    `path`: the unix socket of the process that gathers datapoints, None where there is none.
    """
    if path is None:
        raise NobodyGathers("No process takes datapoints here: see FOOTFALL_SIGNALS in docs/operations.md.")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path, limit=LINE_MOST)
            try:
                writer.write(line(message))
                answer: Answered = msgspec.json.decode(await reader.readline(), type=Answered)
                return answer
            finally:
                writer.close()
    except (OSError, TimeoutError, msgspec.MsgspecError):
        return None


async def tell(path: Path, message: Asked) -> None:
    """Say something that is not answered. Raises NobodyGathers."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(line(message))
                await writer.drain()
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError):
        raise NobodyGathers("The process that takes datapoints does not answer: try again.") from None


async def send(path: Path | None, points: list[JsonPoint]) -> None:
    """Put datapoints into their windows: when this returns, they are. Raises NobodyGathers.

    `path`: its unix socket, None where there is none.
    """
    if await ask(path, Take(1, points)) != Taken(1):
        raise NobodyGathers("The process that takes datapoints does not answer: try again.")
