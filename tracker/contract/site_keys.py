"""A site's public key, as it stands in snippets and addresses."""

import secrets
from typing import Final

LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def new_key() -> str:
    """A new key: 12 characters, 60 bits, lower case and digits that cannot be misread."""
    return "".join(secrets.choice(LETTERS) for _ in range(12))
