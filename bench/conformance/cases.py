"""The table of cases: all of sections 1 to 7 and 10 of Autobahn's testsuite, with its numbers, and some more.

What no page may say (over 16,384 bytes in one frame, over 8,192 in several) must be refused, and not echoed.
"""

from collections.abc import Iterable, Iterator

from bench.conformance.case import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Case,
    Expected,
    close,
    closed,
    frame,
    octets,
    pieces,
)
from bench.conformance.texts import GREEK, TEXTS

NORMAL, PROTOCOL_ERROR, NO_TEXT, TOO_BIG = 1000, 1002, 1007, 1009
BROKEN = closed(PROTOCOL_ERROR)
HELLO = b"Hello, world!"
ECHO = Expected(TEXT, HELLO)
# Valid before and after, and no text in between: a surrogate; a code point beyond the last one.
SURROGATE, BEYOND = b"\xed\xa0\x80", b"\xf4\x90\x80\x80"
EDITED = b"edited"
READABLE = 16_384


def case(number: str, title: str, said: Iterable[bytes], *answers: Expected, by: int | None = None) -> Case:
    """A case whose last answer must be there after its last part, or already after part `by`."""
    parts = tuple(said)
    return Case(number, title, parts, answers, len(parts) - 1 if by is None else by)


def three_ways(
    first: int, section: int, title: str, frames: list[bytes], *answers: Expected
) -> Iterator[Case]:
    """The same in one part, frame by frame, and byte by byte."""
    parts = (("in one part", (b"".join(frames),)), ("by frames", frames), ("by bytes", octets(*frames)))
    for place, (how, said) in enumerate(parts):
        yield case(f"{section}.{first + place}", f"{title}, {how}", said, *answers)


def lengths() -> Iterator[Case]:
    sizes = (0, 125, 126, 127, 128, 65_535, 65_536, 65_536)
    for part, (kind, name) in enumerate(((TEXT, "text"), (BINARY, "binary")), 1):
        for number, size in enumerate(sizes, 1):
            payload = b"*" * size if kind == TEXT else b"\xfe" * size
            said = frame(kind, payload)
            answer = Expected(kind, payload) if size <= READABLE else closed(TOO_BIG)
            chops = [said[at : at + 997] for at in range(0, len(said), 997)] if number == 8 else [said]
            yield case(f"1.{part}.{number}", f"{name} of {size:,} bytes", chops, answer)
        for number, size in enumerate((8192, READABLE, READABLE + 1), 9):
            payload = b"*" * size
            answer = Expected(kind, payload) if size <= READABLE else closed(TOO_BIG)
            yield case(f"1.{part}.{number}", f"{name} of {size:,} bytes", [frame(kind, payload)], answer)


def pings() -> Iterator[Case]:
    binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    for number, payload in enumerate((b"", HELLO, binary, b"\xfe" * 125), 1):
        title = f"a ping of {len(payload)} bytes"
        yield case(f"2.{number}", title, [frame(PING, payload)], Expected(PONG, payload))
    yield case("2.5", "a ping of 126 bytes", [frame(PING, b"\xfe" * 126)], BROKEN)
    longest = b"\xfe" * 125
    yield case("2.6", "a ping of 125 bytes, by bytes", octets(frame(PING, longest)), Expected(PONG, longest))
    for number, payload in enumerate((b"", HELLO), 7):
        yield case(
            f"2.{number}", f"a pong of {len(payload)} bytes that nobody asked for", [frame(PONG, payload)]
        )
    unasked = [frame(PONG, b"unasked"), frame(PING, b"asked")]
    yield case("2.9", "a pong that nobody asked for, then a ping", unasked, Expected(PONG, b"asked"))
    ten = [f"payload-{number}".encode() for number in range(10)]
    said, answers = [frame(PING, each) for each in ten], [Expected(PONG, each) for each in ten]
    yield case("2.10", "ten pings", [b"".join(said)], *answers)
    yield case("2.11", "ten pings, by bytes", octets(*said), *answers)


def reserved_bits() -> Iterator[Case]:
    hello, ping = frame(TEXT, HELLO), frame(PING)

    def bent(bits: int) -> bytes:
        return frame(TEXT, HELLO, reserved=bits)

    yield case("3.1", "RSV 1 in a text", [bent(1)], BROKEN)
    yield case("3.2", "a text, RSV 2, a ping", [hello + bent(2) + ping], ECHO, BROKEN)
    yield case("3.3", "a text, RSV 3, a ping, by frames", [hello, bent(3), ping], ECHO, BROKEN, by=1)
    yield case("3.4", "a text, RSV 4, a ping, by bytes", octets(hello, bent(4), ping), ECHO, BROKEN)
    yield case("3.5", "RSV 5 in a binary", [frame(BINARY, HELLO, reserved=5)], BROKEN)
    yield case("3.6", "RSV 6 in a ping", [frame(PING, HELLO, reserved=6)], BROKEN)
    yield case("3.7", "RSV 7 in a close", [frame(8, reserved=7)], BROKEN)


def kinds() -> Iterator[Case]:
    hello, ping = frame(TEXT, HELLO), frame(PING)
    for part, (what, unknown) in enumerate((("", range(3, 8)), (" of control", range(11, 16))), 1):
        for number, kind in enumerate(unknown, 1):
            bent = frame(kind, HELLO if number % 2 == 0 else b"")
            title = f"kind {kind}{what}"
            if number <= 2:
                yield case(f"4.{part}.{number}", title, [bent], BROKEN)
            elif number < 5:
                yield case(
                    f"4.{part}.{number}", f"a text, {title}, a ping", [hello + bent + ping], ECHO, BROKEN
                )
            else:
                said = octets(hello, bent, ping)
                yield case(f"4.{part}.{number}", f"a text, {title}, a ping, by bytes", said, ECHO, BROKEN)


def fragments() -> Iterator[Case]:
    one, two = frame(TEXT, b"fragment1", final=False), frame(CONTINUATION, b"fragment2")
    whole = Expected(TEXT, b"fragment1fragment2")
    for number, kind, name in ((1, PING, "ping"), (2, PONG, "pong")):
        said = [frame(kind, b"fragment1", final=False), frame(CONTINUATION, b"fragment2")]
        yield case(f"5.{number}", f"a {name} in two fragments", said, BROKEN, by=0)
    yield from three_ways(3, 5, "a text in two fragments", [one, two], whole)
    among = [one, frame(PING, b"ping"), two]
    yield from three_ways(6, 5, "a ping between fragments", among, Expected(PONG, b"ping"), whole)
    for first, final in ((9, True), (12, False)):
        said = [frame(CONTINUATION, b"of nothing", final), frame(TEXT, HELLO)]
        yield from three_ways(first, 5, f"nothing to continue (FIN {final:d}), a text", said, BROKEN)
    wrong = [one, two, frame(CONTINUATION, b"fragment3", final=False), frame(TEXT, b"fragment4")]
    yield case("5.15", "a text in fragments, nothing to continue", [b"".join(wrong)], whole, BROKEN)
    for number, final in ((16, False), (17, True)):
        said = 2 * [frame(CONTINUATION, b"fragment1", final), frame(TEXT, b"2", final=False), two]
        yield case(f"5.{number}", f"twice nothing to continue (FIN {final:d}), a text", said, BROKEN, by=0)
    yield case("5.18", "two fragments, both of text", [one, frame(TEXT, b"fragment2")], BROKEN)
    said = [
        one + frame(CONTINUATION, b"2", final=False) + frame(PING, b"first"),
        frame(CONTINUATION, b"3", False) + frame(PING, b"second") + frame(CONTINUATION, b"4"),
    ]
    answers = (Expected(PONG, b"first"), Expected(PONG, b"second"), Expected(TEXT, b"fragment1234"))
    yield case("5.19", "five fragments and two pings", said, *answers)
    yield case("5.20", "the same, by bytes", octets(*said), *answers)


def texts() -> Iterator[Case]:
    no_text = closed(NO_TEXT)
    empty = [frame(TEXT, final=False), frame(CONTINUATION, final=False), frame(CONTINUATION)]
    middle = [frame(TEXT, final=False), frame(CONTINUATION, HELLO, final=False), frame(CONTINUATION)]
    yield case("6.1.1", "a text of no bytes", [frame(TEXT)], Expected(TEXT, b""))
    yield case("6.1.2", "three fragments of no bytes", empty, Expected(TEXT, b""))
    yield case("6.1.3", "something between two fragments of nothing", middle, ECHO)
    words = "Hello-µ@ßöäüàá-UTF-8!!".encode()
    cut = words.index("ü".encode())
    yield case("6.2.1", "a text that is not ASCII", [frame(TEXT, words)], Expected(TEXT, words))
    halves = [frame(TEXT, words[:cut], final=False), frame(CONTINUATION, words[cut:])]
    yield case("6.2.2", "in two fragments", halves, Expected(TEXT, words))
    yield case("6.2.3", "in fragments of a byte", pieces(TEXT, words, 1), Expected(TEXT, words))
    yield case("6.2.4", "Greek in fragments of a byte", pieces(TEXT, GREEK, 1), Expected(TEXT, GREEK))
    bad = GREEK + SURROGATE + EDITED
    yield case("6.3.1", "a surrogate within a text", [frame(TEXT, bad)], no_text)
    # Python's decoder wants all three bytes of a surrogate.
    known = len(GREEK) + 2
    yield case("6.3.2", "the same in fragments of a byte", pieces(TEXT, bad, 1), no_text, by=known)
    begun, rest = frame(TEXT, GREEK, final=False), frame(CONTINUATION, EDITED)
    yield case("6.4.1", "wrong in the second fragment", [begun, frame(0, BEYOND, False), rest], no_text, by=1)
    short = [frame(TEXT, GREEK + BEYOND[:1], final=False), frame(0, BEYOND[1:2], False), rest]
    yield case("6.4.2", "with the one byte that makes it wrong", short, no_text, by=1)
    said, head = frame(TEXT, GREEK + BEYOND + EDITED), 6
    for number, (till, wrong) in enumerate(
        ((len(GREEK), len(GREEK) + 4), (len(GREEK) + 1, len(GREEK) + 2)), 3
    ):
        chops = [said[: head + till], said[head + till : head + wrong], said[head + wrong :]]
        yield case(f"6.4.{number}", "wrong in the second part of a frame", chops, no_text, by=1)
    # As Autobahn's testsuite says these two: the frame is one of several.
    for number, first in (
        (5, frame(TEXT, GREEK + BEYOND + EDITED, final=False)),
        (6, frame(TEXT, final=False)),
    ):
        said = first if number == 5 else frame(CONTINUATION, GREEK + BEYOND + EDITED, final=False)
        before = b"" if number == 5 else first
        chops = [before + said[: head + len(GREEK) + 1], said[head + len(GREEK) + 1 : head + len(GREEK) + 2]]
        yield case(f"6.4.{number}", "wrong in the second part of a fragment", chops, no_text, by=1)
    for part, (name, of_kind) in enumerate(TEXTS, 5):
        for number, (payload, valid) in enumerate(of_kind, 1):
            answer = Expected(TEXT, payload) if valid else no_text
            yield case(
                f"6.{part}.{number}", f"{name}: {payload.hex(' ')[:40]}", [frame(TEXT, payload)], answer
            )


def closes() -> Iterator[Case]:
    hello, bye, well = frame(TEXT, HELLO), close(NORMAL), closed(NORMAL)
    begun, ended = frame(TEXT, b"fragment1", final=False), frame(CONTINUATION, b"fragment2")
    yield case("7.1.1", "a text, a close", [hello, bye], ECHO, well)
    yield case("7.1.2", "two closes", [bye + bye], well)
    yield case("7.1.3", "a close, a ping", [bye + frame(PING)], well)
    yield case("7.1.4", "a close, a text", [bye + hello], well)
    yield case("7.1.5", "a close within a message", [begun + bye + ended], well)
    longest = b"BAsd7&jh23" * 1600
    many = [frame(TEXT, longest) + hello + bye + frame(PING)]
    yield case("7.1.6", "a long text, a text, a close, a ping", many, Expected(TEXT, longest), ECHO, well)
    yield case("7.3.1", "a close of no bytes", [close()], well)
    yield case("7.3.2", "a close of one byte", [frame(8, b"a")], BROKEN)
    yield case("7.3.3", "a close with a code", [bye], well)
    yield case("7.3.4", "a close with a reason", [close(NORMAL, HELLO)], well)
    yield case("7.3.5", "a close with the longest reason", [close(NORMAL, b"*" * 123)], well)
    yield case("7.3.6", "a close with too long a reason", [close(NORMAL, b"*" * 124)], BROKEN)
    wrong = close(NORMAL, GREEK + SURROGATE + EDITED)
    yield case("7.5.1", "a close whose reason is no text", [wrong], closed(NO_TEXT))
    valid = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999, 1012, 1013, 1014)
    for number, code in enumerate(valid, 1):
        yield case(f"7.7.{number}", f"a close with {code}", [close(code)], well)
    for number, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 1015), 1):
        yield case(f"7.9.{number}", f"a close with {code}, which none may say", [close(code)], BROKEN)
    for number, code in enumerate((5000, 65_535), 1):
        yield case(f"7.13.{number}", f"a close with {code}, which means nothing", [close(code)], BROKEN)


def auto_fragments() -> Iterator[Case]:
    payload = b"*" * 8192
    yield case(
        "10.1.1", "8,192 bytes in frames of 1,300", pieces(TEXT, payload, 1300), Expected(TEXT, payload)
    )
    more = list(pieces(TEXT, b"*" * 65_536, 1300))
    # As soon as it is more than a page may say.
    yield case("10.1.2", "65,536 bytes in frames of 1,300", more, closed(TOO_BIG), by=8192 // 1300)


SECTIONS = {
    1: ("lengths", lengths),
    2: ("pings and pongs", pings),
    3: ("reserved bits", reserved_bits),
    4: ("kinds of frames", kinds),
    5: ("fragments", fragments),
    6: ("UTF-8", texts),
    7: ("closes", closes),
    10: ("automatic fragments", auto_fragments),
}


def all_cases() -> list[Case]:
    """Every case, in order."""
    return [each for _, section in SECTIONS.values() for each in section()]
