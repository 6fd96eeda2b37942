"""Names of hosts as people read them, on boards as on the server; none that could be taken for another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.written_hosts import BROKEN, DECEPTIVE, PLAIN, coded
from tracker.pages.host_names import ascii_host
from tracker.pages.readable_hosts import readable_host, readable_page


@pytest.mark.parametrize("word", PLAIN)
def test_a_name_is_read_as_its_owner_writes_it(word: str) -> None:
    assert readable_host(f"www.{coded(word)}.example") == f"www.{word}.example"
    assert ascii_host(f"{word}.example") == f"{coded(word)}.example"


@pytest.mark.parametrize("host", [*map(coded, DECEPTIVE), *BROKEN, "localhost", "192.0.2.1", "::1", ""])
def test_a_name_that_could_deceive_stays_as_it_is(host: str) -> None:
    assert readable_host(host) == host


def test_a_page_is_read_with_its_host() -> None:
    assert readable_page("xn--bcher-kva.example/caf%C3%A9") == "bücher.example/café"
    assert readable_page("/xn--bcher-kva") == "/xn--bcher-kva"
    assert readable_page("(other)") == "(other)"


@given(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-"), max_size=59))
def test_whatever_is_read_leads_back(code: str) -> None:
    host = f"xn--{code}.example"
    shown = readable_host(host)
    assert shown == host or ascii_host(shown) == host
