"""The stream: what happens on a site as it happens, bounded, filtered, and told to boards that are slow."""

from uuid import UUID, uuid4

from tests.test_session import PAGES, VISITOR, WALL, Desk, Page
from tracker.filters import NO_FILTERS, Filters
from tracker.identity import mark
from tracker.stream import KEPT, Happening, Stream, Streams

NAMES = ("/", "", "Chrome", "Linux", "desktop", "DE", "direct", "")
ON_PRICING = Filters(pages=frozenset({"/pricing"}))


def happening(at: float = 0.0, path: str = "/", event: str = "", said: UUID | None = None) -> Happening:
    return Happening(said or uuid4(), at, "0a1b2c3d", event, (path, *NAMES[1:]))


def times(told: tuple[int, list[Happening]]) -> tuple[int, list[float]]:
    """How many more there were, and when the told ones happened."""
    return told[0], [each.at for each in told[1]]


def test_a_reader_hears_what_came_after_it_last_read_newest_first() -> None:
    stream = Stream()
    for at in (1, 2, 3):
        stream.tell(happening(at))
    assert times(stream.after(0, 10)) == (0, [3, 2, 1])
    read = stream.told
    stream.tell(happening(4))
    assert times(stream.after(read, 10)) == (0, [4])
    assert times(stream.after(stream.told, 10)) == (0, [])


def test_of_a_flood_the_newest_are_told_and_the_others_counted() -> None:
    stream = Stream()
    for at in range(1000):
        stream.tell(happening(at))
    more, newest = times(stream.after(0, 50))
    assert (more, newest) == (950, list(range(999, 949, -1)))
    more, newest = times(stream.after(0, 10_000))
    assert (more, len(newest)) == (1000 - KEPT, KEPT)


def test_readers_of_one_tick_hear_the_same_whatever_happens_meanwhile() -> None:
    stream = Stream()
    stream.tell(happening(1))
    until = stream.told
    stream.tell(happening(2))
    assert times(stream.after(0, 10, until)) == (0, [1])
    assert times(stream.after(until, 10, until)) == (0, [])


def test_what_is_said_again_is_told_once() -> None:
    stream, said = Stream(), uuid4()
    for _ in range(3):
        stream.tell(happening(1, event="signup", said=said))
    assert stream.told == 1


def test_what_another_process_passed_over_is_counted_in_its_place() -> None:
    stream = Stream()
    stream.tell(happening(1))
    stream.hear(400, [happening(5), happening(6)])
    assert times(stream.after(0, 10)) == (400, [6, 5, 1])
    assert times(stream.after(1, 10)) == (400, [6, 5])


def test_a_site_that_nobody_watches_keeps_nothing_and_filters_keep_their_own() -> None:
    streams = Streams()
    streams.tell(happening(1))
    everything, pricing = streams.follow(NO_FILTERS), streams.follow(ON_PRICING)
    assert streams.follow(ON_PRICING) is pricing
    streams.tell(happening(2, "/pricing"))
    streams.tell(happening(3))
    assert times(everything.after(0, 10)) == (0, [3, 2])
    assert times(pricing.after(0, 10)) == (0, [2])
    streams.forget(ON_PRICING)
    streams.tell(happening(4, "/pricing"))
    assert (pricing.told, everything.told) == (1, 3)


def test_a_mark_tells_visitors_apart_and_is_no_part_of_their_id() -> None:
    marks = {mark(UUID(int=n)) for n in range(1000)}
    assert len(marks) == 1000
    assert mark(UUID(int=5)) not in UUID(int=5).hex


def test_a_page_tells_its_page_views_and_events_once_while_somebody_watches() -> None:
    desk, key = Desk(), str(uuid4())
    page = Page(desk)
    page.opens(PAGES[0], 1.0, "/before")
    stream = desk.presence.site(7).streams.follow(NO_FILTERS)
    page.opens(PAGES[1], 2.0, "/pricing")
    page.opens(PAGES[1], 3.0, "/pricing")
    event = {"t": "event", "id": str(PAGES[1]), "k": key, "n": "signup"}
    for now in (4.0, 5.0):
        page.says(now, **event)
    desk.commit()
    # Over a new connection, where the snippet goes on and says again what was not acknowledged.
    again = Page(desk, connection=2)
    again.opens(PAGES[1], 6.0, "/pricing", e=10, d=5)
    again.says(7.0, **event)
    page.says(8.0, t="event", id=str(PAGES[0]), k=str(uuid4()), n="of a page that is not open")
    _, told = stream.after(0, 10)
    assert [(each.at, each.event, each.names[0]) for each in told] == [
        (WALL + 4.0, "signup", "/pricing"),
        (WALL + 2.0, "", "/pricing"),
    ]
    assert {each.mark for each in told} == {mark(VISITOR)}
