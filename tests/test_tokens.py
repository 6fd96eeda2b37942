"""API tokens: seen once, stored as a hash, found by their text, revoked by deleting."""

from datetime import timedelta
from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.utils import timezone

from analytics.access import tokens
from analytics.models import Token
from tests.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

find = async_to_sync(tokens.find)
from_header = async_to_sync(tokens.from_header)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def addtoken(*arguments: str) -> str:
    """The last line that the command prints."""
    output = StringIO()
    call_command("addtoken", *arguments, stdout=output)
    return output.getvalue().splitlines()[-1]


def test_addtoken_prints_a_token_that_reads_all_sites() -> None:
    token = find(addtoken())
    assert token is not None
    assert (token.all_sites, token.write) == (True, False)


def test_addtoken_can_name_sites_and_allow_writing(cast: Cast) -> None:
    token = find(addtoken("--site", cast.site.key, "--site", cast.strange_site.key, "--write"))
    assert token is not None
    assert (token.all_sites, token.write) == (False, True)
    assert set(token.sites.all()) == {cast.site, cast.strange_site}


@pytest.mark.parametrize("key", ["no-such-site", "", "a\0b"])
def test_addtoken_refuses_an_unknown_site_and_makes_nothing(cast: Cast, key: str) -> None:
    with pytest.raises(CommandError, match="There is no site with the key") as refused:
        addtoken("--site", cast.site.key, "--site", key)
    assert refused.value.returncode == 1
    assert not Token.objects.exists()


def test_the_text_of_a_token_is_stored_nowhere() -> None:
    text = tokens.issue()
    row = Token.objects.get()
    secret = text.split("_", 2)[2]
    assert len(secret) == 43  # 256 bits in base64
    assert secret not in repr(vars(row))
    assert secret.encode() not in bytes(row.digest)
    assert tokens.issue() != text


def test_a_text_that_is_no_token_finds_none() -> None:
    text = tokens.issue()
    other = tokens.issue()
    wrong = [
        "",
        "ff_",
        text[:-1],
        text + "a",
        text.upper(),
        text.replace("ff_", "FF_"),
        "x" * 10_000,
        "a\0b",
        "ä",
    ]
    # The name of one and the secret of another.
    wrong.append(text[:12] + other[12:])
    assert [candidate for candidate in wrong if find(candidate)] == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_header_carries_a_token(scheme: str) -> None:
    assert from_header(f"{scheme} {tokens.issue()}") is not None


@pytest.mark.parametrize("scheme", ["", "Basic", "Token", "Bearer Bearer"])
def test_no_other_header_does(scheme: str) -> None:
    assert from_header(f"{scheme} {tokens.issue()}") is None


def test_a_deleted_token_is_revoked() -> None:
    text = tokens.issue()
    Token.objects.all().delete()
    assert find(text) is None


def test_use_is_noted_at_most_once_a_minute() -> None:
    text = tokens.issue()
    find(text)
    first = Token.objects.get().used_at
    assert first is not None
    find(text)
    assert Token.objects.get().used_at == first
    earlier = timezone.now() - timedelta(minutes=2)
    Token.objects.update(used_at=earlier)
    find(text)
    assert (Token.objects.get().used_at or earlier) > earlier
