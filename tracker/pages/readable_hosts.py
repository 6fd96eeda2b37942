"""Names of hosts as people read them: punycode undone, unless the name could then be taken for another.

The rules are those of browsers' address bars, and stricter where these have lists of known names.
`static/shared/hosts.js` does the same for boards.
"""

import unicodedata
from functools import lru_cache
from typing import Final

import idna

from tracker.pages.escapes import readable

PUNYCODE: Final = "xn--"
# Scripts of living languages, as the names of their letters begin.
SCRIPTS: Final = (
    frozenset(
        ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "GEORGIAN", "HEBREW", "ARABIC", "DEVANAGARI", "BENGALI")
    )
    | frozenset(
        ("GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "THAI", "LAO")
    )
    | frozenset(("TIBETAN", "MYANMAR", "KHMER", "ETHIOPIC"))
)
# Written with one another, and with Latin letters.
EAST_ASIAN: Final = frozenset(["CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"])
# Scripts with letters in the shapes of Latin ones, and these: a label of nothing else stays as it is.
LOOK_ALIKES: Final = {
    "CYRILLIC": frozenset("асԁеһіјӏорԛѕԝхуъьҽпгѵѡ"),
    "GREEK": frozenset("αβγεηικνορτυχωϲϳ"),
    "ARMENIAN": frozenset("գզհյոսցքօւ"),
}
# In the shape of a slash, a bar or a dot, or of another letter whatever the font.
NEVER: Final = frozenset("ıǀǁǂǃʻノソゾン丶丿丨ー〆")
RARE: Final = "\U0002ffff"  # what comes after it is too new for browsers to agree on
COMBINED: Final = frozenset(("LATIN", "CYRILLIC", "GREEK", "ARMENIAN"))


@lru_cache(2048)
def readable_host(host: str) -> str:
    """A host in lower case and punycode as people write it; labels that could deceive stay as they are."""
    if PUNYCODE not in host:
        return host
    return ".".join(_readable(label) for label in host.split("."))


def _readable(label: str) -> str:
    if not label.startswith(PUNYCODE):
        return label
    try:
        text = idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        return label
    return text if is_plain(text) else label


def is_plain(text: str) -> bool:
    """Whether a label is of one script of today, and looks like no label of another."""
    kinds = {unicodedata.category(letter)[0] for letter in text if letter not in "-0123456789"}
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in text if letter.isalpha()}
    if not kinds <= {"L", "M"} or not scripts or NEVER & set(text) or max(text) > RARE:
        return False
    if scripts & EAST_ASIAN:
        return scripts <= EAST_ASIAN | {"LATIN"} and "M" not in kinds
    if len(scripts) > 1 or not scripts <= SCRIPTS:
        return False
    (script,) = scripts
    if script in COMBINED and "M" in kinds:
        return False
    if script == "LATIN":
        return all(letter < "\u0250" or "\u1e00" <= letter < "\u1f00" for letter in text)
    alike = LOOK_ALIKES.get(script, frozenset())
    return not all(letter in alike for letter in text if letter.isalpha())


def readable_page(name: str) -> str:
    """A page's name as people write it: its host, where it has one, and its path."""
    host, slash, path = name.partition("/")
    return readable_host(host) + readable(slash + path)
