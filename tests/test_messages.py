import json
import uuid
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.contract import messages
from tracker.contract.attention import Attention
from tracker.contract.drops import Drop
from tracker.contract.messages import (
    EndMessage,
    EventMessage,
    PageMessage,
    Refused,
    Scalar,
    StateMessage,
    parse,
    parse_batch,
)

ID = "0b0f0e0d-1111-4222-8333-00000000000f"
KEY = "0b0f0e0d-1111-4222-8333-0000000000ff"


def page(**fields: Any) -> str:
    return json.dumps({"t": "page", "id": ID, "u": "https://example.com/", **fields})


def read_page(**fields: Any) -> PageMessage:
    message = parse(page(**fields))
    assert isinstance(message, PageMessage)
    return message


def event(**fields: Any) -> str:
    return json.dumps({"t": "event", "id": ID, "k": KEY, "n": "signup", **fields})


def read_event(**fields: Any) -> EventMessage:
    message = parse(event(**fields))
    assert isinstance(message, EventMessage)
    return message


def refusal(frame: str | bytes) -> tuple[int, Drop]:
    with pytest.raises(Refused) as caught:
        parse(frame)
    return caught.value.code, caught.value.reason


MALFORMED = (4400, Drop.MALFORMED)


def test_a_page_says_all_its_fields() -> None:
    said = {
        "r": "https://news.ycombinator.com/",
        "ti": "Prices",
        "w": 1280,
        "l": "en-GB",
        "z": "Europe/Berlin",
    }
    assert read_page(**said) == PageMessage(
        id=uuid.UUID(ID),
        url="https://example.com/",
        referrer="https://news.ycombinator.com/",
        title="Prices",
        width=1280,
        language="en-GB",
        zone="Europe/Berlin",
        engaged_ms=0,
        depth=0,
        again=False,
    )


def test_a_page_needs_only_its_id_and_url() -> None:
    assert read_page() == read_page(r=None, ti=None, w=None, l=None, z=None, e=None, d=None)


@pytest.mark.parametrize("counters", [{"e": 0}, {"d": 0}, {"e": 1200, "d": 40}])
def test_a_page_with_counters_goes_on(counters: dict[str, int]) -> None:
    message = read_page(**counters)
    assert message.again
    assert (message.engaged_ms, message.depth) == (counters.get("e", 0), counters.get("d", 0))


@pytest.mark.parametrize("attention", list(Attention))
def test_a_state_says_attention_and_counters(attention: Attention) -> None:
    frame = json.dumps({"t": "state", "id": ID, "s": attention.value, "e": 15_000, "d": 80})
    assert parse(frame) == StateMessage(uuid.UUID(ID), attention, 15_000, 80)


@pytest.mark.parametrize(
    ("said", "heard"), [("Prices", "Prices"), ("é" * 300, "é" * 256), ("", ""), (None, None)]
)
def test_a_state_may_say_a_title(said: str | None, heard: str | None) -> None:
    message = parse(json.dumps({"t": "state", "id": ID, "s": "active", "ti": said}))
    assert isinstance(message, StateMessage)
    assert message.title == heard


def test_an_event_says_name_properties_and_value() -> None:
    properties: dict[str, Scalar] = {"plan": "pro", "seats": 3, "ratio": 0.5, "trial": False, "code": None}
    assert read_event(p=properties, v=9) == EventMessage(
        uuid.UUID(ID), uuid.UUID(KEY), "signup", properties, 9.0
    )
    assert read_event() == EventMessage(uuid.UUID(ID), uuid.UUID(KEY), "signup", {}, None)


def test_an_end_says_counters() -> None:
    assert parse(json.dumps({"t": "end", "id": ID, "e": 5, "d": 6})) == EndMessage(uuid.UUID(ID), 5, 6)


def test_unknown_fields_are_ignored() -> None:
    assert read_page(ip="203.0.113.9", ua="x", ts=0, deep={"er": [1]}) == read_page()


def test_an_ack_names_the_id_in_canonical_form() -> None:
    assert json.loads(messages.ack(read_page(id=ID.upper()).id)) == {"t": "ack", "id": ID}


@pytest.mark.parametrize(
    "bad",
    [
        ID.replace("-", ""),
        "{" + ID[1:-1] + "}",
        ID.replace("-", "_"),
        ID[:-1],
        ID + "0",
        ID.replace("b", "g"),
        "urn:uuid:" + ID,
        "",
        "\ud800" * 36,
        7,
        None,
    ],
)
def test_only_a_canonical_uuid_is_an_id(bad: Any) -> None:
    assert refusal(page(id=bad)) == MALFORMED
    assert refusal(event(k=bad)) == MALFORMED


@pytest.mark.parametrize(
    ("said", "heard"),
    [(12.9, 12), (-5, 0), (10**12, 86_400_000), (0.0, 0), (1e300, 86_400_000), (-1e300, 0)],
)
def test_counters_are_rounded_down_and_clipped(said: float, heard: int) -> None:
    assert read_page(e=said).engaged_ms == heard


def test_depth_and_width_have_bounds_of_their_own() -> None:
    message = read_page(d=250, w=10**9)
    assert (message.depth, message.width) == (100, 100_000)


@pytest.mark.parametrize("field", ["w", "e", "d"])
@pytest.mark.parametrize("bad", ["12", True, [], {}])
def test_a_counter_of_another_type_is_refused(field: str, bad: Any) -> None:
    assert refusal(page(**{field: bad})) == MALFORMED


@pytest.mark.parametrize("field", ["u", "r", "ti", "l", "z"])
@pytest.mark.parametrize("bad", [12, True, [], {}])
def test_a_text_of_another_type_is_refused(field: str, bad: Any) -> None:
    assert refusal(page(**{field: bad})) == MALFORMED


def test_long_texts_are_cut() -> None:
    message = read_page(
        u="https://example.com/" + "a" * 3000,
        r="https://other.example/" + "b" * 3000,
        ti="é" * 300,
        l="x" * 99,
        z="y" * 99,
    )
    assert len(message.url) == len(message.referrer) == 2048
    assert message.title == "é" * 256
    assert (len(message.language), len(message.zone)) == (35, 64)


@pytest.mark.parametrize("bad", ["\x00", "\x1b", "\x85", "\ud83d"])
def test_control_characters_and_lone_surrogates_are_removed(bad: str) -> None:
    message = read_page(u=f"https://exam{bad}ple.com/", ti=f"{bad}Pri{bad}ces", r=f"https://o{bad}.example/")
    assert (message.url, message.title, message.referrer) == (
        "https://example.com/",
        "Prices",
        "https://o.example/",
    )
    said = read_event(n=f"sign{bad}up", p={f"a{bad}b": f"c{bad}d"})
    assert (said.name, said.properties) == ("signup", {"ab": "cd"})


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert read_page(ti="😀 \ud83d").title == "😀 "
    assert parse(page(ti="").replace('"ti": ""', r'"ti": "\ud83d\ude00"')) == read_page(ti="😀")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "about:blank",
        "//example.com/",
        "/x",
        "",
        " https://example.com/",
    ],
)
def test_a_page_must_be_http(url: str) -> None:
    assert refusal(page(u=url)) == MALFORMED


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("javascript:alert(1)", ""),
        ("about:client", ""),
        ("", ""),
        ("HTTPS://Other.example/", "HTTPS://Other.example/"),
        ("android-app://com.reddit.frontpage/", "android-app://com.reddit.frontpage/"),
    ],
)
def test_a_referrer_that_is_no_page_is_none(said: str, heard: str) -> None:
    assert read_page(r=said).referrer == heard


def test_a_name_is_what_is_left_of_it() -> None:
    # Nobody closes a conversation for that: the session drops such an event.
    assert read_event(n=" \x00 ").name == ""
    assert read_event(n=" " + "n" * 80).name == "n" * 63


def test_properties_are_few_plain_and_short() -> None:
    assert list(read_event(p={str(n): n for n in range(40)}).properties) == [str(n) for n in range(32)]
    assert len(read_event(p={str(n): n for n in range(32)}).properties) == 32
    assert read_event(p={"a": "x" * 600}).properties == {"a": "x" * 512}
    wrong: list[Any] = [[], "x", 5, True]
    for bad in wrong:
        assert refusal(event(p=bad)) == MALFORMED


@pytest.mark.parametrize("bad", [[], {}, {"deep": [1]}, 2**63, -(2**80), 94001118992231974284, [{}]])
def test_a_bad_property_costs_that_property(bad: Any) -> None:
    good = {"plan": "pro", "seats": 3, "code": None}
    expected = read_event(p=good, v=2)
    assert read_event(p={"a": bad, **good, "z": bad}, v=2) == expected
    frame = event(p={"a": bad, **good}, v=2)
    assert parse_batch(f"[{page()},{frame}]".encode()) == [read_page(), expected]
    # The same on the way that frames with a lone surrogate take.
    assert parse(frame.replace("{", r'{"x": "\ud800", ', 1)) == expected


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none_are_refused(number: str) -> None:
    for frame in (event(v=0), event(p={"v": 0}), page(e=0)):
        broken = frame.replace('"v": 0', f'"v": {number}').replace('"e": 0', f'"e": {number}')
        assert broken != frame
        assert refusal(broken) == MALFORMED
        # The same on the way that frames with a lone surrogate take.
        assert refusal(broken.replace("{", r'{"x": "\ud800", ', 1)) == MALFORMED


@pytest.mark.parametrize("way", ["", '"x":"\\ud800",'])
def test_deep_nesting_is_refused(way: str) -> None:
    for deep in ("[" * 4000, "[" * 4000 + "]" * 4000, '{"a":' * 1300):
        assert (
            refusal("{" + way + '"t":"page","id":"' + ID + '","u":"https://e.com/","p":' + deep) == MALFORMED
        )


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        '"page"',
        page() + "x",
        "\ufeff" + page(),
        '{"t":"hello"}',
        '{"t":1}',
        '{"t":["page"]}',
        '{"t":"\ud800"}',
        '{"t":"\\ud800"}',
        json.dumps({"t": "state", "id": ID, "s": "asleep"}),
        json.dumps({"t": "state", "id": ID, "s": "\ud800"}),
    ],
)
def test_what_is_no_message_is_refused(frame: str) -> None:
    assert refusal(frame) == MALFORMED


def test_a_binary_frame_is_refused() -> None:
    assert refusal(page().encode()) == MALFORMED


def test_the_limit_of_a_frame_is_in_bytes() -> None:
    room = messages.FRAME_LIMIT - len(page(x="").encode())
    assert read_page(x="a" * room) == read_page()
    assert refusal(page(x="a" * (room + 1))) == (4413, Drop.TOO_BIG)
    assert refusal(page(x="").replace('"x": ""', '"x": "%s"' % ("é" * (room // 2 + 1)))) == (
        4413,
        Drop.TOO_BIG,
    )
    assert refusal(b"x" * (messages.FRAME_LIMIT + 1)) == (4413, Drop.TOO_BIG)


def test_a_batch_is_an_array_of_messages() -> None:
    body = f"[{page()},{event()}]".encode()
    assert parse_batch(body) == [read_page(), read_event()]
    assert parse_batch(b"[]") == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[null]", b"\xff\xfe", f"[{event(n=None)}]".encode(), page().encode()]
)
def test_a_batch_with_one_wrong_message_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse_batch(body)
    assert caught.value.code == 4400


def test_the_limit_of_a_batch_is_64_kibibytes() -> None:
    frame = page(x="a" * 7000)
    assert len(parse_batch(f"[{','.join([frame] * 9)}]".encode())) == 9
    with pytest.raises(Refused) as caught:
        parse_batch(f"[{','.join([frame] * 10)}]".encode())
    assert (caught.value.code, caught.value.reason) == (4413, Drop.TOO_BIG)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
nearly = st.fixed_dictionaries(
    {"t": st.sampled_from(["page", "state", "event", "end"]), "id": st.just(ID) | anything},
    optional={
        "u": st.just("https://example.com/") | st.text().map("http://".__add__) | anything,
        "k": st.just(KEY),
        "n": st.just("a") | anything,
        "s": st.sampled_from(["active", "gone"]),
        **dict.fromkeys(("r", "ti", "w", "l", "z", "e", "d", "p", "v"), anything),
    },
)


def check_bounds(message: messages.Message) -> None:
    """Whatever got through can be stored."""
    texts: list[str] = []
    if isinstance(message, PageMessage):
        texts += [message.url, message.referrer, message.title, message.language, message.zone]
        assert 0 <= message.width <= 100_000
    if isinstance(message, StateMessage):
        texts += [message.title or ""]
    if isinstance(message, EventMessage):
        texts += [
            message.name,
            *message.properties,
            *(v for v in message.properties.values() if isinstance(v, str)),
        ]
        json.dumps(message.properties, allow_nan=False)
    else:
        assert 0 <= message.engaged_ms <= 86_400_000
        assert 0 <= message.depth <= 100
    for text in texts:
        text.encode()
        assert "\x00" not in text
        assert len(text) <= 2048


@given(st.binary() | st.text(st.characters(exclude_categories=[])))
def test_any_frame_is_a_message_or_refused(frame: bytes | str) -> None:
    with suppress(Refused):
        check_bounds(parse(frame))


@given(nearly | anything)
def test_any_json_is_a_message_or_refused(said: Any) -> None:
    frame = json.dumps(said)
    with suppress(Refused):
        check_bounds(parse(frame))
    with suppress(Refused):
        for message in parse_batch(f"[{frame}]".encode()):
            check_bounds(message)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_any_damage_to_a_good_body_is_borne(damage: list[tuple[int, int]]) -> None:
    body = bytearray(f"[{page(ti='Prices', e=4)},{event(p={'plan': 'pro'})}]".encode())
    for place, byte in damage:
        body[place % len(body)] = byte
    with suppress(Refused):
        for message in parse_batch(bytes(body)):
            check_bounds(message)
