"""The second factor, for who wants it: codes of an app (TOTP, RFC 6238), and recovery codes if it is lost.

A code counts once, also when two arrive together: django-otp locks the device while it looks.
"""

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django_otp import match_token, user_has_device
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from analytics.access.login_rules import Verdict
from analytics.access.login_tries import Tries

NAME, RECOVERY_NAME = "app", "recovery"
RECOVERY_CODES = 10
# Between password and code: to find the telephone.
PATIENCE = 300
SALT = "footfall.second-factor"


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
    return bool(code) and len(code) <= 32 and match_token(user, code) is not None


def begin(user: User) -> TOTPDevice:
    """A new secret, which counts once a code of it was said."""
    TOTPDevice.objects.filter(user=user, confirmed=False).delete()
    device: TOTPDevice = TOTPDevice.objects.create(user=user, name=NAME, confirmed=False)
    return device


def begun(user: User) -> TOTPDevice | None:
    """The secret that waits for its first code."""
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return device


def confirm(user: User, code: str) -> list[str] | None:
    """Switch it on with the first code; the recovery codes, seen only now, or None for a wrong code."""
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
        if device is None or not device.verify_token("".join(code.split())):
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
            device.token_set.create(token=code)
    return codes


def left(user: User) -> int:
    """How many recovery codes are left."""
    return sum(device.token_set.count() for device in StaticDevice.objects.filter(user=user))


def switch_off(user: User) -> None:
    """From now on the password is enough."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()


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
