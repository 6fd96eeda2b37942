from pathlib import Path

import maxminddb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.geo_database import write_database
from tracker.visitors.countries import Countries

registries = Countries()


@pytest.mark.parametrize(
    ("address", "country"),
    [("8.8.8.8", "US"), ("193.0.6.139", "NL"), ("202.12.27.33", "JP"), ("2001:67c:2e8::1", "NL")],
)
def test_an_address_has_the_country_of_its_registry(address: str, country: str) -> None:
    assert registries.of(address) == country


@pytest.mark.parametrize(
    "address",
    [
        "",
        "10.0.0.1",
        "127.0.0.1",
        "192.0.2.1",
        "::1",
        "2001:db8::1",
        "fe80::1%eth0",
        "example.com",
        "1.2.3.4.5",
    ],
)
def test_private_reserved_and_broken_addresses_have_none(address: str) -> None:
    assert registries.of(address) == ""


@given(st.text() | st.ip_addresses().map(str))
def test_any_text_has_a_country_or_none(address: str) -> None:
    assert len(registries.of(address)) in (0, 2)


def test_an_operators_database_replaces_the_registries(tmp_path: Path) -> None:
    countries = Countries(
        write_database(
            tmp_path / "own.mmdb",
            {
                "8.8.8.0/24": {"country": {"iso_code": "DE"}},
                "9.0.0.0/8": {"registered_country": {"iso_code": "FR"}},
                "11.0.0.0/8": {"country_code": "JP"},
                "12.0.0.0/8": {"country": {"iso_code": "Atlantis"}},
                "13.0.0.0/8": {"continent": {"code": "EU"}},
                "2001:db8::/32": {"country": {"iso_code": "NZ"}},
            },
        )
    )
    assert [countries.of(address) for address in ("8.8.8.8", "9.9.9.9", "11.1.1.1", "2001:db8::7")] == [
        "DE",
        "FR",
        "JP",
        "NZ",
    ]
    for unknown in ("8.8.4.4", "12.1.1.1", "13.1.1.1", "193.0.6.139", "", "x"):
        assert countries.of(unknown) == ""


def test_a_database_of_ipv4_knows_no_ipv6_address(tmp_path: Path) -> None:
    countries = Countries(
        write_database(tmp_path / "v4.mmdb", {"8.0.0.0/8": {"country_code": "DE"}}, version=4)
    )
    assert (countries.of("8.8.8.8"), countries.of("2001:db8::1")) == ("DE", "")


def test_a_broken_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "broken.mmdb").write_bytes(b"nothing")
    with pytest.raises(maxminddb.InvalidDatabaseError):
        Countries(str(tmp_path / "broken.mmdb"))
    with pytest.raises(OSError):
        Countries(str(tmp_path / "missing.mmdb"))
