"""How a site names its pages: what of their URLs tells them apart, and what of a query is kept."""

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from tracker.pages.escapes import one_form
from tracker.pages.host_names import ascii_host

# What servers send for a folder.
INDEX: Final = ("/index.html", "/index.htm", "/index.php")
RUN: Final = re.compile(r"(?:%[0-9A-F]{2})+|[A-Z]+")


class Naming(NamedTuple):
    """A site's switches; as they stand here, a page's name is its path."""

    keep: frozenset[str] = frozenset()  # query parameters that are stored beside the name
    parts: tuple[
        str, ...
    ] = ()  # query parameters that are part of the name, in the order that they have in it
    hash_routes: bool = False  # the fragment is part of the name
    fold_slashes: bool = False  # `/a/` and `/a/index.html` are `/a`
    fold_case: bool = False  # `/A` is `/a`
    show_host: bool = False  # the host stands before the path

    def folded(self, path: str) -> str:
        """A path, in the one form, as the site wants it; doing it twice changes nothing."""
        if self.fold_case:
            path = lower(path)
        return without_slashes(path) if self.fold_slashes else path

    def typed(self, text: str) -> str:
        """A page's name, or the beginning of names and a `*`, from how people type it."""
        host, slash, rest = text.partition("/")
        if host:
            try:
                host = ascii_host(host).removeprefix("www.")
            except ValueError:
                host = one_form(host)
        path = one_form(slash + rest)
        if path.endswith("*"):
            return host + (lower(path) if self.fold_case else path)
        place, mark, more = path.partition("?" if "#" not in path else "#")
        return host + self.folded(place) + mark + (self.folded(more) if mark == "#" else more)


NO_NAMING: Final = Naming()


def without_slashes(path: str) -> str:
    """A path without slashes at its end, and without the page that servers send for a folder."""
    while len(path) > 1:
        name = path.rstrip("/")
        folder = next((name[: -len(index)] for index in INDEX if name.lower().endswith(index)), name)
        if folder == path:
            break
        path = folder
    return path or "/"


def lower(text: str) -> str:
    """A text in the one form with small letters alone, the escaped ones too."""
    return RUN.sub(_lower, text)


def _lower(found: re.Match[str]) -> str:
    run = found[0]
    if run[0] != "%":
        return run.lower()
    try:
        return quote(unquote(run, errors="strict").lower(), safe="")
    except UnicodeDecodeError:
        return run
