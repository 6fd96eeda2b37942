"""The country in which an address is registered: from the registries' lists, or an operator's database."""

import re
from typing import Final

import iptocc
import maxminddb

ALPHA_2: Final = re.compile("[A-Z]{2}")


class Countries:
    """Looks addresses up; with `mmdb_path` in that database (maxminddb.InvalidDatabaseError, OSError)."""

    def __init__(self, mmdb_path: str = "") -> None:
        self._database = maxminddb.open_database(mmdb_path) if mmdb_path else None

    def of(self, address: str) -> str:
        """ISO alpha-2 of an address in its shortest form, or "" if nobody knows."""
        code = _from(self._database, address) if self._database else iptocc.country_code(address)
        return code if isinstance(code, str) and ALPHA_2.fullmatch(code) else ""


def _from(database: maxminddb.Reader, address: str) -> object:
    try:
        record = database.get(address)
    # An IPv6 address in a database of IPv4, or no address at all.
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    for place in ("country", "registered_country"):
        country = record.get(place)
        if isinstance(country, dict) and "iso_code" in country:
            return country["iso_code"]
    # Databases that carry nothing else put it at the top.
    return record.get("country_code")
