"""Which files a lane of tests needs to read: those that may hold a test it wants, as their text tells."""

from itertools import chain, combinations

from _pytest.mark.expression import Expression

# Marks of single tests, as they are written; `spare` is one of whole modules, given by conftest.
WRITTEN = ("alone", "waits")


def perhaps_wanted(text: str, expression: str, spare: bool) -> bool:
    """Whether a test in this text may have marks that `-m expression` wants."""
    always = {"spare"} if spare else set()
    perhaps = [mark for mark in WRITTEN if f"mark.{mark}" in text]
    some = chain.from_iterable(combinations(perhaps, size) for size in range(len(perhaps) + 1))
    wanted = Expression.compile(expression)
    return any(_is_wanted(wanted, always | {*marks}) for marks in some)


def _is_wanted(wanted: Expression, marks: set[str]) -> bool:
    def is_marked(name: str, /, **values: object) -> bool:
        return name in marks

    return wanted.evaluate(is_marked)
