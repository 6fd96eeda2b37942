"""The text of `pg_dump`, in sections: statements, and then the rows of one table.

It is read here and not by `psql`, so that no program is needed to restore, and rows are counted as they pass.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

# In rows a newline is escaped, so that a line is a row, and this one is none.
END_OF_ROWS = b"\\.\n"
COPY = re.compile(rb"COPY (\S+) \(.*\) FROM stdin;\n")
COMPLETE = b"-- PostgreSQL database dump complete\n"


class Section(NamedTuple):
    """Statements, then a COPY with its rows; at the end of a dump there are statements only (no `table`)."""

    statements: list[bytes]
    table: str
    copy: bytes
    rows: Iterator[bytes]  # to be read before the next section


def sections(lines: Iterator[bytes]) -> Iterator[Section]:
    """The sections of a dump's lines."""
    statements: list[bytes] = []
    for line in lines:
        if found := COPY.fullmatch(line):
            rows = iter(lines.__next__, END_OF_ROWS)
            yield Section(statements, found[1].decode().removeprefix("public."), line, rows)
            statements = []
        else:
            statements.append(line)
    yield Section(statements, "", b"", iter(()))
