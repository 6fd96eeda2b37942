"""A site's settings in the product's own look: who reads, who changes, and what becomes of what is sent."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from analytics.access.token_text import name_in
from analytics.access.tokens import issue
from analytics.models import Erasure, ImportedFile, Member, Token
from analytics.sites.erasure_section import LEAST_SECONDS, MOST_SECONDS
from analytics.sites.site_settings import SECTIONS
from tests.cast import Cast, make_cast
from tracker.models import FormerKey, Site

pytestmark = pytest.mark.django_db
NAMES = [section.name for section in SECTIONS]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(cast: Cast, user: User) -> str:
    answer = client_of(user).get(f"/sites/{cast.site.key}/settings/")
    assert answer.status_code == 200
    return answer.content.decode()


def send(cast: Cast, user: User, name: str, **sent: str) -> Any:
    """As the page's script sends a section."""
    return client_of(user).post(
        f"/sites/{cast.site.key}/settings/{name}/", sent, headers={"X-Footfall-Section": "1"}
    )


def test_members_read_and_others_do_not(cast: Cast) -> None:
    for name, user in cast.everyone().items():
        status = client_of(user).get(f"/sites/{cast.site.key}/settings/").status_code
        seen = name in ("owner", "viewer", "superuser")
        assert status == (200 if seen else 302 if name == "deactivated" else 404), name
    shown = page(cast, cast.viewer)
    assert "www.seen.example" in shown
    assert "Only owners of seen.example can change these" in shown
    assert "<button" not in shown.partition('class="sections"')[2]
    assert "API tokens" not in shown
    assert "API tokens" in page(cast, cast.owner)


@pytest.mark.parametrize("name", NAMES)
def test_only_owners_change_anything(cast: Cast, name: str) -> None:
    before = Site.objects.values().get(pk=cast.site.pk)
    for user, status in ((cast.viewer, 403), (cast.outsider, 404), (cast.customer, 404)):
        answer = send(cast, user, name, do="make", domain="evil.example", timezone="Asia/Tokyo")
        assert answer.status_code == status
    assert client_of(cast.owner).get(f"/sites/{cast.site.key}/settings/{name}/").status_code == 405
    assert Site.objects.values().get(pk=cast.site.pk) == before
    assert not Token.objects.exists()


def test_a_section_saves_its_own_fields_and_no_others(cast: Cast) -> None:
    Site.objects.filter(pk=cast.site.pk).update(honour_dnt=True, excluded_paths=["/admin/*"])
    answer = send(cast, cast.owner, "zone", timezone="Asia/Tokyo", domain="evil.example")
    assert (answer.status_code, "Saved" in answer.content.decode()) == (200, True)
    site = Site.objects.get(pk=cast.site.pk)
    assert (site.timezone, site.domain, site.honour_dnt) == ("Asia/Tokyo", "seen.example", True)
    assert site.excluded_paths == ["/admin/*"]
    (noted,) = LogEntry.objects.all()
    assert (noted.user, noted.get_change_message()) == (cast.owner, "Changed Time zone.")


def test_without_its_script_a_form_leads_back_to_its_section(cast: Cast) -> None:
    client = client_of(cast.owner)
    address = f"/sites/{cast.site.key}/settings/"
    answer = client.post(f"{address}zone/", {"timezone": "Asia/Tokyo"})
    assert answer["Location"] == f"{address}?saved=zone#zone"
    assert "Saved" in client.get(answer["Location"].partition("#")[0]).content.decode()
    answer = client.post(f"{address}zone/", {"timezone": "Mars/Base"})
    assert answer.status_code == 422
    assert "is not a time zone" in answer.content.decode()
    assert 'id="people"' in answer.content.decode()


def test_what_is_wrong_is_told_and_nothing_saved(cast: Cast) -> None:
    answer = send(cast, cast.owner, "name", domain="seen.example", hosts="shop.example\nno host")
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "is not a host name" in text
    assert "shop.example" in text
    assert Site.objects.get(pk=cast.site.pk).hosts == cast.site.hosts
    assert send(cast, cast.owner, "nothing").status_code == 404


def test_sections_that_belong_together_are_checked_together(cast: Cast) -> None:
    """A path with a # needs the switch of another section; which may not be taken away from under it."""
    text = send(cast, cast.owner, "excluded", excluded_paths="/#/admin/*").content.decode()
    assert "has a #" in text
    assert send(cast, cast.owner, "pages", hash_routes="on").status_code == 200
    assert send(cast, cast.owner, "excluded", excluded_paths="/#/admin/*").status_code == 200
    answer = send(cast, cast.owner, "pages", fold_case="on")
    assert (answer.status_code, "has a #" in answer.content.decode()) == (422, True)


def test_hosts_follow_a_new_domain(cast: Cast) -> None:
    hosts = "\n".join(cast.site.hosts)
    answer = send(cast, cast.owner, "name", domain="neu.example", hosts=hosts, hosts_follow="replace")
    assert answer.status_code == 200
    assert Site.objects.get(pk=cast.site.pk).hosts == ["neu.example", "www.neu.example"]


def roles(cast: Cast) -> dict[str, str]:
    return {member.user.username: member.role for member in cast.site.members.select_related("user")}


def test_an_owner_lets_people_in_and_out_again(cast: Cast) -> None:
    before = roles(cast)
    send(cast, cast.owner, "people", do="add", username="outsider", role="viewer")
    assert roles(cast) == before | {"outsider": "viewer"}
    member = cast.site.members.get(user=cast.outsider)
    send(cast, cast.owner, "people", do="role", member=str(member.pk), role="owner")
    assert roles(cast) == before | {"outsider": "owner"}
    answer = send(cast, cast.owner, "people", do="remove", member=str(member.pk))
    assert "Undo" in answer.content.decode()
    assert roles(cast) == before
    said = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert len(said) == 3
    assert all("outsider" in each for each in said)


def test_nobody_is_a_member_who_should_not_be(cast: Cast) -> None:
    before = roles(cast)
    strange = Member.objects.create(site=cast.strange_site, user=cast.owner, role="viewer")
    for sent in (
        {"do": "add", "username": "nobody", "role": "viewer"},
        {"do": "add", "username": "customer", "role": "owner"},
        {"do": "add", "username": "viewer", "role": "owner"},
        {"do": "add", "username": "outsider", "role": "king"},
        {"do": "role", "member": str(strange.pk), "role": "owner"},
        {"do": "remove", "member": str(strange.pk)},
        {"do": "role", "member": str(cast.site.members.get(user=cast.viewer).pk), "role": "king"},
        {"do": "remove", "member": "٣x"},
        {},
    ):
        assert send(cast, cast.owner, "people", **sent).status_code == 422, sent
    assert roles(cast) == before
    strange.refresh_from_db()
    assert strange.role == "viewer"


def test_the_last_owner_stays(cast: Cast) -> None:
    """The other owners of the cast cannot log in, or are no staff; an administrator may do without one."""
    member = cast.site.members.get(user=cast.owner)
    for sent in ({"do": "remove"}, {"do": "role", "role": "viewer"}):
        answer = send(cast, cast.owner, "people", member=str(member.pk), **sent)
        assert "This is the only owner" in answer.content.decode()
    assert roles(cast)["owner"] == "owner"
    send(cast, cast.superuser, "people", do="remove", member=str(member.pk))
    assert "owner" not in roles(cast)


def test_who_owns_all_sites_is_shown_and_may_stay_alone(cast: Cast) -> None:
    Member.objects.create(site=None, user=cast.outsider, role="owner")
    assert "owner of all sites" in page(cast, cast.viewer)
    member = cast.site.members.get(user=cast.owner)
    assert send(cast, cast.owner, "people", do="remove", member=str(member.pk)).status_code == 200
    assert "owner" not in roles(cast)


def test_a_token_is_shown_once_and_revoked(cast: Cast) -> None:
    made = send(cast, cast.owner, "tokens", do="make", write="on").content.decode()
    token = Token.objects.get()
    assert (token.write, token.all_sites, list(token.sites.all())) == (True, False, [cast.site])
    text = made.partition('<code translate="no">')[2].partition("<")[0]
    assert name_in(text) == token.name
    assert text not in page(cast, cast.owner)
    assert str(token) in page(cast, cast.owner)
    send(cast, cast.owner, "tokens", do="revoke", token=str(token.pk))
    assert not Token.objects.exists()


@pytest.mark.parametrize("number", ["9" * 5000, "٣", "-1", ""])
def test_a_number_that_no_row_has_is_told(cast: Cast, number: str) -> None:
    for section, sent, said in (
        ("tokens", {"do": "revoke", "token": number}, "not yours to revoke"),
        ("people", {"do": "remove", "member": number}, "no member any more"),
        ("goals", {"do": "remove", "goal": number}, "removed already"),
        ("history", {"do": "undo", "file": number}, "gone already"),
        ("erase", {"do": "cancel", "erasure": number}, "cannot be changed"),
    ):
        assert said in send(cast, cast.owner, section, **sent).content.decode()


def test_a_token_is_shown_without_the_script_too(cast: Cast) -> None:
    answer = client_of(cast.owner).post(f"/sites/{cast.site.key}/settings/tokens/", {"do": "make"})
    assert f"ff_{Token.objects.get().name}_" in answer.content.decode()


def test_tokens_that_read_more_are_told_and_not_an_owners_to_revoke(cast: Cast) -> None:
    issue()
    issue([cast.site, cast.strange_site])
    issue([cast.strange_site])
    shown = page(cast, cast.owner)
    assert shown.count("an administrator’s") == 2
    for token in Token.objects.all():
        answer = send(cast, cast.owner, "tokens", do="revoke", token=str(token.pk))
        assert answer.status_code == 422
    assert Token.objects.count() == 3


def key_of(cast: Cast) -> str:
    return Site.objects.get(pk=cast.site.pk).key


def test_a_changed_key_works_as_long_as_was_chosen(cast: Cast) -> None:
    old = cast.site.key
    assert send(cast, cast.owner, "danger", do="key", hours="24").status_code == 200
    new = key_of(cast)
    assert new != old
    # Boards and the API are found under both.
    owner = client_of(cast.owner)
    for key in (old, new):
        assert owner.get(f"/sites/{key}/settings/").status_code == 200
        assert client_of(cast.outsider).get(f"/sites/{key}/settings/").status_code == 404
    assert old in owner.get(f"/sites/{new}/settings/").content.decode()
    FormerKey.objects.update(until=timezone.now())
    assert owner.get(f"/sites/{old}/settings/").status_code == 404


def test_a_key_ends_at_once_where_that_is_meant(cast: Cast) -> None:
    old = cast.site.key
    send(cast, cast.owner, "danger", do="key", hours="0")
    assert client_of(cast.owner).get(f"/sites/{old}/settings/").status_code == 404
    cast.site.refresh_from_db()
    middle = cast.site.key
    send(cast, cast.owner, "danger", do="key", hours="1")
    cast.site.refresh_from_db()
    send(cast, cast.owner, "danger", do="end", key=middle)
    assert not FormerKey.objects.exists()
    assert send(cast, cast.owner, "danger", do="key", hours="9000").status_code == 422


def test_a_site_is_switched_off_by_its_name_and_on_again(cast: Cast) -> None:
    answer = send(cast, cast.owner, "danger", do="off", typed="seen")
    assert (answer.status_code, "Type the site’s name" in answer.content.decode()) == (422, True)
    assert Site.objects.get(pk=cast.site.pk).enabled
    assert send(cast, cast.owner, "danger", do="off", typed=" Seen.example ").status_code == 200
    assert not Site.objects.get(pk=cast.site.pk).enabled
    assert send(cast, cast.owner, "danger", do="on").status_code == 200
    assert Site.objects.get(pk=cast.site.pk).enabled
    said = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert said == ["Switched off.", "Switched on."]


def test_an_owner_erases_keeps_and_deletes(cast: Cast) -> None:
    def erase(**sent: str) -> str:
        return str(send(cast, cast.owner, "erase", **sent).content.decode())

    assert "Type the site’s name" in erase(do="days", first="2026-10-01", typed="other.example")
    assert "written like" in erase(do="days", first="1.10.2026", typed="seen.example")
    assert "before the first" in erase(do="days", first="2026-10-02", last="2026-10-01", typed="seen.example")
    assert not Erasure.objects.exists()
    assert "/users/*" in erase(do="pages", pattern="/users/*", typed="Seen.example ")
    (waiting,) = Erasure.objects.all()
    assert (waiting.kind, waiting.first, waiting.asked_by, waiting.state) == (
        "pages",
        None,
        "owner",
        "waiting",
    )
    assert "/users" not in "".join(LogEntry.objects.values_list("change_message", flat=True))
    assert f'data-again="{MOST_SECONDS}"' in page(cast, cast.owner)
    assert "Everything is kept" in erase(do="cancel", erasure=str(waiting.pk))
    # What is over stays as it is.
    assert "data-again" not in page(cast, cast.owner)
    assert "cannot be changed" in erase(do="now", erasure=str(waiting.pk))

    assert send(cast, cast.owner, "danger", do="delete", typed_to_delete="x").status_code == 422
    assert Site.objects.get(pk=cast.site.pk).enabled
    text = send(cast, cast.owner, "danger", do="delete", typed_to_delete="seen.example").content.decode()
    assert "Keep the site" in text
    assert not Site.objects.get(pk=cast.site.pk).enabled
    deletion = Erasure.objects.get(kind="site")
    assert "waits to be deleted" in send(cast, cast.owner, "danger", do="on").content.decode()
    assert not Site.objects.get(pk=cast.site.pk).enabled
    assert "Switch the site on again" not in page(cast, cast.owner)
    Erasure.objects.filter(pk=deletion.pk).update(state="running", steps_done=1234, steps_of=2345)
    running = page(cast, cast.owner)
    assert "1,234 of 2,345 tables" in running
    assert f'data-again="{LEAST_SECONDS}"' in running
    Erasure.objects.filter(pk=deletion.pk).update(state="waiting")
    assert send(cast, cast.owner, "erase", do="now", erasure="1e3").status_code == 422
    erase(do="cancel", erasure=str(deletion.pk))
    assert Site.objects.get(pk=cast.site.pk).enabled
    other = Erasure.objects.create(
        site_id=cast.strange_site.pk, kind="site", asked_by="x", begins_at=timezone.now()
    )
    assert "cannot be changed" in erase(do="cancel", erasure=str(other.pk))


def test_files_of_other_products_come_in_and_go_again(cast: Cast) -> None:
    client, address = client_of(cast.owner), f"/sites/{cast.site.key}/imports/"
    assert "Choose a file" in client.post(address, {"product": "umami"}).content.decode()
    long = SimpleUploadedFile("統計" * 60 + ".csv", b"x")
    assert client.post(address, {"product": "umami", "file": long}).status_code == 422
    large = SimpleUploadedFile("a.csv", b"x")
    assert client_of(cast.viewer).post(address, {"product": "umami", "file": large}).status_code == 403
    file = ImportedFile.objects.create(
        site=cast.site,
        product="umami",
        name="a.csv",
        digest=b"",
        first="2025-03-01",
        last="2025-03-02",
        rows=1,
        figures=1,
        added_by="owner",
    )
    assert "a.csv" in page(cast, cast.viewer)
    answer = send(cast, cast.owner, "history", do="undo", file=str(file.pk))
    assert "is taken back" in answer.content.decode()
    assert not ImportedFile.objects.exists()
    assert send(cast, cast.owner, "history", do="undo", file="1e3").status_code == 422


def test_the_administration_shows_what_was_erased_to_owners_of_it(cast: Cast) -> None:
    for site in (cast.site, cast.strange_site):
        Erasure.objects.create(
            site_id=site.pk, domain=site.domain, kind="days", asked_by="anna", begins_at=timezone.now()
        )
    address = "/admin/analytics/erasure/"
    shown = client_of(cast.owner).get(address).content.decode()
    assert "seen.example" in shown
    assert "stranger.example" not in shown
    assert "stranger.example" in client_of(cast.superuser).get(address).content.decode()
    assert client_of(cast.viewer).get(address).status_code == 403
