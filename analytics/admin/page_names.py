"""Names of pages in the admin: shown as people write them, and found by what people type."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.text import smart_split, unescape_string_literal

from tracker.pages.escapes import one_form
from tracker.pages.readable_hosts import readable_host, readable_page

SHOWN_AS: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(("path", "entry_path", "exit_path"), readable_page),
    "referrer": readable_host,
}
"""How columns read that are stored in another form; all others are shown as they are."""


def shown(columns: Iterable[str], values: Iterable[Any]) -> list[Any]:
    """A row's values as people read them."""
    return [
        SHOWN_AS[column](value) if column in SHOWN_AS else value
        for column, value in zip(columns, values, strict=False)
    ]


def found(queryset: QuerySet[Any], columns: Iterable[str], text: str) -> QuerySet[Any]:
    """The rows of which one of these columns has each word of a text in it, whatever its case.

    Words are sought in the form that names are stored in: `über` as `%C3%BCber`, `Über` and `ÜBER` too.
    """
    for word in smart_split(text):
        if word.startswith(('"', "'")) and len(word) > 1 and word[0] == word[-1]:
            word = unescape_string_literal(word)
        spelled = (word, word.lower(), word.upper(), word.capitalize())
        cases = {word, *map(one_form, spelled)}
        has = [Q(**{f"{column}__icontains": each}) for column in columns for each in cases]
        queryset = queryset.filter(Q(*has, _connector=Q.OR))
    return queryset
