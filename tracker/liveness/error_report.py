"""What an error says of itself without the values that it met: those are what visitors said, or secrets."""

import traceback
from collections.abc import Iterator

# Their words name parts of the code, never values.
NAMES_ONLY = (AttributeError, NameError, ImportError)


def kind_of(error: BaseException) -> str:
    """The error's type, with Postgres' own code where it has one: `UndefinedColumn 42703`."""
    # By its name: psycopg would double the memory of a process that has no other use for it.
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__} {state}" if state else type(error).__name__


def report(error: BaseException) -> str:
    """Its traceback, oldest cause first, as lines without any value."""
    return "\n".join(line for each in _causes(error) for line in _lines(each))


def place_of(error: BaseException) -> str:
    """Where it was raised, as `file:line`; empty where nobody knows."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return chain[::-1]


def _lines(error: BaseException) -> Iterator[str]:
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"
    yield f"{kind_of(error)}: {error}" if isinstance(error, NAMES_ONLY) else kind_of(error)
