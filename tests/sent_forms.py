"""What a browser sends when the forms of a page are sent as they are."""

from html.parser import HTMLParser


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str | list[str]] = {}
        self._posts = False
        self._select, self._several = "", False
        self._text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._posts = given.get("method") == "post" and "logout" not in given.get("action", "")
        elif not self._posts:
            return
        elif tag == "select":
            self._select, self._several = given.get("name", ""), "multiple" in given
        elif tag == "option" and "selected" in given:
            self._add(self._select, given.get("value", ""), self._several)
        elif tag == "textarea":
            self._select, self._text = given.get("name", ""), []
        elif tag == "input":
            ticked = given.get("type") in ("checkbox", "radio")
            if not ticked or "checked" in given:
                self._add(given.get("name", ""), given.get("value", "on" if ticked else ""))

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text is not None:
            # The first line break after the tag is none of the text (HTML, 13.1.2.5).
            self._add(self._select, "".join(self._text).removeprefix("\n"))
            self._text = None

    def _add(self, name: str, value: str, several: bool = False) -> None:
        if several:
            kept = self.found.setdefault(name, [])
            assert isinstance(kept, list)
            kept.append(value)
        elif name:
            self.found.setdefault(name, value)


def fields(page: str) -> dict[str, str | list[str]]:
    """The fields of a page's forms that post, but for logging out, as they are filled in."""
    read = _Fields()
    read.feed(page)
    return read.found
