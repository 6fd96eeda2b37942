"""Whether a reader whose stream is open may still see what it shows: asked anew, as boards are."""

from collections.abc import Callable
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest

from analytics.access import board_readers, rights, token_text
from analytics.models import Token


class Standing(NamedTuple):
    """A reader with a token or a session, and what they must be allowed."""

    who: str
    """One for all streams of a token, or of a user."""
    token: str
    session: str
    allowed: Callable[[rights.Reader], bool]

    def stands(self) -> bool:
        """Whether the token or the session is good, and allows it. Raises DatabaseError, InterfaceError."""
        reader = _token(self.token) if self.token else board_readers.reader_of(self.session)
        return reader is not None and self.allowed(reader)


def of(request: HttpRequest, reader: rights.Reader, allowed: Callable[[rights.Reader], bool]) -> Standing:
    """The standing of a reader who was let in, with this request."""
    by_token = isinstance(reader, Token)
    return Standing(
        who=f"{'token' if by_token else 'user'} {reader.pk}",
        token=token_text.text_in(request.headers.get("Authorization", "")) if by_token else "",
        session=request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""),
        allowed=allowed,
    )


def _token(text: str) -> Token | None:
    name = token_text.name_in(text)
    token = Token.objects.filter(name=name).first() if name else None
    return token if token and token_text.is_of(text, bytes(token.digest)) else None
