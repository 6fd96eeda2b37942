"""`manage.py reconcile`: it says that all adds up, and what does not where rows were tampered with."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.history.reconciling import Check, told
from analytics.models import ImportedFigure, ImportedFile
from tests import stored
from tracker.models import PageView, Site, Visit

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime.now(UTC)


def test_real_figures_add_up_and_what_does_not_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    site = Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")
    chance = random.Random(3)
    noon = NOW.replace(hour=10)
    for number in range(30):
        at = noon - timedelta(days=chance.randint(1, 5), minutes=chance.randint(0, 200))
        paths = chance.choices(["/", "/a", "=b"], k=chance.randint(1, 3))
        origin: dict[str, Any] = {
            "country": chance.choice(["DE", "FR"]),
            "referrer": chance.choice(["", "Bing"]),
        }
        stored.visit(site, at, *paths, visitor=at.day * 100 + number, events=number % 2, **origin)
    call_command("seal")
    capsys.readouterr()
    call_command("reconcile", site.key)
    text = capsys.readouterr().out
    assert "everything adds up" in text
    assert "NOT" not in text
    assert text.count("ok ") == 12
    first, day = NOW.date() - timedelta(days=20), NOW.date() - timedelta(days=10)
    file = ImportedFile.objects.create(
        **{"site": site, "product": "umami", "name": "a.csv", "digest": b"", "added_by": "me"},
        **{"first": first, "last": day, "rows": 2, "figures": 2},
    )
    nothing = dict.fromkeys(("bounces", "visit_seconds", "events"), 0)
    for each in (first, day):
        ImportedFigure.objects.create(
            **{
                "file": file,
                "day": each,
                "dimension": "",
                "name": "",
                "visitors": 2,
                "visits": 3,
                "views": 5,
            },
            **nothing,
        )
    call_command("reconcile", site.key)
    text = capsys.readouterr().out
    assert text.count("ok ") == 15
    assert "imported days add up to weeks and months (4 visitors, 6 visits, 10 views)" in text
    ImportedFigure.objects.filter(day=first).delete()
    with pytest.raises(CommandError, match="does not hold: 1"):
        call_command("reconcile", site.key)
    assert "1 of 2 figures are there" in capsys.readouterr().out
    file.delete()
    sealed = PageView.objects.order_by("began_at")[0]
    PageView.objects.filter(pk=sealed.pk).update(path="/changed")
    Visit.objects.filter(pk=sealed.visit_id).update(views=9)
    with pytest.raises(CommandError, match="does not hold: 2"):
        call_command("reconcile", site.key)
    text = capsys.readouterr().out
    assert "missing; nothing explains it" in text
    assert "NOT  the list of visits says what that of page views does" in text
    for wrong in (["x"], [site.key, "--from", "2026-02-01", "--to", "2026-01-01"]):
        with pytest.raises(CommandError):
            call_command("reconcile", *wrong)


def test_only_some_of_many_differences_are_told() -> None:
    lines: list[str] = []
    assert not told(Check("a", "b", [str(number) for number in range(9)]), lines.append)
    assert len(lines) == 7
