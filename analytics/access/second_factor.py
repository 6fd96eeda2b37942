"""The second factor, for who wants it: codes of an app (TOTP, RFC 6238), and recovery codes if it is lost.

A code counts once, also when two arrive together: its row is locked while one is looked at. The app's secret
is sealed (`access.sealed`). Of recovery codes hashes are kept, which need no key and outlive a lost one.
"""

import logging
import re
import secrets
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, Final

from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django_otp import user_has_device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from analytics.access import sealed
from analytics.access.login_rules import Verdict
from analytics.access.login_tries import Tries

NAME, RECOVERY_NAME = "app", "recovery"
RECOVERY_CODES = 10
# Between password and code: to find the telephone.
PATIENCE = 300
SALT = "footfall.second-factor"
SECRET_BYTES: Final = 20  # as many as SHA-1 has, RFC 4226
# No hexadecimal digit, as which codes were kept in the clear; with it a hash has the column's 16 characters.
HASHED: Final = "."
RECOVERY_CODE: Final = re.compile(r"[0-9a-f]{16}")
WRONG: Final = "That code is not right, or was used already."
UNREADABLE: Final = (
    "The codes of your app cannot be checked any more, since Footfall has another secret key than when you"
    " set it up. Take one of your recovery codes, or have an administrator switch your second factor off;"
    " then set it up anew."
)

log = logging.getLogger(__name__)


def is_on(user: User) -> bool:
    """Whether a password alone lets nobody in as this user."""
    return bool(user_has_device(user))


def tries(request: HttpRequest, user: User) -> Tries:
    """The codes that were tried, counted as passwords are; no account has this name."""
    return Tries(request, f"\0code\0{user.pk}")


def count(request: HttpRequest, user: User) -> Verdict:
    """One code more: whether it is looked at."""
    return tries(request, user).count()


def is_right(user: User, code: str) -> bool:
    """Whether a code is the app's now, or a recovery code; either counts once."""
    code = "".join(code.split()).lower()
    if not code or len(code) > 32:
        return False
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
        return (device is not None and _is_of_app(device, code)) or _is_for_recovery(user, code)


def trouble(user: User) -> str:
    """What this user should know before a code is asked for; mostly nothing."""
    device = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return UNREADABLE if device is not None and _unsealed(device) is None else ""


def why_not(user: User) -> str:
    """What is said to whoever said a code that is not right."""
    return trouble(user) or WRONG


def begin(user: User) -> TOTPDevice:
    """A new secret, which counts once a code of it was said."""
    TOTPDevice.objects.filter(user=user, confirmed=False).delete()
    key = sealed.seal(secrets.token_bytes(SECRET_BYTES), user.pk)
    device: TOTPDevice = TOTPDevice.objects.create(user=user, name=NAME, confirmed=False, key=key)
    return device


def begun(user: User) -> TOTPDevice | None:
    """The device that waits for its first code."""
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return device if device is not None and _unsealed(device) else None


def secret_of(device: TOTPDevice) -> bytes:
    """What codes are made of. Raises SealedByAnotherKey."""
    return sealed.unseal(device.key, device.user_id).secret


def address_of(device: TOTPDevice) -> str:
    """The `otpauth:` address with the secret, as apps read it. Raises SealedByAnotherKey."""
    opened = TOTPDevice(user=device.user, key=secret_of(device).hex())  # never saved
    return str(opened.config_url)


def confirm(user: User, code: str) -> list[str] | None:
    """Switch it on with the first code; the recovery codes, seen only now, or None for a wrong code."""
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
        if device is None or not _is_of_app(device, "".join(code.split())):
            return None
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        device.confirmed = True
        device.save()
        return recovery_codes(user)


def recovery_codes(user: User) -> list[str]:
    """New recovery codes in place of the old: 64 bits each, tried no more often than passwords."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name=RECOVERY_NAME)
        codes = [secrets.token_hex(8) for _ in range(RECOVERY_CODES)]
        for code in codes:
            device.token_set.create(token=_hashed(device, code))
    return codes


def left(user: User) -> int:
    """How many recovery codes are left."""
    return sum(device.token_set.count() for device in StaticDevice.objects.filter(user=user))


def switch_off(user: User) -> None:
    """From now on the password is enough."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()


@transaction.atomic
def seal_all() -> None:
    """Seal and hash what was kept in the clear, and what an earlier `SECRET_KEY` sealed."""
    for device in TOTPDevice.objects.select_for_update():
        unsealed = _unsealed(device)
        if unsealed and unsealed.anew:
            device.key = sealed.seal(unsealed.secret, device.user_id)
            device.save(update_fields=["key"])
    for token in StaticToken.objects.select_for_update(of=("self",)).select_related("device"):
        if not token.token.startswith(HASHED):
            token.token = _hashed(token.device, token.token)
            token.save(update_fields=["token"])


def password_was_right(user: User) -> str:
    """A text that says so for some minutes, and not once the password is another."""
    said: Any = {"user": user.pk, "hash": user.get_session_auth_hash()}
    return signing.dumps(said, salt=SALT)


def who_said(text: str) -> User | None:
    """Whose password was right, by such a text."""
    try:
        said = signing.loads(text, salt=SALT, max_age=PATIENCE)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=said["user"], is_active=True).first()
    return user if user is not None and user.get_session_auth_hash() == said["hash"] else None


def _unsealed(device: TOTPDevice) -> sealed.Unsealed | None:
    try:
        return sealed.unseal(device.key, device.user_id)
    except sealed.SealedByAnotherKey:
        log.warning(
            "A second factor cannot be read: SECRET_KEY is not the one under which it was set up."
            " Name that one in SECRET_KEY_FALLBACKS."
        )
        return None


def _is_of_app(device: TOTPDevice, code: str) -> bool:
    """As django-otp's own `verify_token`, which reads secrets in the clear alone; the row is locked."""
    unsealed = _unsealed(device)
    if unsealed is None or len(code) != device.digits or not (code.isascii() and code.isdigit()):
        return False
    clock = TOTP(unsealed.secret, device.step, device.t0, device.digits, device.drift)
    clock.time = time.time()
    if not clock.verify(int(code), device.tolerance, device.last_t + 1):
        return False
    device.last_t, device.drift = clock.t(), clock.drift
    if unsealed.anew:
        device.key = sealed.seal(unsealed.secret, device.user_id)
    device.save()
    return True


def _is_for_recovery(user: User, code: str) -> bool:
    """Whether it is a recovery code, which then is one no more."""
    if not RECOVERY_CODE.fullmatch(code):
        return False
    for device in StaticDevice.objects.select_for_update().filter(user=user):
        # In the clear it is kept where a release before made it, and no start has hashed it since.
        if device.token_set.filter(token__in=[_hashed(device, code), code]).delete()[0]:
            return True
    return False


def _hashed(device: StaticDevice, code: str) -> str:
    """90 bits of a code's hash: codes are 64 bits of chance, so that no slow hash is needed."""
    digest = sha256(f"{device.pk}:{code}".encode()).digest()
    return HASHED + urlsafe_b64encode(digest).decode()[:15]
