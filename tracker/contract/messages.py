"""What a page may say: frames in, messages out; everything is bounded here and nowhere else.

The fast path is one msgspec decode (3 to 7 µs with all checks). Only what msgspec refuses and pages do say
goes through `json`: lone surrogates (a title cut inside an emoji), and events with properties that nobody
can store, which cost themselves and not the whole conversation.
"""

import json
import math
import re
from datetime import timedelta
from itertools import islice
from typing import Annotated, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from tracker.contract.attention import Attention
from tracker.contract.drops import Drop
from tracker.contract.spans import LONGEST_PAGE_VIEW

FRAME_LIMIT: Final = 8192  # bytes of one frame
BODY_LIMIT: Final = 65536  # bytes of one POST
URL_LIMIT: Final = 2048  # characters, here and below
TITLE_LIMIT: Final = 256
LANGUAGE_LIMIT: Final = 35
ZONE_LIMIT: Final = 64
NAME_LIMIT: Final = 64
TEXT_LIMIT: Final = 512
PROPERTIES_LIMIT: Final = 32  # keys of one event
ENGAGED_LIMIT: Final = LONGEST_PAGE_VIEW // timedelta(milliseconds=1)
WIDTH_LIMIT: Final = 100_000  # CSS pixels

T = TypeVar("T")
Scalar = str | int | float | bool | None


class Refused(Exception):
    """A frame or body that broke the protocol; `code` is the close code, 4400 or 4413."""

    def __init__(self, reason: Drop = Drop.MALFORMED) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.code = 4413 if reason is Drop.TOO_BIG else 4400


class PageMessage(msgspec.Struct, frozen=True, gc=False):
    """A page view begins, or goes on after a dropped connection (`again`)."""

    id: UUID
    url: str
    referrer: str
    title: str
    width: int
    language: str
    zone: str
    engaged_ms: int
    depth: int
    again: bool


class StateMessage(msgspec.Struct, frozen=True, gc=False):
    """The reader's attention, engaged time, depth or title changed; `title` is None where it did not."""

    id: UUID
    attention: Attention
    engaged_ms: int
    depth: int
    title: str | None = None


class EventMessage(msgspec.Struct, frozen=True, gc=False):
    """A custom event that a page says; `key` makes it count once. `name`: "" where nothing is left of it."""

    page_view_id: UUID
    key: UUID
    name: str
    properties: dict[str, Scalar]
    value: float | None


class EndMessage(msgspec.Struct, frozen=True, gc=False):
    """The page view ends (`POST` only; a socket says it by closing)."""

    id: UUID
    engaged_ms: int
    depth: int


Message = PageMessage | StateMessage | EventMessage | EndMessage

# Exactly 36 characters: msgspec alone would also take 32 bare digits, and then the ack would name
# an id that the page never said.
Identifier = Annotated[str, Meta(min_length=36, max_length=36)]
Number = int | float | None
Text = str | None


class WirePage(msgspec.Struct, tag_field="t", tag="page", gc=False):
    id: Identifier
    u: str
    r: Text = None
    ti: Text = None
    w: Number = None
    l: Text = None  # noqa: E741 (the contract's name)
    z: Text = None
    e: Number = None
    d: Number = None

    def message(self) -> PageMessage:
        return PageMessage(
            identify(self.id),
            page_address(self.u),
            referring_address(self.r),
            trim(self.ti, TITLE_LIMIT),
            clip(self.w, WIDTH_LIMIT),
            trim(self.l, LANGUAGE_LIMIT),
            trim(self.z, ZONE_LIMIT),
            clip(self.e, ENGAGED_LIMIT),
            clip(self.d, 100),
            self.e is not None or self.d is not None,
        )


class WireState(msgspec.Struct, tag_field="t", tag="state", gc=False):
    id: Identifier
    s: Attention
    e: Number = None
    d: Number = None
    ti: Text = None

    def message(self) -> StateMessage:
        title = None if self.ti is None else trim(self.ti, TITLE_LIMIT)
        return StateMessage(identify(self.id), self.s, clip(self.e, ENGAGED_LIMIT), clip(self.d, 100), title)


class WireEvent(msgspec.Struct, tag_field="t", tag="event"):
    id: Identifier
    k: Identifier
    n: str
    p: Annotated[dict[str, Scalar], Meta(max_length=PROPERTIES_LIMIT)] | None = None
    v: Number = None

    def message(self) -> EventMessage:
        name = trim(self.n, NAME_LIMIT).strip()
        properties = {
            trim(key, NAME_LIMIT): plain(value)
            for key, value in (self.p or {}).items()
            if type(value) is not int or -(2**63) <= value < 2**63
        }
        value = None if self.v is None else number(self.v)
        return EventMessage(identify(self.id), identify(self.k), name, properties, value)


class WireEnd(msgspec.Struct, tag_field="t", tag="end", gc=False):
    id: Identifier
    e: Number = None
    d: Number = None

    def message(self) -> EndMessage:
        return EndMessage(identify(self.id), clip(self.e, ENGAGED_LIMIT), clip(self.d, 100))


Wire = WirePage | WireState | WireEvent | WireEnd

one_message: msgspec.json.Decoder[Wire] = msgspec.json.Decoder(Wire)
many_messages = msgspec.json.Decoder(list[Wire])
# Control characters would only serve to fool whoever reads them in a terminal or an export, NUL and
# lone surrogates would make Postgres refuse the row.
UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
EVENT = re.compile(r'"event"')
SCALARS = (str, int, float)  # and with int, bool
LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def parse(frame: str | bytes) -> Message:
    """The message in one text frame; Refused for anything else."""
    if too_long(frame, FRAME_LIMIT):
        raise Refused(Drop.TOO_BIG)
    if isinstance(frame, bytes):
        raise Refused
    return decode(one_message, frame).message()


def parse_batch(body: bytes) -> list[Message]:
    """The messages in the JSON array that a `POST` brings; Refused when any one of them is wrong."""
    if len(body) > BODY_LIMIT:
        raise Refused(Drop.TOO_BIG)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refused from None
    return [wire.message() for wire in decode(many_messages, text)]


def ack(message_id: UUID) -> str:
    """The frame that says: this page view or event is stored."""
    # Written in C, a UUID takes a third of what its own `str` does.
    return f'{{"t":"ack","id":{msgspec.json.encode(message_id).decode()}}}'


def too_long(frame: str | bytes, limit: int) -> bool:
    """Whether a frame is longer than `limit` bytes; encodes it only when its characters leave that open."""
    if len(frame) > limit:
        return True
    if isinstance(frame, bytes) or frame.isascii():
        return False
    return len(frame.encode(errors="surrogatepass")) > limit


def decode(decoder: msgspec.json.Decoder[T], text: str) -> T:
    """Decode, the kind way only where the fast one fails: on a lone surrogate, or a bad property."""
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        if not (LONE_SURROGATE.search(text) or EVENT.search(text)):
            raise Refused from None
    except RecursionError:
        raise Refused from None
    try:
        said = json.loads(text, parse_float=number, parse_constant=number)
        for message in said if isinstance(said, list) else [said]:
            without_bad_properties(message)
        return msgspec.convert(said, decoder.type)
    # ValueError: broken JSON, NaN, integers of more digits than Python reads, surrogates where none may be.
    except (ValueError, RecursionError, msgspec.ValidationError):
        raise Refused from None


def without_bad_properties(message: object) -> None:
    """Take out of an event, as json reads it, properties that are no scalars, and those that are too many."""
    if isinstance(message, dict) and message.get("t") == "event" and isinstance(message.get("p"), dict):
        good = (item for item in message["p"].items() if item[1] is None or isinstance(item[1], SCALARS))
        message["p"] = dict(islice(good, PROPERTIES_LIMIT))


def identify(text: str) -> UUID:
    """A UUID in its canonical form, in either case."""
    try:
        return msgspec.convert(text, UUID)
    except (msgspec.ValidationError, UnicodeEncodeError):
        raise Refused from None


def told_page(own: UUID, url: str | None, referrer: str | None, title: str | None = None) -> PageMessage:
    """A page view of which a server tells, as a page says it; `own`: its id. Raises Refused."""
    return PageMessage(
        own, page_address(url), referring_address(referrer), trim(title, TITLE_LIMIT), 0, "", "", 0, 0, False
    )


def page_address(text: str | None) -> str:
    """The URL of a page, in its bounds. Raises Refused for what is none."""
    url = trim(text, URL_LIMIT)
    if not url[:8].lower().startswith(("http://", "https://")):
        raise Refused
    return url


def referring_address(text: str | None) -> str:
    """Where a page says that somebody came from, "" for what is no page.

    Android apps name themselves with a scheme of their own.
    """
    referrer = trim(text, URL_LIMIT)
    if not referrer[:14].lower().startswith(("http://", "https://", "android-app://")):
        return ""
    return referrer


def trim(text: str | None, limit: int) -> str:
    """A text without what cannot or should not be stored, cut to `limit` characters."""
    if not text:
        return ""
    if not text.isprintable():
        text = UNWANTED.sub("", text)
    return text if len(text) <= limit else text[:limit]


def clip(value: float | None, limit: int) -> int:
    """A whole number between 0 and `limit`: a counter a little off is worth more than a lost page view."""
    if not value or value < 0:
        return 0
    return int(value) if value < limit else limit


def number(value: float | str) -> float:
    """A finite float, or Refused; NaN and the infinities are no JSON, though `json` would take them."""
    try:
        finite = float(value)
    except OverflowError:
        raise Refused from None
    if not math.isfinite(finite):
        raise Refused
    return finite


def plain(value: Scalar) -> Scalar:
    """A property's value as it may be stored in JSON: short text, an integer, a finite float."""
    if isinstance(value, str):
        return trim(value, TEXT_LIMIT)
    return number(value) if isinstance(value, float) else value
