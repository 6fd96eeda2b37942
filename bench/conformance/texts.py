"""Byte sequences that are UTF-8 and that are not: Markus Kuhn's stress test, by its chapters.

https://www.cl.cam.ac.uk/~mgk25/ucs/examples/UTF-8-test.txt, as 6.5 to 6.23 of Autobahn's testsuite.
"""

from typing import Final

Texts = list[tuple[bytes, bool]]
GREEK: Final = "κ\u1f79σμε".encode()
CUT_SHORT: Final = (
    *("c0", "e0 80", "f0 80 80", "f8 80 80 80", "fc 80 80 80 80"),
    *("df", "ef bf", "f7 bf bf", "fb bf bf bf", "fd bf bf bf bf"),
)
CONTINUATIONS: Final = (
    *((b"\x80\xbf" * 3)[:length] for length in range(1, 7)),
    b"\xbf",
    bytes(range(0x80, 0xBF)),
)


def _of(valid: bool, *texts: str) -> Texts:
    return [(bytes.fromhex(text), valid) for text in texts]


def _lonely(first: int, last: int) -> bytes:
    return b"".join(bytes((start, 0x20)) for start in range(first, last))


def _ends_whole(prefix: bytes) -> bool:
    return GREEK.startswith(prefix) and prefix.decode(errors="ignore").encode() == prefix


def _no_characters() -> Texts:
    """The last two code points of each plane: no characters, and UTF-8 nevertheless."""
    last = [plane << 16 | 0xFFFE | odd for plane in range(17) for odd in (0, 1)]
    return [(chr(point).encode(), True) for point in last]


TEXTS: Final[tuple[tuple[str, Texts], ...]] = (
    ("valid", [*((f"hello{sign}world".encode(), True) for sign in "$¢€𤭢"), (GREEK, True)]),
    ("a prefix", [(GREEK[:end], _ends_whole(GREEK[:end])) for end in range(1, len(GREEK) + 1)]),
    ("first of its length", _of(True, "00", "c2 80", "e0 a0 80", "f0 90 80 80")),
    ("first of 5 and 6 bytes", _of(False, "f8 88 80 80 80", "fc 84 80 80 80 80")),
    ("last of its length", _of(True, "7f", "df bf", "ef bf bf", "f4 8f bf bf")),
    ("last of 4, 5 and 6 bytes", _of(False, "f7 bf bf bf", "fb bf bf bf bf", "fd bf bf bf bf bf")),
    (
        "a boundary",
        _of(True, "ed 9f bf", "ee 80 80", "ef bf bd", "f4 8f bf bf") + _of(False, "f4 90 80 80"),
    ),
    ("a continuation of nothing", [(text, False) for text in CONTINUATIONS]),
    (
        "a start of nothing",
        [
            (_lonely(*pair), False)
            for pair in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))
        ],
    ),
    ("its last byte missing", _of(False, *CUT_SHORT)),
    ("all of these in a row", _of(False, " ".join(CUT_SHORT))),
    ("impossible", _of(False, "fe", "ff", "fe fe ff ff")),
    (
        "too long for a slash",
        _of(False, "c0 af", "e0 80 af", "f0 80 80 af", "f8 80 80 80 af", "fc 80 80 80 80 af"),
    ),
    (
        "the longest that is too long",
        _of(False, "c1 bf", "e0 9f bf", "f0 8f bf bf", "f8 87 bf bf bf", "fc 83 bf bf bf bf"),
    ),
    (
        "too long for NUL",
        _of(False, "c0 80", "e0 80 80", "f0 80 80 80", "f8 80 80 80 80", "fc 80 80 80 80 80"),
    ),
    (
        "a surrogate",
        _of(False, *(f"ed {two}" for two in ("a0 80", "ad bf", "ae 80", "af bf", "b0 80", "be 80", "bf bf"))),
    ),
    (
        "a pair of surrogates",
        _of(
            False,
            *(
                f"ed {high} ed {low}"
                for high in ("a0 80", "ad bf", "ae 80", "af bf")
                for low in ("b0 80", "bf bf")
            ),
        ),
    ),
    ("no character", _no_characters()),
    ("special", [(chr(point).encode(), True) for point in range(0xFFF9, 0x10000)]),
)
