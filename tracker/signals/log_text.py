"""Lines of a log as they are looked at: cut, bounded, without what a terminal or page would obey. Pure."""

import re
from collections import deque
from typing import Final

import msgspec

# Of one line; what is longer than a screen is read elsewhere.
LINE_MOST: Final = 2000
# What is kept of a log: so many lines, of so many characters together.
LINES_MOST, TEXT_MOST = 1000, 1_000_000
NAME: Final = re.compile(r"[\w.@:+-][\w.@:+ -]{0,59}")
# Colours, and whatever else an escape sequence says to a terminal.
ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
# Controls, and what turns the direction of text or hides in it.
HIDDEN: Final = re.compile(r"[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class LogText(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One line. `at`: when it was read, seconds since 1970."""

    at: float
    text: str


def shown(line: bytes, most: int = LINE_MOST) -> str:
    """A line as it is shown: bytes that are no UTF-8, and what cannot be seen, as `\\xff`; cut at `most`."""
    # No character has more bytes than four; `\xff` is written with as many characters.
    text = line[: 4 * most].decode(errors="backslashreplace")
    text = HIDDEN.sub(_code, ESCAPES.sub("", text))
    return text if len(text) <= most and len(line) <= 4 * most else f"{text[:most]} …"


def _code(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


class LineSplitter:
    """Bytes into lines, however they come in pieces; of a line that is too long only its begin is held."""

    def __init__(self, most: int = 4 * LINE_MOST + 1) -> None:
        """`most`: bytes of a line that are held."""
        self._most = most
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that are whole with this piece, without their ends."""
        first, *others = piece.split(b"\n")
        self._rest = (self._rest + first[: self._most])[: self._most]
        if not others:
            return []
        lines = [self._rest, *others[:-1]]
        self._rest = others[-1][: self._most]
        return [line.removesuffix(b"\r") for line in lines]

    def end(self) -> list[bytes]:
        """What stands there without an end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


class LastLines:
    """The last lines of a log, numbered from 1 on, and which of them were told."""

    def __init__(self) -> None:
        self._lines: deque[LogText] = deque(maxlen=LINES_MOST)
        self._size = 0
        self.number = 0
        """Of the last line."""
        self.told = 0

    def append(self, line: LogText) -> None:
        """One more."""
        if len(self._lines) == LINES_MOST:
            self._size -= len(self._lines[0].text)
        self._lines.append(line)
        self._size += len(line.text)
        while self._size > TEXT_MOST:
            self._size -= len(self._lines.popleft().text)
        self.number += 1

    def pass_over(self, lines: int) -> None:
        """So many came that nobody read; none if that is no number."""
        if lines > 0:
            self.clear()
            self.number += lines

    def clear(self) -> None:
        """Keep none of them; numbers go on."""
        self._lines.clear()
        self._size = 0

    def all(self) -> tuple[int, list[LogText]]:
        """All that are kept, with the number of the first; they are told now."""
        self.told = self.number
        return self.number - len(self._lines) + 1, list(self._lines)

    def news(self, most: int) -> tuple[int, list[LogText]]:
        """The last `most` of those that were not told, with the number of the first; all are told now."""
        new = min(self.number - self.told, most, len(self._lines))
        self.told = self.number
        return self.number - new + 1, list(self._lines)[len(self._lines) - new :]
