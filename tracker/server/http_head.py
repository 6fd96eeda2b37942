"""A request up to its body, in HTTP/1.1: strict where leniency would let two readers disagree. Pure."""

import re
from http import HTTPStatus
from typing import Final, NamedTuple

LIMIT: Final = 16_384  # bytes
END: Final = b"\r\n\r\n"
# As text, since latin-1 decodes in no time and keeps every byte.
HEAD: Final = re.compile(
    r"([A-Z]+) (/[!-~]*) HTTP/1\.1\r\n"
    r"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*)\r\n"
)


class Unreadable(Exception):
    """A request that is not answered in kind: the status instead."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Head(NamedTuple):
    """Header names in lower case; one that is said twice is joined with commas."""

    method: str
    path: str
    headers: dict[str, str]


def read(head: bytes) -> Head:
    """What stands up to and with the empty line. Raises Unreadable."""
    parts = HEAD.fullmatch(head.decode("latin-1"))
    if parts is None:
        raise Unreadable(HTTPStatus.BAD_REQUEST)
    method, path, lines = parts.groups()
    headers: dict[str, str] = {}
    for line in lines.split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return Head(method, path, headers)
