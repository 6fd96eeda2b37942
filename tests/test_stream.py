"""The stream: what happens on a site as it happens, bounded, filtered, and told to boards that are slow."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest
from websockets.sync.client import ClientConnection

from scripts.stands.agents import PHONE
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.board_sockets import Staff, ack, dial, hear
from tests.boards import visit
from tests.conversation import PAGES, VISITOR, WALL, RecordingServices, SpokenPage
from tracker.live.filters import NO_FILTERS, Filters
from tracker.live.stream import KEPT, NEWEST, Happening, Stream, Streams
from tracker.visitors.identity import mark

NAMES = ("/", "", "Chrome", "Linux", "desktop", "DE", "direct", "")
WATCHER = """
from django.contrib.auth.models import User
from tests.cast import PASSWORD
User.objects.create_superuser("watcher", password=PASSWORD)
"""
ON_PRICING = Filters.of(pages=frozenset({"/pricing"}))


def happening(at: float = 0.0, path: str = "/", event: str = "", said: UUID | None = None) -> Happening:
    return Happening(said or uuid4(), at, "0a1b2c3d", event, (path, *NAMES[1:]))


def times(told: tuple[int, list[Happening]]) -> tuple[int, list[float]]:
    """How many more there were, and when the told ones happened."""
    return told[0], [each.at for each in told[1]]


def test_a_reader_hears_what_came_after_it_last_read_newest_first() -> None:
    stream = Stream()
    for at in (1, 2, 3):
        stream.append(happening(at))
    assert times(stream.after(0, 10)) == (0, [3, 2, 1])
    read = stream.told
    stream.append(happening(4))
    assert times(stream.after(read, 10)) == (0, [4])
    assert times(stream.after(stream.told, 10)) == (0, [])


def test_of_a_flood_the_newest_are_told_and_the_others_counted() -> None:
    stream = Stream()
    for at in range(1000):
        stream.append(happening(at))
    more, newest = times(stream.after(0, 50))
    assert (more, newest) == (950, list(range(999, 949, -1)))
    more, newest = times(stream.after(0, 10_000))
    assert (more, len(newest)) == (1000 - KEPT, KEPT)


def test_readers_of_one_tick_hear_the_same_whatever_happens_meanwhile() -> None:
    stream = Stream()
    stream.append(happening(1))
    until = stream.told
    stream.append(happening(2))
    assert times(stream.after(0, 10, until)) == (0, [1])
    assert times(stream.after(until, 10, until)) == (0, [])


def test_what_is_said_again_is_told_once() -> None:
    stream, said = Stream(), uuid4()
    for _ in range(3):
        stream.append(happening(1, event="signup", said=said))
    assert stream.told == 1


def test_what_another_process_passed_over_is_counted_in_its_place() -> None:
    stream = Stream()
    stream.append(happening(1))
    stream.extend(400, [happening(5), happening(6)])
    assert times(stream.after(0, 10)) == (400, [6, 5, 1])
    assert times(stream.after(1, 10)) == (400, [6, 5])


def test_a_site_that_nobody_watches_keeps_nothing_and_filters_keep_their_own() -> None:
    streams = Streams()
    streams.append(happening(1))
    everything, pricing = streams.follow(NO_FILTERS), streams.follow(ON_PRICING)
    assert streams.follow(ON_PRICING) is pricing
    streams.append(happening(2, "/pricing"))
    streams.append(happening(3))
    assert times(everything.after(0, 10)) == (0, [3, 2])
    assert times(pricing.after(0, 10)) == (0, [2])
    streams.forget(ON_PRICING)
    streams.append(happening(4, "/pricing"))
    assert (pricing.told, everything.told) == (1, 3)


def test_a_mark_tells_visitors_apart_and_is_no_part_of_their_id() -> None:
    marks = {mark(UUID(int=n)) for n in range(1000)}
    assert len(marks) == 1000
    assert mark(UUID(int=5)) not in UUID(int=5).hex


def test_a_page_tells_its_page_views_and_events_once_while_somebody_watches() -> None:
    desk, key = RecordingServices(), str(uuid4())
    page = SpokenPage(desk)
    page.opens(PAGES[0], 1.0, "/before")
    stream = desk.presence.site(7).streams.follow(NO_FILTERS)
    page.opens(PAGES[1], 2.0, "/pricing")
    page.opens(PAGES[1], 3.0, "/pricing")
    event = {"t": "event", "id": str(PAGES[1]), "k": key, "n": "signup"}
    for now in (4.0, 5.0):
        page.says(now, **event)
    desk.commit()
    # Over a new connection, where the snippet goes on and says again what was not acknowledged.
    again = SpokenPage(desk, connection=2)
    again.opens(PAGES[1], 6.0, "/pricing", e=10, d=5)
    again.says(7.0, **event)
    left = uuid4()
    again.says(8.0, t="event", id=str(PAGES[0]), k=str(left), n="of a page that is not open")
    again.says(8.5, t="event", id=str(PAGES[0]), k=str(left), n="of a page that is not open")
    desk.commit()
    _, told = stream.after(0, 10)
    assert [(each.at, each.event, each.names[0]) for each in told] == [
        (WALL + 4.0, "signup", "/pricing"),
        (WALL + 2.0, "", "/pricing"),
    ]
    assert {each.mark for each in told} == {mark(VISITOR)}
    assert stream.lacks_names
    assert [(each.id, each.event) for each in stream.take_nameless()] == [
        (left, "of a page that is not open")
    ]
    assert not stream.lacks_names


@pytest.fixture(scope="module")
def staff(footfall: Product) -> Staff:
    footfall.manage("shell", "--no-imports", "-c", WATCHER)
    return Staff(footfall, "watcher")


@pytest.fixture
def key(footfall: Product) -> str:
    return footfall.add_site("seen.example")


@pytest.fixture
def board(footfall: Product, key: str, staff: Staff) -> Iterator[Callable[..., ClientConnection]]:
    """Opens boards of a site that nobody has seen before."""
    with ExitStack() as stack:

        def opened(query: str = "") -> ClientConnection:
            line = dial(footfall, f"{key}{query}", staff.cookies, {"Origin": footfall.url})
            return stack.enter_context(line)

        yield opened


def told(board: ClientConnection, rows: int) -> list[dict[str, Any]]:
    """So many rows of what this board is told next, oldest first; what it shows meanwhile is acknowledged."""
    found: list[dict[str, Any]] = []

    def all_here() -> bool:
        snapshot = hear(board)
        ack(board, snapshot)
        found.extend(reversed(snapshot.get("stream", {"rows": []})["rows"]))
        return len(found) >= rows

    wait_for(all_here, 10, f"{rows} rows")
    return found


def begins(board: ClientConnection) -> list[dict[str, Any]]:
    """The rows that a board begins with."""
    first = hear(board)
    ack(board, first)
    assert first["stream"]["whole"] is True
    rows: list[dict[str, Any]] = first["stream"]["rows"]
    return rows


def test_boards_are_told_of_page_views_and_events_and_later_ones_begin_with_them(
    footfall: Product, key: str, board: Callable[..., ClientConnection]
) -> None:
    with visit(footfall, key, "/early", "192.0.2.1"):
        pass  # before anybody watches: it comes from Postgres
    watching = board()
    assert [row["page"] for row in begins(watching)] == ["/early"]
    google = "https://www.google.com/"
    with visit(footfall, key, "/pricing", "8.8.8.1", referrer=google) as say, ExitStack() as others:
        others.enter_context(visit(footfall, key, "/phone", "192.0.2.2", PHONE))
        say(t="event", k=str(uuid4()), n="signup <b>", p={"plan": "pro"})
        page, phone, event = told(watching, 3)
        assert page.pop("at") <= phone["at"] <= event.pop("at")
        assert page == {
            "visitor": page["visitor"],
            "page": "/pricing",
            "referrer": "Google",
            "browser": "Chrome",
            "country": "US",
        }
        assert event == {**page, "event": "signup <b>"}
        assert phone["visitor"] != page["visitor"]
        later = board()
        rows = [(row["page"], row.get("event", "")) for row in begins(later)]
        assert rows == [("/pricing", "signup <b>"), ("/phone", ""), ("/pricing", ""), ("/early", "")]
        others.enter_context(visit(footfall, key, "/both", "192.0.2.3"))
        assert told(watching, 1) == told(later, 1)


def test_a_filtered_board_is_told_of_what_its_filters_keep(
    footfall: Product, key: str, board: Callable[..., ClientConnection]
) -> None:
    with visit(footfall, key, "/pricing", "192.0.2.1") as say:
        say(t="event", k=str(uuid4()), n="stored")
        wait_for(lambda: footfall.rows("SELECT 1 FROM tracker_event WHERE name = 'stored'"))
        filtered = board("?page=/pricing")
        assert [row.get("event", "") for row in begins(filtered)] == ["stored", ""]
        assert begins(board("?page=/other")) == []
        with visit(footfall, key, "/other", "192.0.2.2"), visit(footfall, key, "/pricing", "192.0.2.3"):
            say(t="event", k=str(uuid4()), n="signup")
            rows = told(filtered, 2)
            assert [(row["page"], row.get("event", "")) for row in rows] == [
                ("/pricing", ""),
                ("/pricing", "signup"),
            ]


def test_an_event_of_a_page_view_that_is_not_open_any_more_is_told_with_the_names_of_its_page(
    footfall: Product, key: str, board: Callable[..., ClientConnection]
) -> None:
    left, gone = str(uuid4()), str(uuid4())
    with visit(footfall, key, "/start", "192.0.2.1") as say:
        say(t="page", id=left, u="https://seen.example/signup", r="")
        say(t="page", id=gone, u="https://seen.example/gone", r="")
    with visit(footfall, key, "/thanks", "192.0.2.1") as say:
        watching, filtered = board(), board("?page=/signup")
        begins(watching)
        begins(filtered)
        say(t="event", id=gone, k=str(uuid4()), n="late")
        say(t="event", id=left, k=str(uuid4()), n="done")
        heard = [(row["page"], row["event"], row.get("before")) for row in told(watching, 2)]
        assert heard == [("/gone", "late", "/signup"), ("/signup", "done", "/start")]
        assert [(row["page"], row["event"]) for row in told(filtered, 1)] == [("/signup", "done")]
        assert [row["event"] for row in begins(board())[:2]] == ["done", "late"]


def test_a_board_is_sent_more_at_once_than_a_page_may_say(
    footfall: Product, key: str, board: Callable[..., ClientConnection]
) -> None:
    paths = [f"/{number}/{'long' * 400}" for number in range(20)]
    with ExitStack() as stack:
        for number, path in enumerate(paths):
            stack.enter_context(visit(footfall, key, path, f"192.0.2.{number}"))
        first = hear(board())
        assert {row["name"] for row in first["pages"]} == set(paths)
        assert [row["page"] for row in first["stream"]["rows"]] == paths[::-1]


def test_a_slow_board_misses_nothing_but_what_no_longer_fits_and_hears_how_much(
    footfall: Product, key: str, board: Callable[..., ClientConnection]
) -> None:
    slow, quick = board(), board()
    first = hear(slow)
    begins(quick)
    heard = 0
    with ExitStack() as stack:
        for number in range(20):
            say = stack.enter_context(visit(footfall, key, f"/{number}", f"192.0.2.{number}"))
            for step in range(14):
                say(t="page", id=str(uuid4()), u=f"https://seen.example/{number}/{step}")
            if number % 4 < 3:
                continue
            while heard < (number + 1) * 15:
                snapshot = hear(quick)
                ack(quick, snapshot)
                news = snapshot.get("stream", {"rows": [], "more": 0})
                heard += len(news["rows"]) + news["more"]
                assert len(news["rows"]) <= NEWEST
        ack(slow, first)
        news = hear(slow)["stream"]
        assert (len(news["rows"]), news["more"], news["whole"]) == (KEPT, 300 - KEPT, False)
        assert news["rows"] == sorted(news["rows"], key=lambda row: row["at"], reverse=True)
