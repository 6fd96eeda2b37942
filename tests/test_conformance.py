"""RFC 6455, case by case: the framing of an edge where it echoes, both servers where they need not."""

from functools import partial

import pytest

from bench.conformance.case import Case
from bench.conformance.cases import SECTIONS, all_cases
from bench.conformance.run import failure, failure_over
from scripts.stands.edges import running_edge
from scripts.stands.product import Product
from scripts.stands.sockets import open_socket

CASES = all_cases()
ORIGIN = "https://conformance.example"


def test_each_case_has_its_own_number_and_no_section_is_thin() -> None:
    assert len({case.number for case in CASES}) == len(CASES)
    # As many as Autobahn's testsuite has, at least.
    least = {1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 10: 1}
    assert {
        section: sum(case.section == section for case in CASES) >= least[section] for section in SECTIONS
    } == (dict.fromkeys(SECTIONS, True))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: SECTIONS[section][0])
def test_the_framing_of_an_edge_fails_no_case(section: int) -> None:
    wrong = {case.number: failure(case) for case in CASES if case.section == section}
    assert {number: how for number, how in wrong.items() if how} == {}


@pytest.fixture(scope="module")
def key(footfall: Product) -> str:
    return footfall.add_site("conformance.example")


def failures(product: Product, key: str) -> dict[str, str]:
    """What a real server fails of the cases that ask for no echo."""
    dial = partial(open_socket, product.socket_url, f"/live/{key}", ORIGIN)
    found = {case.number: failure_over(case, dial) for case in CASES if not case.echoes}
    return {number: how for number, how in found.items() if how}


def test_an_edge_fails_no_case_that_asks_for_no_echo(footfall: Product, key: str) -> None:
    with running_edge(footfall) as edge:
        assert failures(edge.of(footfall), key) == {}


def test_the_one_process_fails_no_case_that_asks_for_no_echo(footfall: Product, key: str) -> None:
    assert failures(footfall, key) == {}


def test_what_is_wrong_is_told() -> None:
    """The table itself, held against what it must not pass."""
    right = next(case for case in CASES if case.number == "2.2")
    late = next(case for case in CASES if case.number == "6.4.1")
    assert failure(Case("2.2", "", right.said, (), 0))
    assert failure(Case("6.4.1", "", late.said, late.answers, 0))
