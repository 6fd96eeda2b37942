"""The door at which passwords are taken: few at once, few waiting, and what that costs the others."""

import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.hashers import check_password, get_hasher, make_password
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import AsyncClient

from analytics.access import known_browser
from analytics.access.hashing import HashingBusy, HashingThreads, PooledHasher, hash_in
from analytics.access.login_door import LoginDoor
from scripts.stands.checkout import ROOT
from scripts.stands.page_messages import page
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.visitor_sockets import dial

Said = list[dict[str, Any]]
ROOM, HOLD, PATIENCE = 8, 0.05, 20.0
SECONDS = 8.0


class Forms:
    """What stands behind the door: answers when it is let."""

    def __init__(self, status: int = 200) -> None:
        self.inside = self.most = self.answered = 0
        self.may_answer, self.three_inside = asyncio.Event(), asyncio.Event()
        self._status = status

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside == 3:
            self.three_inside.set()
        await self.may_answer.wait()
        self.inside -= 1
        self.answered += 1
        await send({"type": "http.response.start", "status": self._status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def door(room: int = ROOM, patience: float = PATIENCE, hold: float = HOLD) -> LoginDoor:
    return LoginDoor(room, 1, patience, hold, proxies=())


async def come(
    guarded: Any, address: str = "192.0.2.1", path: str = "/login/", method: str = "POST", cookie: str = ""
) -> Said:
    """What somebody at the door is answered."""
    said: Said = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    headers = [(b"cookie", cookie.encode())]
    scope = {"type": "http", "path": path, "method": method, "client": (address, 1), "headers": headers}
    await guarded(scope, receive, send)
    return said


async def test_one_at_a_time_goes_in_and_who_finds_no_room_is_told_when_to_come_back() -> None:
    forms = Forms()
    guarded = door().guard(forms)
    # From many addresses: two more than have room.
    coming = [asyncio.create_task(come(guarded, f"192.0.2.{n}")) for n in range(ROOM + 2)]
    refused = await asyncio.wait_for(asyncio.gather(*coming[ROOM:]), PATIENCE / 2)
    assert [said[0]["status"] for said in refused] == [503, 503]
    assert (b"Retry-After", b"5") in refused[0][0]["headers"]
    assert b"Content-Security-Policy" in dict(refused[0][0]["headers"])
    assert b"Too many are logging in" in refused[0][1]["body"]
    forms.may_answer.set()
    assert [said[0]["status"] for said in await asyncio.gather(*coming[:ROOM])] == [200] * ROOM
    assert forms.most == 1
    assert (await come(guarded))[0]["status"] == 200, "they left their room"


async def test_one_address_takes_no_more_than_its_share_of_the_room() -> None:
    forms = Forms()
    guarded = door().guard(forms)
    crowd = [asyncio.create_task(come(guarded, f"2001:db8::{n:x}")) for n in range(ROOM)]  # one /64
    # At once, and not when their patience is over.
    refused = await asyncio.wait_for(asyncio.gather(*crowd[ROOM // 4 :]), PATIENCE / 2)
    assert {said[0]["status"] for said in refused} == {503}
    other = asyncio.create_task(come(guarded, "192.0.2.2"))
    forms.may_answer.set()
    assert (await other)[0]["status"] == 200
    await asyncio.gather(*crowd)


async def test_whoever_has_logged_in_before_stands_in_no_line_with_strangers() -> None:
    forms = Forms()
    guarded = door().guard(forms)
    crowd = [asyncio.create_task(come(guarded, f"192.0.2.{n}")) for n in range(ROOM)]
    await asyncio.sleep(0)
    answer = HttpResponse()
    known_browser.keep(answer, "admin")
    cookie = f"{known_browser.COOKIE}={answer.cookies[known_browser.COOKIE].value}"
    forged = cookie[:-1] + ("a" if cookie[-1] != "a" else "b")
    owner = asyncio.create_task(come(guarded, "192.0.2.1", cookie=cookie))
    assert (await come(guarded, "192.0.2.1", cookie=forged))[0]["status"] == 503
    assert forms.inside == 2, "a stranger, and the owner beside"
    forms.may_answer.set()
    assert (await owner)[0]["status"] == 200
    await asyncio.gather(*crowd)


async def test_nobody_waits_beyond_patience() -> None:
    forms = Forms()
    guarded = door(patience=0.05).guard(forms)
    first = asyncio.create_task(come(guarded))
    await asyncio.sleep(0)
    assert (await come(guarded, "192.0.2.2"))[0]["status"] == 503
    forms.may_answer.set()
    assert (await first)[0]["status"] == 200


async def test_a_refusal_is_held_back_and_so_is_one_for_too_many_tries() -> None:
    forms = Forms(status=429)
    forms.may_answer.set()
    guarded = door(room=1, hold=0.3).guard(forms)
    began = time.monotonic()
    first = asyncio.create_task(come(guarded))
    await asyncio.sleep(0)
    assert (await come(guarded, "192.0.2.2"))[0]["status"] == 503, "its room is not free while it is held"
    assert (await first)[0]["status"] == 429
    assert time.monotonic() - began >= 0.3


async def test_a_look_at_the_form_and_other_pages_do_not_wait_at_the_door() -> None:
    forms = Forms()
    guarded = door().guard(forms)
    waiting = asyncio.create_task(come(guarded))
    others = [
        asyncio.create_task(come(guarded, method="GET")),
        asyncio.create_task(come(guarded, path="/sites/live.json")),
    ]
    await asyncio.wait_for(forms.three_inside.wait(), 5)
    forms.may_answer.set()
    await asyncio.gather(waiting, *others)


async def test_who_leaves_is_looked_at_to_the_end() -> None:
    """Its thread hashes on, whatever becomes of the client: so long nobody else goes in."""
    forms = Forms()
    guarded = door().guard(forms)
    heard: list[str] = []

    async def asks(scope: Any, receive: Any, send: Any) -> None:
        heard.append((await receive())["type"])
        leaving = asyncio.ensure_future(receive())
        done, _ = await asyncio.wait([leaving], timeout=0.05)
        assert not done
        leaving.cancel()
        await forms(scope, receive, send)

    forms.may_answer.set()
    assert (await come(door().guard(asks)))[0]["status"] == 200
    assert heard == ["http.request"]
    assert (await come(guarded))[0]["status"] == 200


@contextmanager
def hashing_in(threads: HashingThreads) -> Iterator[None]:
    """Passwords of this process are hashed there."""
    hasher = get_hasher()
    assert isinstance(hasher, PooledHasher)
    before = hasher.threads
    hash_in(threads)
    try:
        yield
    finally:
        hasher.threads = before


@contextmanager
def occupied(threads: HashingThreads, by: int) -> Iterator[None]:
    """So many hash and wait until the end of the block."""
    go_on = threading.Event()
    with ThreadPoolExecutor(by) as doors:
        waiting = [doors.submit(threads.run, go_on.wait) for _ in range(by)]
        try:
            wait_for(lambda: threads.full, what="all room to be taken")
            yield
        finally:
            go_on.set()
    assert all(each.result() for each in waiting)


def test_passwords_are_hashed_in_threads_that_give_way() -> None:
    threads = HashingThreads(1, waiting=1)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    niceness = threads.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert niceness >= own + 10 or niceness == 19
    assert os.getpriority(os.PRIO_PROCESS, 0) == own
    with hashing_in(threads):
        kept = make_password("a password")
        assert kept.startswith("pbkdf2_sha256$"), "what is in databases already stays readable"
        assert check_password("a password", kept)
        assert not check_password("another", kept)


def test_a_process_that_was_started_with_nice_hashes_too() -> None:
    """Nobody but root may go back from what it was started with."""

    def niceness() -> int:
        os.nice(12)
        return HashingThreads(1, waiting=1).run(
            lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        )

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(niceness).result() >= 12 + 7


def test_beyond_those_who_may_wait_a_password_is_refused_at_once() -> None:
    threads = HashingThreads(2, waiting=1)
    # In another thread: without the bound it would wait for those who wait for this test.
    with ThreadPoolExecutor(1) as asking, occupied(threads, 3), hashing_in(threads):
        asked = asking.submit(make_password, "a password")
        with pytest.raises(HashingBusy):
            asked.result(timeout=5)
    assert threads.run(lambda: "free again") == "free again"


@pytest.mark.django_db
def test_whatever_hashes_a_password_says_that_it_is_busy_in_a_page() -> None:
    """Not only logging in: here the administration's form for another password."""
    import_module(settings.ROOT_URLCONF)  # it makes this process's own threads
    root = User.objects.create_superuser("root", password="the old password")
    client = AsyncClient()
    client.force_login(root)
    threads = HashingThreads(1, waiting=0)
    with hashing_in(threads), occupied(threads, 1):
        said = {"old_password": "the old password", "new_password1": "n", "new_password2": "n"}
        answer = async_to_sync(client.post)("/admin/password_change/", said)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "Too many are logging in" in answer.content.decode()


class Costs:
    """What others wait for: acknowledgements of a page, and answers of the API; seconds."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._key = product.add_site("example.com")
        self._token = product.add_token()

    def take(self) -> tuple[list[float], list[float]]:
        with ThreadPoolExecutor(2) as both:
            acks, answers = both.submit(self._acks), both.submit(self._answers)
            return acks.result(), answers.result()

    def _acks(self) -> list[float]:
        said = page()
        with dial(self._product, self._key) as socket:
            socket.send(json.dumps(said))
            socket.recv(timeout=20)

            def ask() -> None:
                event = {"t": "event", "id": said["id"], "k": str(uuid4()), "n": "signup"}
                socket.send(json.dumps(event))
                socket.recv(timeout=30)

            return _timed(ask, 0.05)

    def _answers(self) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", self._product.port, timeout=30)

        def ask() -> None:
            headers = {"Authorization": f"Bearer {self._token}"}
            connection.request("GET", f"/api/v1/sites/{self._key}/live", headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200

        with closing(connection):
            return _timed(ask, 0.1)


def _timed(ask: Callable[[], None], pause: float) -> list[float]:
    took = []
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
        time.sleep(pause)
    return took


@contextmanager
def guessers(product: Product, count: int) -> Iterator[None]:
    """So many who guess meanwhile, each from an address of its own."""
    command = [sys.executable, "-m", "scripts.stands.guessers", str(product.port), str(count), "many"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            # Their forms are fetched by then: what follows is passwords.
            time.sleep(2)
            yield
        finally:
            heard = json.loads(program.communicate("")[0])
    assert heard.get("200", 0) > 0, heard


@pytest.mark.alone
def test_24_who_guess_cost_neither_pages_nor_programs() -> None:
    """Without the door an ack took forty times as long, and an answer a hundred and more."""
    with running(
        FOOTFALL_TRUSTED_PROXIES="127.0.0.1", DJANGO_SETTINGS_MODULE="analytics.settings"
    ) as product:
        costs = Costs(product)
        costs.take()
        quiet = costs.take()
        with guessers(product, 24):
            loud = costs.take()
    for before, after in zip(quiet, loud, strict=True):
        # Of a machine that is nobody else's, 1.2; so much is the clock's and the neighbours'.
        ratio = statistics.median(after) / statistics.median(before)
        print(f"{1000 * statistics.median(before):.0f} → {1000 * statistics.median(after):.0f} ms")
        assert ratio < 1.6, ratio
