"""Secrets that must be read again, kept under a key made of `SECRET_KEY`: the database alone tells none.

AES-256-GCM (NIST SP 800-38D) with a random nonce. Whose a secret is, is sealed with it: it opens for nobody
else.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from tracker.visitors import identity

# No hexadecimal digit, as which secrets were kept in the clear.
MARK: Final = "s1."
NONCE: Final = 12


class SealedByAnotherKey(Exception):
    """The key is neither `SECRET_KEY` nor one of `SECRET_KEY_FALLBACKS`; or what is kept is damaged."""


class Unsealed(NamedTuple):
    """A secret; `anew`: it should be sealed again, under the key of today."""

    secret: bytes
    anew: bool


def seal(secret: bytes, whose: int) -> str:
    """The secret as it is kept: 40 characters and four for each three of its bytes."""
    nonce = secrets.token_bytes(NONCE)
    sealed = _cipher(settings.SECRET_KEY).encrypt(nonce, secret, _name(whose))
    return MARK + urlsafe_b64encode(nonce + sealed).decode()


def unseal(kept: str, whose: int) -> Unsealed:
    """What is kept of `whose`, sealed or from before. Raises SealedByAnotherKey."""
    if not kept.startswith(MARK):
        return Unsealed(bytes.fromhex(kept), anew=True)
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            sealed = urlsafe_b64decode(kept.removeprefix(MARK))
            secret = _cipher(key).decrypt(sealed[:NONCE], sealed[NONCE:], _name(whose))
        except (ValueError, InvalidTag):
            continue
        return Unsealed(secret, anew=key != settings.SECRET_KEY)
    raise SealedByAnotherKey


def _cipher(key: str) -> AESGCM:
    return AESGCM(identity.derive(key, "sealed"))


def _name(whose: int) -> bytes:
    return str(whose).encode()
