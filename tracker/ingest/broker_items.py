"""What a broker's message says: one page view or event, or a list of them, as JSON.

Pure, but for random ids.
"""

import uuid
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from tracker.contract import messages
from tracker.contract.deep_json import decoded
from tracker.contract.server_items import ItemReason, ServerItem
from tracker.ingest.field_map import FieldMap

MESSAGE_MOST: Final = 4 * 1024 * 1024  # bytes, and items of one message
ITEMS_MOST: Final = 10_000
NO_JSON, TOO_LARGE = "no_json", "too_large"
TEXTS: Final = ("url", "referrer", "title", "user_agent", "address", "server", "name")
# Whoever says its own ids says them as it likes: as texts, or as numbers.
IDS: Final = ("id", "page_view")


class BrokerMessage(NamedTuple):
    """A message as it was received.

    `identity`: by what it is the same message when it comes again, "" where it never does. `topic`: where
    that holds for this connection only, what tells it together with its content, if that says a time.
    `at`: when the broker took it, seconds since 1970. `handle`: what its source acknowledges it by.
    """

    body: bytes
    identity: str = ""
    at: float | None = None
    topic: str = ""
    handle: Any = None


class ItemReader:
    """Reads messages of one publisher."""

    def __init__(self, fields: FieldMap, host: str) -> None:
        """`host`: of the pages whose URL is a path alone."""
        self._fields, self._host = fields, host
        self._plain = fields == FieldMap()

    def items(self, message: BrokerMessage) -> list[ServerItem | str]:
        """Its items, or why they are none."""
        if len(message.body) > MESSAGE_MOST:
            return [TOO_LARGE]
        try:
            said: Any = decoded(message.body)
        except msgspec.MsgspecError:
            return [NO_JSON]
        if isinstance(said, dict) and isinstance(said.get("items"), list):
            said = said["items"]
        several = said if isinstance(said, list) else [said]
        if len(several) > ITEMS_MOST:
            return [TOO_LARGE]
        return list(self._read(several, message))

    def _read(self, several: list[Any], message: BrokerMessage) -> Iterator[ServerItem | str]:
        for place, given in enumerate(several):
            if not isinstance(given, dict):
                yield ItemReason.MALFORMED.value
                continue
            try:
                yield msgspec.convert(self._item(given, message, place), ServerItem)
            except (msgspec.MsgspecError, UnicodeEncodeError):
                yield ItemReason.MALFORMED.value

    def _item(self, given: dict[str, Any], message: BrokerMessage, place: int) -> dict[str, Any]:
        fields = given if self._plain else self._fields.apply(given)
        for name in TEXTS:
            value = fields.get(name)
            if value.__class__ in (int, float):
                fields[name] = f"{value}"
        for name in IDS:
            value = fields.get(name)
            if value == "":
                fields[name] = None
            elif value.__class__ in (str, int):
                fields[name] = named(value)
        url = fields.get("url")
        if isinstance(url, str) and url[:1] == "/":
            fields["url"] = f"https:{url}" if url[:2] == "//" else f"https://{self._host}{url}"
        if fields.get("id") is None:
            fields["id"] = str(_identity(message, place, fields.get("at") is not None))
        if fields.get("at") is None:
            fields["at"] = message.at
        if fields.get("type") is None:
            fields["type"] = "event" if fields.get("name") else "view"
        return fields


def named(value: str | int) -> str:
    """The id that a publisher's own stands for: itself where it is a UUID, else a hash of it."""
    if isinstance(value, str) and len(value) == 36:
        try:
            messages.identify(value)
            return value
        except messages.Refused:
            pass
    return str(_hashed("id", f"{value}"))


def _identity(message: BrokerMessage, place: int, says_time: bool) -> UUID:
    if message.topic and says_time:
        return _hashed(message.topic, message.body, f"{place}")
    if message.identity:
        return _hashed(message.identity, f"{place}")
    # What never comes again: two equal messages are two clicks, and a hash would make them one.
    return uuid.uuid4()


def _hashed(*parts: str | bytes) -> UUID:
    hashed = blake2b(digest_size=16, person=b"broker item")
    for part in parts:
        text = part if isinstance(part, bytes) else part.encode(errors="surrogatepass")
        hashed.update(b"%d:%b" % (len(text), text))
    return UUID(bytes=hashed.digest())
