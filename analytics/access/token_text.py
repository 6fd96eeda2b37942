"""What an API token looks like: `ff_NAME_SECRET`, 256 random bits, of which the database keeps a SHA-256.

The name is public and finds the row; what is secret is only ever compared in constant time.
"""

import hashlib
import hmac
import re
import secrets

SHAPE = re.compile(r"ff_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")


def new_text() -> tuple[str, str]:
    """The public name of a new token, and its whole text."""
    name = secrets.token_hex(4)
    return name, f"ff_{name}_{secrets.token_urlsafe(32)}"


def name_in(text: str) -> str | None:
    """The public name in a token's text; None where it is no token's."""
    shape = SHAPE.fullmatch(text)
    return shape[1] if shape else None


def text_in(header: str) -> str:
    """The text in an `Authorization: Bearer …` header; "" where it says anything else."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def digest(text: str) -> bytes:
    """What the database keeps of a token."""
    # One pass is enough: 256 random bits cannot be guessed, so there is nothing to slow down.
    return hashlib.sha256(text.encode()).digest()


def is_of(text: str, kept: bytes) -> bool:
    """Whether what is kept is of this text, compared whole and in constant time."""
    return hmac.compare_digest(kept, digest(text))
