"""Inviting people, and letting them set new passwords: who may, what a link opens, and what it never does."""

import asyncio
import re
import threading
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client, override_settings
from django.utils import timezone

from analytics.access.rights import owned_sites, visible_sites
from analytics.models import LoginTries, Member, PersonalLink
from analytics.people import letters, personal_links
from tests.cast import PASSWORD, Cast, make_cast
from tracker.models import Site

NEW = "four words in a row"


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def client_of(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.everyone()[name])
    return client


def invite(client: Client, *sites: Site, name: str = "ada", role: str = "viewer", **more: Any) -> Any:
    return client.post("/people/", {"name": name, "role": role, "sites": [site.pk for site in sites], **more})


def link_in(answer: Any) -> str:
    """The link that an answer shows."""
    found = re.search(r'<code id="link">([^<]+)</code>', answer.content.decode())
    assert found, answer.content.decode()
    return unescape(found[1])


def secret_in(answer: Any) -> str:
    return link_in(answer).partition("#")[2]


def come(secret: str, name: str = "ada", password: str = NEW, client: Client | None = None) -> Any:
    """Somebody opens a link and sets name and password."""
    said = {"secret": secret, "do": "set", "username": name, "password1": password, "password2": password}
    return (client or Client()).post("/welcome/", said)


def test_an_owner_invites_and_the_colleague_sees_only_that_site(cast: Cast) -> None:
    other = Site.objects.create(domain="other.example", hosts=["other.example"])
    Member.objects.create(site=other, user=cast.owner, role="owner")
    answer = invite(client_of(cast, "owner"), cast.site)
    assert link_in(answer).startswith("http://testserver/welcome/#")
    guest = Client()
    page = guest.post("/welcome/", {"secret": secret_in(answer)})
    assert "owner invites you as viewer of seen.example" in page.content.decode()
    assert come(secret_in(answer), client=guest).headers["Location"] == "/"
    ada = User.objects.get(username="ada")
    assert (ada.is_staff, ada.is_superuser, ada.check_password(NEW)) == (True, False, True)
    assert list(visible_sites(ada)) == [cast.site]
    assert not owned_sites(ada).exists()
    assert guest.get(f"/sites/{cast.site.key}/").status_code == 200
    assert guest.get(f"/sites/{other.key}/").status_code == 404
    assert guest.get("/people/").status_code == 404
    assert guest.get("/admin/auth/user/").status_code == 403


def test_a_link_opens_once(cast: Cast) -> None:
    secret = secret_in(invite(client_of(cast, "owner"), cast.site))
    assert come(secret).status_code == 302
    again = come(secret, name="eve")
    assert again.status_code == 403
    assert "has been used, was withdrawn, or is older than 7 days" in again.content.decode()
    assert not User.objects.filter(username="eve").exists()


def test_a_link_that_is_old_revoked_renewed_or_made_up_opens_nothing_and_all_look_alike(cast: Cast) -> None:
    owner = client_of(cast, "owner")
    old, revoked, renewed = (secret_in(invite(owner, cast.site, name=name)) for name in ("old", "rev", "new"))
    PersonalLink.objects.filter(name="old").update(expires_at=timezone.now() - timedelta(seconds=1))
    owner.post(f"/people/links/{PersonalLink.objects.get(name='rev').pk}/", {"do": "revoke"})
    answer = owner.post(f"/people/links/{PersonalLink.objects.get(name='new').pk}/", {"do": "renew"})
    pages = {
        re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", come(secret).content.decode())
        for secret in (old, revoked, renewed, "made-up", "")
    }
    assert len(pages) == 1
    assert come(secret_in(answer)).status_code == 302
    assert User.objects.filter(username="ada").exists()


def test_a_link_lives_seven_days_and_only_its_hash_is_kept(cast: Cast) -> None:
    secret = secret_in(invite(client_of(cast, "owner"), cast.site))
    link = PersonalLink.objects.get()
    assert abs(link.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert len(secret) == 43
    assert len(bytes(link.digest)) == 32
    assert secret not in str(PersonalLink.objects.values_list())
    assert secret not in client_of(cast, "owner").get("/people/").content.decode()


def test_links_are_guessed_no_more_often_than_passwords(cast: Cast) -> None:
    secret = secret_in(invite(client_of(cast, "owner"), cast.site))
    with override_settings(FOOTFALL_LOGIN_TRIES=3):
        # Whoever opens a right one begins anew.
        for number in range(3):
            assert come(f"guess {number}").status_code == 403
        waiting = come(secret)
    assert waiting.status_code == 429
    assert int(waiting.headers["Retry-After"]) > 0
    assert not User.objects.filter(username="ada").exists()
    LoginTries.objects.all().delete()
    assert come(secret).status_code == 302


@pytest.mark.parametrize("name", ["viewer", "outsider", "customer", "deactivated"])
def test_only_owners_invite(cast: Cast, name: str) -> None:
    client = client_of(cast, name)
    assert client.get("/people/").status_code in (302, 404)
    assert invite(client, cast.site).status_code in (302, 404)
    assert client.post(f"/people/{cast.viewer.pk}/reset/").status_code in (302, 404)
    assert not PersonalLink.objects.exists()


def test_an_owner_gives_no_more_than_they_have(cast: Cast) -> None:
    owner = client_of(cast, "owner")
    assert invite(owner, cast.strange_site).status_code == 400
    assert invite(owner, cast.site, role="administrator").status_code == 400
    assert invite(owner, everywhere="on").status_code == 400
    assert "Choose one site" in invite(owner).content.decode()
    assert not PersonalLink.objects.exists()
    for sites, role, everywhere in (
        ([cast.strange_site], "viewer", False),
        ([cast.site, cast.strange_site], "owner", False),
        ([cast.site], "viewer", True),
        ([], "administrator", False),
    ):
        with pytest.raises(PermissionError):
            personal_links.invite(cast.owner, "ada", role, sites, everywhere)
    assert not PersonalLink.objects.exists()


def test_an_invitation_ends_with_the_rights_of_whoever_made_it(cast: Cast) -> None:
    secret = secret_in(invite(client_of(cast, "owner"), cast.site, role="owner"))
    Member.objects.filter(user=cast.owner).update(role="viewer")
    assert come(secret).status_code == 403
    Member.objects.filter(user=cast.owner).update(role="owner")
    User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    assert come(secret).status_code == 403
    assert not User.objects.filter(username="ada").exists()


def test_administrators_invite_to_all_sites_and_to_be_one(cast: Cast) -> None:
    boss = client_of(cast, "superuser")
    assert come(secret_in(invite(boss, everywhere="on")), name="all").status_code == 302
    assert come(secret_in(invite(boss, role="administrator")), name="root").status_code == 302
    everywhere, root = User.objects.get(username="all"), User.objects.get(username="root")
    later = Site.objects.create(domain="later.example", hosts=["later.example"])
    assert set(visible_sites(everywhere)) == {cast.site, cast.strange_site, later}
    assert not owned_sites(everywhere).exists()
    assert (everywhere.is_superuser, root.is_superuser) == (False, True)


def test_whoever_has_an_account_accepts_with_it_and_loses_nothing(cast: Cast) -> None:
    for name in ("outsider", "owner"):
        client = client_of(cast, name)
        secret = secret_in(invite(client_of(cast, "superuser"), cast.site, cast.strange_site))
        assert f"Accept as {name}" in client.post("/welcome/", {"secret": secret}).content.decode()
        assert client.post("/welcome/", {"secret": secret, "do": "accept"}).status_code == 302
        assert set(visible_sites(cast.everyone()[name])) == {cast.site, cast.strange_site}
    assert list(owned_sites(cast.owner)) == [cast.site]


def test_a_name_that_is_taken_and_a_weak_password_are_said_and_the_link_goes_on(cast: Cast) -> None:
    secret = secret_in(invite(client_of(cast, "owner"), cast.site))
    taken = come(secret, name="Superuser")
    assert taken.status_code == 400
    assert "already exists" in taken.content.decode()
    assert "too short" in come(secret, password="short").content.decode()
    assert come(secret).status_code == 302
    assert User.objects.get(username="superuser").check_password(PASSWORD)


@pytest.mark.parametrize("name", ["", "two words", "a" * 151, "<b>", "nobody@", "a\0b"])
def test_what_is_no_name_is_said(cast: Cast, name: str) -> None:
    assert invite(client_of(cast, "owner"), cast.site, name=name).status_code == 400
    assert not PersonalLink.objects.exists()


def test_a_new_password_ends_every_session_and_the_link(cast: Cast) -> None:
    logged_in = client_of(cast, "viewer")
    secret = secret_in(client_of(cast, "owner").post(f"/people/{cast.viewer.pk}/reset/"))
    said = {"secret": secret, "do": "set", "new_password1": NEW, "new_password2": NEW}
    assert Client().post("/welcome/", said).headers["Location"] == "/login/"
    assert logged_in.get("/").status_code == 302
    assert User.objects.get(username="viewer").check_password(NEW)
    assert Client().post("/welcome/", said).status_code == 403


def test_an_owner_sets_nobody_anew_who_could_do_more_than_they(cast: Cast) -> None:
    owner = client_of(cast, "owner")
    elsewhere = User.objects.create(username="elsewhere", is_staff=True)
    for site in (cast.site, cast.strange_site):
        Member.objects.create(site=site, user=elsewhere)
    everywhere = User.objects.create(username="everywhere", is_staff=True)
    Member.objects.create(site=cast.site, user=everywhere)
    Member.objects.create(site=None, user=everywhere)
    Member.objects.create(site=cast.site, user=cast.superuser)
    for user in (elsewhere, everywhere, cast.superuser, cast.outsider, cast.owner, cast.deactivated):
        assert owner.post(f"/people/{user.pk}/reset/").status_code == 404, user
    assert not PersonalLink.objects.exists()
    # Nor through a link that was right when it was made.
    secret = secret_in(owner.post(f"/people/{cast.viewer.pk}/reset/"))
    User.objects.filter(pk=cast.viewer.pk).update(is_superuser=True)
    said = {"secret": secret, "do": "set", "new_password1": NEW, "new_password2": NEW}
    assert Client().post("/welcome/", said).status_code == 403
    assert User.objects.get(username="viewer").check_password(PASSWORD)


def test_owners_see_neither_links_nor_people_of_other_sites(cast: Cast) -> None:
    invite(client_of(cast, "superuser"), cast.strange_site, name="stranger-friend")
    invite(client_of(cast, "superuser"), cast.site, name="seen-friend")
    page = client_of(cast, "owner").get("/people/").content.decode()
    assert "seen-friend" in page
    for hidden in ("stranger-friend", "outsider", "superuser", "stranger.example"):
        assert hidden not in page
    link = PersonalLink.objects.get(name="stranger-friend")
    for do in ("revoke", "renew"):
        assert client_of(cast, "owner").post(f"/people/links/{link.pk}/", {"do": do}).status_code == 404
    assert PersonalLink.objects.filter(pk=link.pk).exists()


def test_with_a_mail_server_links_are_sent(cast: Cast) -> None:
    with override_settings(
        EMAIL_HOST="mail.example", EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"
    ):
        answer = invite(client_of(cast, "owner"), cast.site, name="ada@example.com")
        assert "It was sent to ada@example.com" in answer.content.decode()
        invite(client_of(cast, "owner"), cast.site, name="grace")
    (letter,) = mail.outbox
    assert letter.to == ["ada@example.com"]
    assert link_in(answer) in letter.body
    assert come(secret_in(answer), name="ada@example.com").status_code == 302
    assert User.objects.get(username="ada@example.com").email == "ada@example.com"


def test_a_letter_goes_to_a_real_server_and_one_that_does_not_answer_is_said(
    cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        while line := await reader.readline():
            heard.append(line)
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                heard.append(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(b"250 fine\r\n")
        writer.close()

    async def sent() -> int:
        server = await asyncio.start_server(talk, "127.0.0.1")
        port = server.sockets[0].getsockname()[1]
        smtp = override_settings(
            EMAIL_HOST="127.0.0.1",
            EMAIL_PORT=port,
            EMAIL_USE_TLS=False,
            EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        )
        with smtp:
            async with server:
                await asyncio.to_thread(send)
        return int(port)

    def send() -> None:
        assert letters.send("ada@example.com", "Your invitation", "http://testserver/welcome/#secret")

    port = asyncio.run(sent())
    said = b"".join(heard)
    assert b"rcpt TO:<ada@example.com>" in said
    assert b"welcome/#secret" in said
    with override_settings(
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
    ):
        answer = invite(client_of(cast, "owner"), cast.site, name="ada@example.com")
    assert "did not take the letter" in answer.content.decode()
    assert link_in(answer)
    assert "EMAIL_URL did not take a letter" in caplog.text
    assert "ada@example.com" not in caplog.text


def test_foreign_forms_invite_nobody(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.owner)
    assert invite(client, cast.site).status_code == 403
    assert not PersonalLink.objects.exists()


MAIL = override_settings(
    EMAIL_HOST="mail.example", EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"
)


def forget(name: str, client: Client | None = None) -> str:
    """What whoever asks for a new password is answered, once the letters are written."""
    with MAIL:
        answer = (client or Client()).post("/forgotten/", {"name": name})
        for thread in threading.enumerate():
            if thread.name == "forgotten passwords":
                thread.join(10)
    return answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_who_has_forgotten_a_password_is_sent_a_link_and_nobody_learns_who_is_here() -> None:
    cast = make_cast()
    User.objects.filter(username="viewer").update(email="Vera@example.com")
    csrf = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
    here, elsewhere = (csrf.sub("", forget(name)) for name in ("vera@EXAMPLE.com", "nobody@example.com"))
    assert here == elsewhere
    (letter,) = mail.outbox
    assert letter.to == ["Vera@example.com"]
    secret = re.findall(r"/welcome/#(\S+)", str(letter.body))[0]
    logged_in = client_of(cast, "viewer")
    # Once in a while only, and neither for who has no address nor for who may not log in.
    for name in ("viewer", "owner", "deactivated", "customer", "", "x" * 300, "\0"):
        LoginTries.objects.all().delete()
        forget(name)
    assert len(mail.outbox) == 1
    page = Client().post("/welcome/", {"secret": secret}).content.decode()
    assert "For <b>viewer</b>" in page
    said = {"secret": secret, "do": "set", "new_password1": NEW, "new_password2": NEW}
    assert Client().post("/welcome/", said).status_code == 302
    assert User.objects.get(username="viewer").check_password(NEW)
    assert logged_in.get("/account/").status_code == 302
    assert Client().post("/welcome/", said).status_code == 403
    assert not PersonalLink.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_link_for_a_forgotten_password_ends_within_an_hour_and_makes_no_other_useless() -> None:
    cast = make_cast()
    User.objects.filter(username="owner").update(email="olga@example.com")
    admins = personal_links.new_password(cast.superuser, cast.owner)
    forget("owner")
    own = PersonalLink.objects.get(made_by=cast.owner)
    assert own.expires_at <= timezone.now() + timedelta(hours=1)
    assert personal_links.find(admins)
    # With an open browser alone nobody gets a new password.
    assert own not in personal_links.seen_by(cast.owner)
    assert client_of(cast, "owner").post(f"/people/links/{own.pk}/", {"do": "renew"}).status_code == 404
    User.objects.filter(username="owner").update(is_active=False)
    (letter,) = mail.outbox
    assert Client().post("/welcome/", {"secret": letter.body.partition("#")[2].split()[0]}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_letters_are_asked_for_no_more_often_than_passwords_are_tried(settings: Any) -> None:
    client = Client()
    for _ in range(settings.FOOTFALL_LOGIN_TRIES):
        assert "on its way" in forget("nobody", client)
    with MAIL:
        late = client.post("/forgotten/", {"name": "nobody"})
    assert late.status_code == 429
    assert int(late.headers["Retry-After"]) > 0
    assert "Too many links were asked for" in late.content.decode()


def test_without_mail_one_is_told_whom_to_ask(db: None) -> None:
    assert '<a href="/forgotten/">' in Client().get("/login/").content.decode()
    for answer in (Client().get("/forgotten/"), Client().post("/forgotten/", {"name": "owner"})):
        assert "Ask an owner of your site, or an administrator" in answer.content.decode()
    assert not PersonalLink.objects.exists()
