"""One's own account: sessions that live while they are used and can be ended, and the second factor."""

import re
import threading
from base64 import b32encode
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from analytics.access import sealed, second_factor, sessions
from analytics.access.board_readers import reader_of
from analytics.models import LoginTries
from tests.cast import PASSWORD, Cast, make_cast

NEW = "four words in a row"
DAY = 86_400
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def log_in(name: str = "viewer", path: str = "/login/", client: Client | None = None, **more: Any) -> Client:
    """A browser that has said name and password."""
    client = client or Client(
        headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Firefox/150.0"}
    )
    client.answer = client.post(path, {"username": name, "password": PASSWORD, **more})  # type: ignore[attr-defined]
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def age(client: Client, days: float) -> None:
    """Let this time pass for a session."""
    session = Session.objects.get(pk=client.cookies["sessionid"].value)
    said = session.get_decoded()
    for name in (sessions.BEGAN, sessions.USED, sessions.SAID):
        said[name] -= days * DAY
    store = sessions.session_of(session.pk)
    session.session_data = store.encode(said)
    session.expire_date -= timezone.timedelta(days=days)  # type: ignore[attr-defined]
    session.save()


def left(client: Client) -> float:
    """Days that the session has left without use."""
    ends = Session.objects.get(pk=client.cookies["sessionid"].value).expire_date
    return (ends - timezone.now()).total_seconds() / DAY


def test_a_session_lives_while_it_is_used_and_ends_when_it_is_not(cast: Cast) -> None:
    client = log_in()
    assert settings.SESSION_COOKIE_AGE == 14 * DAY
    for _ in range(3):
        age(client, 10)
        assert 3.9 < left(client) < 4.1
        assert is_in(client)
        assert left(client) > 13.9
        assert client.cookies["sessionid"]["max-age"] == 14 * DAY
    age(client, 14.1)
    assert not is_in(client)


def test_use_is_not_written_at_each_request(cast: Cast) -> None:
    client = log_in()
    before = Session.objects.get().session_data
    is_in(client)
    assert Session.objects.get().session_data == before


def test_a_board_that_stands_open_uses_its_session(cast: Cast) -> None:
    client = log_in()
    key = client.cookies["sessionid"].value
    age(client, 10)
    assert reader_of(key) == cast.viewer
    assert left(client) > 13.9
    # The browser's cookie is older still: the next answer over HTTP moves it on.
    client.head("/account/")
    assert client.cookies["sessionid"]["max-age"] == 14 * DAY
    client.cookies["sessionid"]["max-age"] = ""
    client.head("/account/")
    assert client.cookies["sessionid"]["max-age"] == ""
    client.post("/logout/")
    assert reader_of(key) != cast.viewer


def test_sessions_are_listed_by_browser_and_ended(cast: Cast) -> None:
    here, there, further = log_in(), log_in(), log_in()
    others = log_in("owner")
    page = here.get("/account/").content.decode()
    assert page.count("Firefox on Linux") >= 3
    assert page.count("this one") == 1
    assert there.cookies["sessionid"].value not in page
    marks = re.findall(r'name="mark" value="(\w+)"', page)
    assert len(marks) == 2
    here.post("/account/sessions/", {"mark": marks[0]})
    assert sorted(map(is_in, (there, further))) == [False, True]
    here.post("/account/sessions/")
    assert [is_in(each) for each in (here, there, further, others)] == [True, False, False, True]


def test_nobody_ends_the_sessions_of_others(cast: Cast) -> None:
    owner, viewer = log_in("owner"), log_in()
    (mine,) = sessions.own_sessions(cast.viewer, "")
    owner.post("/account/sessions/", {"mark": mine.mark})
    assert is_in(viewer)


def test_another_password_ends_all_other_sessions(cast: Cast) -> None:
    here, there = log_in(), log_in()
    said = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert here.post("/account/password/", said).headers["Location"] == "/account/"
    assert (is_in(here), is_in(there)) == (True, False)
    assert len(sessions.own_sessions(User.objects.get(username="viewer"), "")) == 1


def switch_on(client: Client) -> tuple[TOTPDevice, list[str]]:
    """A second factor, set up as people do; and its recovery codes."""
    page = client.post("/account/second-factor/", {"do": "begin"}).content.decode()
    assert "<svg" in page
    device = TOTPDevice.objects.get(confirmed=False)
    assert client.post("/account/second-factor/", {"do": "confirm", "code": "000000"}).status_code == 400
    page = client.post("/account/second-factor/", {"do": "confirm", "code": code_of(device)}).content.decode()
    codes = re.findall(r"<li>([0-9a-f]{16})\s", page)
    assert len(codes) == 10
    return TOTPDevice.objects.get(), codes


def code_of(device: TOTPDevice) -> str:
    return f"{totp(second_factor.secret_of(device)):06d}"


def again(device: TOTPDevice, key: str = "") -> str:
    """A code, as if none had been said before; `key`: the secret key under which it was set up."""
    TOTPDevice.objects.update(last_t=-1)
    with override_settings(SECRET_KEY=key or settings.SECRET_KEY):
        return code_of(device)


def pending(client: Client) -> str:
    found = re.search(r'name="pending" value="([^"]+)"', client.answer.content.decode())  # type: ignore[attr-defined]
    assert found
    return found[1]


def say(client: Client, code: str, path: str = "/login/", **more: str) -> Any:
    return client.post(path, {"pending": pending(client), "code": code, **more})


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_no_login_goes_round_the_second_factor(cast: Cast, path: str) -> None:
    device, codes = switch_on(log_in())
    client = log_in(path=path)
    assert not is_in(client)
    assert say(client, "123456", path).status_code == 200
    assert say(client, "", path).status_code == 200
    assert client.post(path, {"pending": "made-up", "code": again(device)}).status_code == 200
    assert not is_in(client)
    assert say(client, again(device), path, next="/people/").headers["Location"] == "/people/"
    assert is_in(client)
    recovered = log_in(path=path)
    assert say(recovered, codes[0].upper(), path).status_code == 302
    assert is_in(recovered)
    once_more = log_in(path=path)
    assert say(once_more, codes[0], path).status_code == 200
    assert not is_in(once_more)


def test_an_invitation_asks_nobody_for_less(cast: Cast) -> None:
    """A link for a new password leads to the login, where the code is asked for."""
    switch_on(log_in())
    owner = log_in("owner")
    page = owner.post(f"/people/{cast.viewer.pk}/reset/").content.decode()
    secret = page.partition("/welcome/#")[2].partition("<")[0]
    guest = Client()
    guest.post("/welcome/", {"secret": secret, "do": "set", "new_password1": NEW, "new_password2": NEW})
    assert not is_in(guest)
    guest.answer = guest.post("/login/", {"username": "viewer", "password": NEW})  # type: ignore[attr-defined]
    assert pending(guest)


def test_what_was_said_of_the_password_ends_with_it(cast: Cast) -> None:
    device, _ = switch_on(log_in())
    client = log_in()
    user = User.objects.get(username="viewer")
    user.set_password(NEW)
    user.save()
    assert "longer than five minutes" in say(client, again(device)).content.decode()
    assert not is_in(client)


def test_codes_are_guessed_no_more_often_than_passwords(cast: Cast) -> None:
    device, _ = switch_on(log_in())
    client = log_in()
    with override_settings(FOOTFALL_LOGIN_TRIES=3):
        LoginTries.objects.all().delete()
        for _ in range(3):
            assert say(client, "123456").status_code == 200
        waiting = say(client, again(device))
    assert waiting.status_code == 429
    assert "Too many wrong codes" in waiting.content.decode()
    assert not is_in(client)


def test_it_is_switched_off_with_a_code_only_and_codes_are_made_anew(cast: Cast) -> None:
    client = log_in()
    device, codes = switch_on(client)
    for do in ("off", "codes"):
        assert client.post("/account/second-factor/", {"do": do, "code": "123456"}).status_code == 400
    page = client.post("/account/second-factor/", {"do": "codes", "code": codes[1]}).content.decode()
    assert len(re.findall(r"<li>([0-9a-f]{16})\s", page)) == 10
    assert client.post("/account/second-factor/", {"do": "off", "code": codes[2]}).status_code == 400
    client.post("/account/second-factor/", {"do": "begin"})
    assert second_factor.is_on(cast.viewer)
    assert client.post("/account/second-factor/", {"do": "off", "code": again(device)}).status_code == 200
    assert not second_factor.is_on(cast.viewer)
    assert is_in(log_in())


def test_only_administrators_switch_off_what_somebody_lost(cast: Cast) -> None:
    switch_on(log_in())
    path = f"/people/{cast.viewer.pk}/second-factor/"
    assert log_in("owner").post(path).status_code == 404
    assert second_factor.is_on(cast.viewer)
    boss = log_in("superuser")
    assert "Second factor lost" in boss.get("/people/").content.decode()
    boss.post(path)
    assert not second_factor.is_on(cast.viewer)


@pytest.mark.django_db(transaction=True)
def test_a_code_counts_once_also_when_two_arrive_together() -> None:
    cast = make_cast()
    device, _ = switch_on(log_in())
    code, right = again(device), []
    begin = threading.Barrier(4)

    def say_it() -> None:
        begin.wait()
        right.append(second_factor.is_right(cast.viewer, code))
        connection.close()

    saying = [threading.Thread(target=say_it) for _ in range(4)]
    for each in saying:
        each.start()
    for each in saying:
        each.join()
    assert sorted(right) == [False, False, False, True]


def test_logging_in_takes_a_new_session_whatever_was_planted(cast: Cast) -> None:
    device, _ = switch_on(log_in("owner"))
    client = Client()
    client.cookies["sessionid"] = "a" * 32
    log_in("owner", client=client)
    assert say(client, again(device)).status_code == 302
    assert client.cookies["sessionid"].value != "a" * 32
    assert is_in(client)


def kept() -> str:
    """All that the database has of second factors."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.key FROM otp_totp_totpdevice d UNION ALL SELECT token FROM otp_static_statictoken"
        )
        return " ".join(text for (text,) in cursor.fetchall())


def test_the_database_alone_makes_no_codes(cast: Cast) -> None:
    device, codes = switch_on(log_in())
    secret = second_factor.secret_of(device)
    assert len(secret) == 20
    for text in (secret.hex(), b32encode(secret).decode(), *codes):
        assert text not in kept()
    # Nor does whoever says what stands there.
    for text in kept().split():
        assert not second_factor.is_right(cast.viewer, text)
    assert second_factor.is_right(cast.viewer, codes[0])


def test_a_secret_opens_for_nobody_else(cast: Cast) -> None:
    device, _ = switch_on(log_in())
    device.user = cast.owner
    device.save()
    with pytest.raises(sealed.SealedByAnotherKey):
        second_factor.secret_of(device)
    for damaged in ("s1.", "s1.AAAA", "s1.!", device.key[:-4]):
        with pytest.raises(sealed.SealedByAnotherKey):
            sealed.unseal(damaged, cast.owner.pk)


@pytest.mark.parametrize("by", ["a start", "a login"])
def test_what_was_kept_in_the_clear_is_sealed(cast: Cast, by: str) -> None:
    secret = bytes(range(20))
    TOTPDevice.objects.create(user=cast.viewer, name="app", key=secret.hex())
    tokens = StaticDevice.objects.create(user=cast.viewer, name="recovery").token_set
    tokens.create(token="0123456789abcdef")
    tokens.create(token="fedcba9876543210")
    if by == "a start":
        second_factor.seal_all()
        assert "0123456789abcdef" not in kept()
    assert second_factor.is_right(cast.viewer, f"{totp(secret):06d}")
    assert second_factor.secret_of(TOTPDevice.objects.get()) == secret
    assert secret.hex() not in kept()
    assert second_factor.is_right(cast.viewer, "0123456789ABCDEF")
    assert not second_factor.is_right(cast.viewer, "0123456789abcdef")
    assert second_factor.left(cast.viewer) == 1
    before = kept()
    second_factor.seal_all()
    assert (kept() == before) == (by == "a start")


def test_another_secret_key_is_told_and_recovery_codes_outlive_it(cast: Cast) -> None:
    device, codes = switch_on(log_in())
    old, new = settings.SECRET_KEY, "another-key-of-this-test-which-is-long-enough"
    with override_settings(SECRET_KEY=new):
        client = log_in()
        assert "another secret key" in client.answer.content.decode()  # type: ignore[attr-defined]
        refused = say(client, again(device, old))
        assert (refused.status_code, "another secret key" in refused.content.decode()) == (200, True)
        assert say(client, codes[0]).status_code == 302
        assert "another secret key" in client.get("/account/").content.decode()
        second_factor.seal_all()
        assert client.post("/account/second-factor/", {"do": "off", "code": codes[1]}).status_code == 200
        assert not second_factor.is_on(cast.viewer)
        device, _ = switch_on(client)
    # Where the key of before is named, all goes on, and is sealed anew by the next code.
    newest = "the-third-key-of-this-test-which-is-long-enough"
    with override_settings(SECRET_KEY=newest, SECRET_KEY_FALLBACKS=[new]):
        assert is_in(client)
        code = again(device)
        client = log_in()
        assert say(client, code).status_code == 302
    with override_settings(SECRET_KEY=newest):
        assert len(second_factor.secret_of(TOTPDevice.objects.get())) == 20


def test_an_operator_lets_somebody_in_who_lost_everything(cast: Cast) -> None:
    switch_on(log_in())
    call_command("dropfactor", "viewer")
    assert is_in(log_in())
    for name in ("viewer", "nobody"):
        with pytest.raises(CommandError, match=name):
            call_command("dropfactor", name)
