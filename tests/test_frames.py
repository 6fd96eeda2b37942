"""WebSocket frames: what pages say is read whatever pieces it comes in, and nothing else is."""

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from tracker.contract.drops import Drop
from tracker.contract.messages import FRAME_LIMIT, Refused
from tracker.server import frames
from tracker.server.pieces import PIECES_LIMIT, Pieces


def said(kind: int, payload: bytes, final: bool = True, mask: bytes = b"\x01\xa2\x33\xf4") -> bytes:
    """A frame as a page sends it, with the shortest length that fits."""
    length = bytes([128 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 254, len(payload))
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return bytes([final << 7 | kind]) + length + mask + masked


kinds = st.sampled_from([frames.TEXT, frames.BINARY, frames.CONTINUATION])
spoken = st.lists(st.tuples(kinds, st.binary(max_size=300), st.booleans()), max_size=5)


@given(spoken, st.integers(0, 4))
def test_every_frame_is_read_and_what_is_missing_is_waited_for(
    spoken: list[tuple[int, bytes, bool]], short: int
) -> None:
    data = b"".join(said(kind, payload, final) for kind, payload, final in spoken)
    cut = data[: len(data) - short]
    at, heard = 0, []
    while found := frames.take(cut, at):
        first, payload, at = found
        heard.append((first & 0x0F, payload, bool(first & frames.FINAL)))
    assert heard == spoken[: len(heard)]
    assert len(heard) == len(spoken) or short
    assert frames.take(data, at) is not None or heard == spoken


@given(st.binary(max_size=2000), st.binary(min_size=4, max_size=4))
def test_the_mask_is_taken_off(payload: bytes, mask: bytes) -> None:
    found = frames.take(said(frames.TEXT, payload, mask=mask), 0)
    assert found
    assert found[1] == payload


@pytest.mark.parametrize("size", [0, 1, 125, 126, 300, 16_384])
def test_frames_up_to_twice_the_limit_are_read(size: int) -> None:
    payload = os.urandom(size)
    found = frames.take(said(frames.TEXT, payload), 0)
    assert found == (frames.WHOLE_TEXT, payload, size + (6 if size < 126 else 8))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x81\x05hello", Drop.MALFORMED),
        (b"\xc1\x80", Drop.MALFORMED),
        (b"\x83\x80", Drop.MALFORMED),
        (b"\x09\x80", Drop.MALFORMED),
        (b"\x89\xfe", Drop.MALFORMED),
        (b"\x81\xff", Drop.TOO_BIG),
        (b"\x81\xfe\x40\x01", Drop.TOO_BIG),
    ],
    ids=["no mask", "reserved bit", "unknown kind", "ping in pieces", "long ping", "64 bits", "16,385 bytes"],
)
def test_what_no_page_says_is_refused_before_it_is_there(data: bytes, reason: Drop) -> None:
    with pytest.raises(Refused) as refused:
        frames.take(data, 0)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("data", "kind", "payload"),
    [
        (frames.frame(frames.TEXT, b"{}"), Opcode.TEXT, b"{}"),
        (frames.frame(frames.PING), Opcode.PING, b""),
        (frames.frame(frames.PONG, b"x" * 125), Opcode.PONG, b"x" * 125),
        (frames.close(4403), Opcode.CLOSE, (4403).to_bytes(2, "big")),
    ],
)
def test_another_library_reads_what_is_said_to_pages(data: bytes, kind: int, payload: bytes) -> None:
    reader = StreamReader()
    reader.feed_data(data)
    parsing = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    assert (parsed.value.value.opcode, parsed.value.value.data) == (kind, payload)


@pytest.mark.parametrize(
    ("size", "taken"), [(1, PIECES_LIMIT), (FRAME_LIMIT // 4, 4), (FRAME_LIMIT // 4 + 1, 3)]
)
def test_a_message_has_so_many_pieces_and_so_many_bytes(size: int, taken: int) -> None:
    pieces = Pieces()
    for number in range(taken):
        assert pieces.add(frames.CONTINUATION if number else frames.TEXT, b"x" * size) is None
    with pytest.raises(Refused) as refused:
        pieces.add(frames.CONTINUATION, b"x" * size)
    assert refused.value.reason is Drop.TOO_BIG
