"""Names of hosts as browsers say them: in lower case, in punycode, without the root's dot."""

import re
import unicodedata
from typing import Final

HOST: Final = re.compile(r"[a-z0-9._:-]{1,253}")
LONGEST_LABEL: Final = 63
TRANSLATED: Final = ".translate.goog"


def ascii_host(host: str) -> str:
    """A host name as a browser says it; ValueError if there is no such name."""
    host = host.lower().removesuffix(".")
    if not host.isascii():
        host = ".".join(map(ascii_label, host.split(".")))
        if any(len(label) > LONGEST_LABEL for label in host.split(".")):
            raise ValueError("not a host name")
    if not HOST.fullmatch(host):
        raise ValueError("not a host name")
    return host


def ascii_label(label: str) -> str:
    """One label of a host name, in any case and script."""
    # Not the `idna` codec: that is the standard of 2003, which turns ß into ss; browsers do not.
    lower = unicodedata.normalize("NFKC", label).lower()
    return lower if lower.isascii() else "xn--" + lower.encode("punycode", "replace").decode("ascii")


def translated(host: str) -> str:
    """The host behind one of Google Translate's (www-example-com.translate.goog); any other as it is."""
    return dotted(host.removesuffix(TRANSLATED)) if host.endswith(TRANSLATED) else host


def dotted(label: str) -> str:
    """A host out of the one label that proxies make of it.

    There a dot is written as "-", and "-" as "--"; "0-" and "-0" stand around what would be no label else.
    """
    if label.startswith("0-"):
        label = label[2:].removesuffix("-0")
    return label.replace("--", "\0").replace("-", ".").replace("\0", "-")
