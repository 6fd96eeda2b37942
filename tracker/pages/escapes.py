"""Percent-encodings: in one form where they are counted and compared, and as people read them.

One form: RFC 3986, 6.2.2.1 and 6.2.2.2. So `/caf%c3%a9`, `/caf%C3%A9` and `/café` are one page.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import quote, unquote

LIMIT: Final = 2048  # characters of a path or a query: Postgres indexes at most 2,704 bytes
# RFC 3986, 2.2: these mean one thing as they are, and may mean another encoded. "[" and "]" are for hosts.
RESERVED: Final = "/:?#@!$&'()*+,;="
PLAIN: Final = re.compile(r"[A-Za-z0-9\-._~" + re.escape(RESERVED) + "]*")
# An escape, a "%" that begins none, or what has to be one.
ODD: Final = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~" + re.escape(RESERVED) + "]+?")
UNRESERVED: Final = re.compile(r"[A-Za-z0-9\-._~]")
# Escapes that people read as they are: of reserved characters, which mean something else, and of a "%" before
# what would then look like an escape.
KEPT: Final = re.compile(r"%(?=2[1346789ABCF]|3[ABDF]|40|25[0-9A-Fa-f]{2})")


def one_form(text: str) -> str:
    """Part of a URL, or what people type for it, with its escapes in the one form; not cut.

    What a URL cannot hold is encoded, a "%" that begins no escape too; hex is in upper case; what needs no
    escape has none. Doing it twice changes nothing.
    """
    return text if PLAIN.fullmatch(text) else ODD.sub(_one, text)


def encoded(text: str) -> str:
    """The one form, cut to LIMIT."""
    return cut(one_form(text))


def cut(text: str) -> str:
    """At most LIMIT characters of a text in the one form, without half an escape at its end."""
    if len(text) <= LIMIT:
        return text
    text = text[:LIMIT]
    return text[: text.rindex("%")] if "%" in text[-2:] else text


def readable(text: str) -> str:
    """One form as people write it; as it is where that would hide something: controls, directions, gaps.

    `one_form` leads back. `static/shared/names.js` does the same for boards.
    """
    if "%" not in text:
        return text
    try:
        decoded = unquote(KEPT.sub("%25", text), errors="strict")
    except UnicodeDecodeError:
        return text
    return text if any(unicodedata.category(letter)[0] in "CZ" for letter in decoded) else decoded


def _one(found: re.Match[str]) -> str:
    part = found[0]
    if len(part) == 3 and part[0] == "%":
        letter = chr(int(part[1:], 16))
        return letter if UNRESERVED.fullmatch(letter) else part.upper()
    return quote(part, safe="", errors="replace")
