"""A message that comes in several frames (RFC 6455, 5.4), until it is whole. Pure."""

from typing import Final

from tracker.contract import messages
from tracker.contract.drops import Drop
from tracker.server import frames
from tracker.server.frames import CONTINUATION, FINAL, TEXT, NoText, Utf8Decoder

# Browsers do not part such short messages at all; whoever says them byte by byte is no page.
PIECES_LIMIT: Final = 64


class Pieces:
    """What is there of one message: nothing, before its first frame."""

    __slots__ = ("_count", "_decoder", "_size", "_text")

    def __init__(self) -> None:
        self._count = self._size = 0
        self._decoder = Utf8Decoder()
        self._text = ""

    def check_begun(self, rest: bytes) -> None:
        """Raise NoText where the text can be none any more, with as much as `rest` of its next frame."""
        frames.check_begun(rest, CONTINUATION, self._decoder.getstate()[0])

    def add(self, first: int, payload: bytes) -> str | None:
        """Take the next frame that is no control frame; the message, when it was the last one.

        Raises messages.Refused for binary, for what does not go on where it must or has nothing to go on
        with, for what is too big, and as soon as the text is none.
        """
        if first & 0x0F != (CONTINUATION if self._count else TEXT):
            raise messages.Refused
        self._count += 1
        self._size += len(payload)
        if self._count > PIECES_LIMIT or self._size > messages.FRAME_LIMIT:
            raise messages.Refused(Drop.TOO_BIG)
        try:
            self._text += self._decoder.decode(payload, final=bool(first & FINAL))
        except UnicodeDecodeError:
            raise NoText from None
        return self._text if first & FINAL else None
