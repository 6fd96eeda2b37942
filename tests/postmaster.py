"""The process of a product's Postgres that all others of it descend from."""

from pathlib import Path

import psycopg

from scripts.stands.product import Product


def postmaster_of(product: Product) -> int:
    """The pid of the product's Postgres: the parent of any of its backends."""
    with psycopg.connect((product.data / "database_url").read_text().strip()) as held:
        status = Path(f"/proc/{held.info.backend_pid}/status").read_text()
    return int(status.split("PPid:")[1].split()[0])
