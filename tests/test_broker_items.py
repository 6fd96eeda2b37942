"""What brokers' messages say: publishers' fields, ids by which they count once, and brokers' addresses."""

import json
from typing import Any

import pytest

from tracker.contract.server_items import ItemRefused, ServerItem
from tracker.ingest import broker_place, field_map
from tracker.ingest.broker_items import ITEMS_MOST, MESSAGE_MOST, BrokerMessage, ItemReader
from tracker.ingest.broker_place import WrongPlace, stream_of
from tracker.ingest.field_map import FieldMap, WrongMap

OWN = "0b6f1a52-8c1d-4f6e-9b53-0a4d7c2b1e90"


def read(said: Any, fields: FieldMap | None = None, **message: Any) -> list[ServerItem | str]:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return ItemReader(fields or FieldMap(), "shop.example").items(BrokerMessage(body, **message))


def item(said: Any, renamed: str = "", constants: str = "", **message: Any) -> ServerItem:
    (found,) = read(said, field_map.read(renamed, constants), **message)
    assert isinstance(found, ServerItem), found
    return found


def test_publishers_fields_become_ours() -> None:
    said = {
        "uri": "/pricing?utm_source=News",
        "agent": {"name": "Firefox"},
        "localIP": 7,
        "client.ip": "192.0.2.1",
        "time": 1_795_000_000_123,
        "plan": "pro",
        "title": "Prices – ü 🎈",
    }
    found = item(
        said,
        "uri=url, agent.name=user_agent,localIP=server,client.ip=address,time=at,plan=properties.plan,x=name",
        "type=event,name=paid,properties.shop=de",
    )
    assert found.url == "https://shop.example/pricing?utm_source=News"
    assert (found.user_agent, found.server, found.address) == ("Firefox", "7", "192.0.2.1")
    assert (found.type, found.name, found.title) == ("event", "paid", "Prices – ü 🎈")
    assert found.properties == {"plan": "pro", "shop": "de"}
    assert found.moment(1_795_000_001) == 1_795_000_000.123


def test_a_type_is_found_out_and_a_list_is_several() -> None:
    several = read({"items": [{"url": "/"}, {"name": "paid"}, 7, {"url": 1, "referrer": []}]}, identity="x")
    assert [each if isinstance(each, str) else each.type for each in several] == [
        *("view", "event"),
        *("malformed", "malformed"),
    ]
    assert read([]) == []
    assert read(b"{nonsense") == read(b"\xff") == read(b"[" * 100_000) == ["no_json"]
    assert read(b'"' + b"x" * MESSAGE_MOST + b'"') == read([{}] * (ITEMS_MOST + 1)) == ["too_large"]
    assert read("text") == read(None) == ["malformed"]


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-11-18T10:26:40Z", 1_794_997_600.0),
        ("2026-11-18T10:26:40", 1_794_997_600.0),
        (1_794_997_600, 1_794_997_600.0),
        ("1794997600.5", 1_794_997_600.5),
        (1_794_997_600_500, 1_794_997_600.5),
        ("1794997600500000", 1_794_997_600.5),
        (1_794_997_600_500_000_000, 1_794_997_600.5),
    ],
)
def test_times_are_read_as_publishers_say_them(said: str | float, moment: float) -> None:
    assert item({"time": said}, "time=at").moment(1_794_997_700) == moment


@pytest.mark.parametrize("said", ["yesterday", "nan", "1e400", -5, 10**30, "", "27/Nov/2026:10:00:00 +0000"])
def test_what_is_no_time_is_refused(said: str | float) -> None:
    with pytest.raises(ItemRefused, match="bad_at"):
        item({"at": said}).moment(1_794_997_700)


def test_an_id_is_the_same_when_the_message_comes_again() -> None:
    view = {"url": "/"}
    assert item({"id": OWN.upper(), **view}).key() == item({"id": OWN, **view}, identity="x").key()
    # An id of the publisher's own beats the broker's, and is the one that its events name.
    own = item({"id": "click-7", **view}, identity="a").id
    assert own == item({"id": "click-7", **view}, identity="b").id
    assert item({"name": "paid", "click": "click-7"}, "click=page_view").page_view == own
    assert item({"id": 7, **view}).id == item({"id": "7", **view}).id != item({"id": 8, **view}).id
    # By the broker's, one after the other in a message.
    first, second = read([view, view], identity="stream 7")
    again = read([view, view], identity="stream 7")
    assert [first, second] == again
    assert first != second
    assert read([view], identity="stream 8") != [first]
    # What has none is another each time; no id is none.
    assert item(view).id != item(view).id
    assert item({"id": "", **view}).id != item({"id": "", **view}).id
    assert read({"id": True, **view}) == read({"id": {}, **view}) == ["malformed"]


def test_a_broker_that_forgets_what_it_said_knows_it_by_its_content() -> None:
    topic = {"topic": "mqtt clicks"}
    timed = {"url": "/", "at": 1_795_000_000}
    assert item(timed, identity="one", **topic).id == item(timed, identity="two", **topic).id
    assert item(timed, topic="mqtt others").id != item(timed, **topic).id
    # Without a time two of the same content are two.
    assert item({"url": "/"}, identity="one", **topic).id != item({"url": "/"}, identity="two", **topic).id


def test_the_brokers_time_stands_in_for_none() -> None:
    assert item({"url": "/"}, at=5.0).at == 5.0
    assert item({"url": "/", "at": 7}, at=5.0).at == 7


@pytest.mark.parametrize("said", ["uri", "uri=", "=url", "uri=nonsense", "uri=properties.", "uri=url=x,y"])
def test_a_wrong_map_gets_a_sentence(said: str) -> None:
    with pytest.raises(WrongMap, match=r"^--map.*\.$"):
        field_map.read(said)


def test_an_address_is_read_and_shown_without_its_secrets() -> None:
    place = broker_place.read("nats://jo:p%40ss@[::1]:4333")
    assert (place.kind, place.host, place.port, place.user, place.password) == (
        "nats",
        "::1",
        4333,
        "jo",
        "p@ss",
    )
    assert str(place) == "nats://[::1]:4333"
    assert "p@ss" not in repr(place)
    assert broker_place.read("mqtts://broker.example").port == 8883
    assert stream_of(broker_place.read("redis://h/clicks")) == (0, "clicks")
    assert stream_of(broker_place.read("rediss://:secret@h/3/a/b")) == (3, "a/b")
    assert stream_of(broker_place.read("redis://h/3")) == (3, "")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h:4222",
        "http://jo:secret@h",
        "nats://",
        "nats://h:port",
        "nats://jo:secret@h/x",
        "mqtt://h?x",
        "nats://[x",
    ],
)
def test_a_wrong_address_gets_a_sentence_without_its_secrets(url: str) -> None:
    with pytest.raises(WrongPlace, match=r"[.)]$") as wrong:
        broker_place.read(url)
    assert "secret" not in str(wrong.value)
