"""Who may look at a site, as the boards of a process ask it together."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import OperationalError, connections

from analytics.access.board_readers import BoardReaders
from scripts.stands.ports import free_port


@pytest.fixture
def _postgres_away(transactional_db: None) -> Iterator[None]:
    """Every new connection is refused: for the threads of readers, which have none yet."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(connections.settings["default"], "HOST", "127.0.0.1")
        patched.setitem(connections.settings["default"], "PORT", free_port())
        yield
    # Undone here: the database's own end may need a new connection.


@pytest.mark.usefixtures("_postgres_away")
def test_a_board_that_went_before_its_answer_failed_is_no_complaint() -> None:
    complaints: list[dict[str, Any]] = []

    async def ask() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, told: complaints.append(told))
        readers = BoardReaders()
        gone = asyncio.create_task(readers.site("s" * 32, "gone"))
        await asyncio.sleep(0)  # until it has asked
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        # Answered by the same thread, and so after the other.
        with pytest.raises(OperationalError):
            await readers.site("s" * 32, "waits")
        del gone
        gc.collect()

    asyncio.run(ask())
    assert complaints == []
