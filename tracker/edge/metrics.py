"""What one process holds, waits for and drops, as Prometheus reads it: `/metrics` of web and edge alike.

Written by hand: a dozen numbers that exist already need no library and no second set of counters.
docs/operations.md names every one.
"""

from collections.abc import Iterator

from tracker.edge.edge import Edge

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def lines(held: Edge) -> Iterator[str]:
    """Every metric, as Prometheus reads it."""
    presence, buffer = held.presence, held.buffer
    yield one("footfall_conversations", "gauge", "Sockets and posting pages held.", held.held())
    yield one("footfall_room", "gauge", "How many of them this process may hold.", held.room)
    yield one("footfall_tabs", "gauge", "Open tabs, over all sites.", presence.tabs())
    yield one(
        "footfall_visitors", "gauge", "Visitors live now: distinct per site, added up.", presence.visitors()
    )
    yield one("footfall_buffer_depth", "gauge", "Page views and events that wait for Postgres.", buffer.depth)
    yield one(
        "footfall_buffer_oldest_seconds",
        "gauge",
        "How long the oldest of them has waited.",
        buffer.oldest_age(),
    )
    yield one("footfall_spool_bytes", "gauge", "What waits on disk for Postgres.", buffer.spool.size)
    yield one(
        "footfall_stuck", "gauge", "1 while neither Postgres nor the spool takes anything.", int(buffer.stuck)
    )
    yield one(
        "footfall_stored_total", "counter", "Page views and events committed or spooled.", buffer.stored
    )
    unreadable = buffer.spool.unreadable
    yield one(
        "footfall_unreadable_files", "gauge", "Files of the spool kept aside, not seen yet.", unreadable.files
    )
    yield one("footfall_unreadable_bytes", "gauge", "Bytes of them that cannot be read.", unreadable.bytes)
    yield head("footfall_failures_total", "counter", "Errors that nobody foresaw, by activity.")
    for name, count in held.activities.failures():
        yield f'footfall_failures_total{{activity="{name}"}} {count}\n'
    yield head(
        "footfall_foreign_total", "counter", "What stood under our names and was not ours, by activity."
    )
    for name, count in held.activities.foreign():
        yield f'footfall_foreign_total{{activity="{name}"}} {count}\n'
    yield head("footfall_dropped_total", "counter", "What was not counted or stored, by reason.")
    for reason, count in held.drops.as_dict().items():
        yield f'footfall_dropped_total{{reason="{reason}"}} {count}\n'


def head(name: str, kind: str, meaning: str) -> str:
    return f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"


def one(name: str, kind: str, meaning: str, value: float) -> str:
    return f"{head(name, kind, meaning)}{name} {value}\n"
