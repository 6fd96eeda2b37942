"""Letters that carry a link, where there is a mail server to carry them."""

import logging

from django.conf import settings
from django.core.mail import EmailMessage

log = logging.getLogger(__name__)

INVITATION = """{by} invites you to look at {what} with Footfall.

Open this link within 7 days, and choose a password:

{url}

It works once. If you know nothing of this, leave it be.
"""
SET_ANEW = """Somebody asked for a new password for {name} at Footfall.

Open this link within 7 days, and choose one:

{url}

It works once. If that was not you, leave it be: your password stays as it is.
"""
FORGOTTEN = """Somebody asked for a new password for {name} at Footfall.

Open this link within an hour, and choose one:

{url}

It works once. If that was not you, leave it be: your password stays as it is.
"""


def configured() -> bool:
    """Whether letters can be sent at all."""
    return bool(settings.EMAIL_HOST)


def send(to: str, subject: str, text: str) -> bool:
    """Send a letter; False where the mail server does not take it, which the log says without the address."""
    try:
        EmailMessage(subject, text, settings.DEFAULT_FROM_EMAIL, [to]).send()
    except OSError as problem:
        # What SMTP servers say, an OSError too, repeats addresses.
        log.warning("The mail server of EMAIL_URL did not take a letter (%s).", type(problem).__name__)
        return False
    return True
