"""The made-up visitors: what they are and do, and how they speak."""

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from analytics.demo import facts, people, rhythm
from analytics.demo.page_socket import PageSocket, SocketAddress
from analytics.demo.people import People, Person
from analytics.demo.tab import DemoTab, wait_after
from analytics.demo.walk import BEGINNING, Moment, Stay, Walk, rest_of, walk
from scripts.stands.ports import free_port
from tracker.contract.attention import Attention
from tracker.contract.messages import PageMessage, StateMessage, parse
from tracker.pages import page_url, referrers
from tracker.visitors import agents
from tracker.visitors.countries import Countries

AVERAGE = 40
PERSON = Person("192.0.2.7", facts.DEVICES[0].user_agent, 1440, "en-GB", "Europe/London")


def a_walk(seed: int) -> Walk:
    rng = Random(seed)
    return walk(rng, rhythm.source(rng))


def test_the_demo_site_has_no_dead_links() -> None:
    linked = {link for place in facts.PLACES.values() for link in place.links}
    entered = {entry for source in (*facts.SOURCES, *facts.SURGES) for entry in source.entries}
    assert linked | entered | set(facts.EVENTS) <= set(facts.PLACES)


def test_no_made_up_agent_is_a_bot_and_all_classes_of_device_come() -> None:
    read = [agents.read(device.user_agent) for device in facts.DEVICES]
    assert not [device for device in facts.DEVICES if agents.is_bot(device.user_agent)]
    assert {agent.device for agent in read} == {"desktop", "mobile", "tablet"}
    assert len({agent.browser for agent in read}) >= 8


def test_visitors_come_by_every_channel() -> None:
    found = set()
    for source in facts.SOURCES:
        utm = page_url.read(f"https://demo.footfall.example/?{source.query}").utm
        found.add(referrers.read(source.referrer, lambda host: False, utm).channel)
    assert found == {"direct", "search", "social", "ai", "mail", "campaign", "paid", "referral"}


@given(st.integers())
def test_a_walk_follows_links_and_its_figures_only_grow(seed: int) -> None:
    visit = a_walk(seed)
    for before, after in zip(visit.stays, visit.stays[1:], strict=False):
        assert after.path in facts.PLACES[before.path].links
        assert after.query == ""
    for stay in (*visit.stays, *([visit.second_tab] if visit.second_tab else [])):
        check_figures(stay)


@given(st.integers(), st.floats(0, 1))
def test_who_is_met_in_the_middle_of_a_walk_goes_on_from_there(seed: int, share: float) -> None:
    visit = a_walk(seed)
    rest = rest_of(visit, share * visit.seconds)
    assert rest.seconds == pytest.approx((1 - share) * visit.seconds, abs=1e-6)
    assert [stay.path for stay in rest.stays] == [stay.path for stay in visit.stays][-len(rest.stays) :]
    for stay in rest.stays:
        check_figures(stay)


def check_figures(stay: Stay) -> None:
    before = BEGINNING
    for moment in stay.moments:
        assert before.at <= moment.at
        assert before.engaged_ms <= moment.engaged_ms <= moment.at * 1000 + 3  # ms of rounding
        assert before.depth <= moment.depth <= 100
        before = moment
    assert before.attention is Attention.HIDDEN
    assert before.at == pytest.approx(stay.seconds)


def test_a_second_tab_hides_the_first() -> None:
    visit = next(visit for visit in map(a_walk, range(1000)) if visit.second_tab)
    first = visit.stays[0]
    assert visit.second_tab
    hidden = [moment.at for moment in first.moments if moment.attention is Attention.HIDDEN]
    assert first.second_tab_at in hidden
    assert first.seconds > visit.second_tab.seconds


def test_as_many_leave_at_once_as_on_other_sites() -> None:
    walks = [a_walk(seed) for seed in range(2000)]
    alone = [each.stays[0] for each in walks if len(each.stays) == 1 and not each.second_tab]
    bounced = [stay for stay in alone if not stay.event and stay.moments[-1].engaged_ms < 10_000]
    assert 0.18 < len(bounced) / len(walks) < 0.35


def test_as_many_are_there_as_were_asked_for_and_their_number_swings() -> None:
    rng = Random(1)
    arrivals = rhythm.Rhythm(rng, AVERAGE)
    now, hours = 0.0, 8
    there: Counter[int] = Counter()
    while now < hours * 3600:
        wait, source = arrivals.next(now)
        now += wait
        there.update(range(int(now), int(now + walk(rng, source).seconds)))
    counts = [there[second] for second in range(600, hours * 3600)]
    assert sum(counts) / len(counts) == pytest.approx(AVERAGE, rel=0.15)
    assert min(counts) < 0.7 * AVERAGE
    assert max(counts) > 1.4 * AVERAGE


def test_people_come_from_the_countries_that_they_were_made_for() -> None:
    countries = Countries()
    crowd = People(Random(1), countries.of)
    met = [crowd.next() for _ in range(3000)]
    found = Counter(countries.of(person.address) for person in met)
    assert set(found) == set(facts.COUNTRIES)
    assert found.most_common(1)[0][0] == "US"
    for person in met:
        assert person.zone == facts.COUNTRIES[countries.of(person.address)][1]
    # Some come again, but not while many others have not come yet.
    assert 0.1 < 1 - len(set(met)) / len(met) < 0.35
    assert len(set(met[: people.GONE_BY])) > 0.95 * people.GONE_BY


def test_without_any_country_there_are_visitors_all_the_same() -> None:
    assert People(Random(1), lambda address: "").next().address == "192.0.2.1"


@pytest.mark.parametrize(
    ("code", "least", "most"), [(4502, 0, 0.5), (4503, 30, 60), (1006, 0.5, 8), (1011, 0.5, 8)]
)
def test_a_page_comes_back_when_the_contract_says(code: int, least: float, most: float) -> None:
    rng = Random(1)
    waits = [wait_after(rng, code, 8) for _ in range(500)]
    assert least <= min(waits) < least + 0.1 * (most - least)
    assert most - 0.1 * (most - least) < max(waits) <= most


class DemoServer:
    """A real WebSocket server that notes what it hears, and closes its first connections with `codes`."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.connections: list[ServerConnection] = []
        self.frames: list[list[Any]] = []

    async def __call__(self, connection: ServerConnection) -> None:
        heard: list[Any] = []
        self.connections.append(connection)
        self.frames.append(heard)
        code = self.codes.pop(0) if self.codes else None
        if code == 4403:
            await connection.close(code)
        with suppress(ConnectionClosed):
            async for frame in connection:
                heard.append(parse(frame))
                if isinstance(heard[-1], StateMessage) and code:
                    await connection.close(code)


def quick(path: str = "/tea", in_place: bool = False, **more: Any) -> Stay:
    moments = (
        Moment(0.2, Attention.IDLE, 200, 30),
        Moment(0.4, Attention.ACTIVE, 200, 40),
        Moment(0.8, Attention.HIDDEN, 600, 50),
    )
    return Stay(path, "", 0.8, moments, in_place=in_place, **more)


async def visit(server: DemoServer, *stays: Stay) -> None:
    async with serve(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        address = SocketAddress(f"ws://127.0.0.1:{port}/live/KEY", "https://demo.footfall.example", "s3cret")
        await asyncio.wait_for(DemoTab(Random(1), address, PERSON).read(stays, "https://www.google.com/"), 20)


async def test_a_tab_says_what_the_snippet_would_say() -> None:
    server = DemoServer()
    await visit(server, quick(event=True, path="/signup"))
    request = server.connections[0].request
    assert request
    assert request.path == "/live/KEY"
    assert request.headers["Origin"] == "https://demo.footfall.example"
    assert request.headers["User-Agent"] == PERSON.user_agent
    assert request.headers["X-Footfall-Demo"] == "s3cret"
    assert request.headers["X-Footfall-Demo-Address"] == PERSON.address
    page, idle, active, event, hidden = server.frames[0]
    assert isinstance(page, PageMessage)
    assert (page.url, page.referrer) == ("https://demo.footfall.example/signup", "https://www.google.com/")
    assert (page.title, page.width, page.again) == ("Open an account – Kettle & Loom", 1440, False)
    assert idle == StateMessage(page.id, Attention.IDLE, 200, 30)
    assert active.attention is Attention.ACTIVE
    assert (event.page_view_id, event.name) == (page.id, "signup")
    assert hidden == StateMessage(page.id, Attention.HIDDEN, 600, 50)


async def test_a_new_page_has_a_socket_of_its_own_unless_it_opens_in_place() -> None:
    server = DemoServer()
    await visit(server, quick("/tea"), quick("/docs/start"), quick("/docs/care", in_place=True))
    paths = [
        [urlsplit(said.url).path for said in heard if isinstance(said, PageMessage)]
        for heard in server.frames
    ]
    assert paths == [["/tea"], ["/docs/start", "/docs/care"]]
    third = server.frames[1][-4]
    assert (third.referrer, third.again) == ("https://demo.footfall.example/docs/start", False)


async def test_after_a_restart_the_same_page_goes_on() -> None:
    server = DemoServer(4502)
    stay = quick()
    await visit(server, Stay(stay.path, "", 2.0, (*stay.moments, Moment(2.0, Attention.HIDDEN, 700, 60))))
    first, again = server.frames[0][0], server.frames[1][0]
    assert again.id == first.id
    assert (first.again, again.again) == (False, True)
    assert again.engaged_ms >= 200
    assert server.frames[1][-1] == StateMessage(first.id, Attention.HIDDEN, 700, 60)


async def test_who_is_refused_never_comes_back() -> None:
    server = DemoServer(4403)
    stay = quick()
    await visit(server, Stay(stay.path, "", 2.0, (*stay.moments, Moment(2.0, Attention.HIDDEN, 700, 60))))
    assert len(server.connections) == 1


async def test_where_nobody_listens_the_visit_passes_quietly() -> None:
    address = SocketAddress(f"ws://127.0.0.1:{free_port()}/live/KEY", "https://demo.footfall.example", "")
    await asyncio.wait_for(DemoTab(Random(1), address, PERSON).read((quick(),), ""), 10)


async def test_a_page_that_still_speaks_while_the_server_says_goodbye_is_heard_by_nobody() -> None:
    socket = PageSocket()
    socket.state = PageSocket.STATE_CLOSING
    assert not socket.closed.done()
    socket.say("{}")
