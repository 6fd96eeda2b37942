"""Frames that are nearly right: valid ones, bent at random; a seed makes the same ones again."""

import random
from collections.abc import Iterator

from bench.visitors import page_id, page_message
from scripts.stands import frames

HOSTILE = (
    b"null", b"NaN", b"-Infinity", b"1e999", b"1.5e-400", b"-1", b"0" * 300, b"9" * 5000, b"{}", b"true",
    b'""', b'"\\ud800"', b'"\\u0000"', b'"\xed\xa0\x80"', b'"\xff"', b'"' + b"A" * 9000 + b'"',
    b'"\xe2\x80\xae\xf0\x9f\x92\xa9"', b"[" * 3000, b'{"a":' * 1000,
    b'"http://[::1"', b'"http://a:99999999/"', b'"https://x/%00%zz"',
)  # fmt: skip
# The heads of frames that no browser sends: reserved bits, unknown kinds, unmasked, lengths that lie.
HEADS = (
    b"\xf1\x80",
    b"\x83\x80",
    b"\x81\x05",
    b"\x81\xfe\xff\xff",
    b"\x81\xff" + b"\xff" * 8,
    b"\x89\xfe\x01\x00",
)


class Mutator:
    """Endless frames of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (the same again, not secret)
        self._seed = seed
        self._number = 0

    def texts(self) -> Iterator[bytes]:
        """What text frames hold: some as pages say it, most bent in one to four places."""
        while True:
            self._number += 1
            text = self._valid()
            for _ in range(self._random.choice((0, 1, 1, 2, 4))):
                text = self._bent(text)
            yield text

    def wire(self, text: bytes) -> bytes:
        """A text as it goes over the socket: mostly whole, sometimes in pieces, as another kind, or torn."""
        chance = self._random.random()
        if chance < 0.8:
            return frames.frame(frames.TEXT, text)
        if chance < 0.88 and len(text) > 1:
            cut = self._random.randrange(1, len(text))
            first = bytearray(frames.frame(frames.TEXT, text[:cut]))
            first[0] &= 0x7F
            return bytes(first) + frames.frame(0, text[cut:])
        if chance < 0.96:
            return frames.frame(self._random.randrange(16), text[:120])
        return self._random.choice(HEADS) + text[: self._random.randrange(200)]

    def _valid(self) -> bytes:
        page = page_id(self._seed, 0, self._number % 3)
        kind = self._random.randrange(4)
        if kind == 0:
            return page_message(page, self._number, self._number, again=self._random.random() < 0.3)
        if kind == 1:
            return b'{"t":"state","id":"%s","s":"idle","e":1200,"d":40}' % str(page).encode()
        if kind == 2:
            key = page_id(self._seed, 1, self._number)
            said = '{"t":"event","id":"%s","k":"%s","n":"signup","p":{"plan":"pro","seats":3},"v":9.5}'
            return (said % (page, key)).encode()
        return b'{"t":"end","id":"%s","e":1,"d":2}' % str(page).encode()

    def _bent(self, text: bytes) -> bytes:
        way, at = self._random.randrange(6), self._random.randrange(len(text) + 1)
        if way == 0:
            return text[:at] + bytes((self._random.randrange(256),)) + text[at + 1 :]
        if way == 1:
            return text[:at] + text[at + self._random.randrange(12) :]
        if way == 2:
            return text[:at] + text[self._random.randrange(len(text) + 1) :][:60] + text[at:]
        if way == 3:
            return text[:at] + self._random.randbytes(self._random.randrange(1, 9)) + text[at:]
        if way == 4:
            return text[:at]
        # Another value for one of its fields.
        name, _, rest = text[at:].partition(b":")
        return text[:at] + name + b":" + self._random.choice(HOSTILE) + rest[rest.find(b",") :]
